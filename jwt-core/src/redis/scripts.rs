//! The scripts that change and follow the revocations on the server. Each is atomic.
//!
//! The revocations are in sixteen hashes, the shards. Each change gets the next number, and the log, a stream, has the last
//! changes in their order. Each shard carries the epoch, a random name of the data: if one lacks it, data was lost.

use std::sync::LazyLock;

use ::redis::Script;

/// Fields of a shard that are not revocations. All but the epoch are in the first shard only.
pub(super) const RESERVED_FIELDS: [&str; 4] = ["change", "created", EPOCH, "last"];

/// The field that names the epoch.
pub(super) const EPOCH: &str = "epoch";

macro_rules! script {
    ($body:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                r"
                local time = redis.call('TIME')
                local now = time[1] * 1000 + math.floor(time[2] / 1000)
                local micros = time[1] .. string.format('%06d', time[2])
                local function log(first, stream, name, value)
                    local id = redis.call('HINCRBY', first, 'change', 1) .. '-' .. micros
                    local result = redis.pcall('XADD', stream, 'MAXLEN', '~', 100000, id, name, value)
                    if type(result) == 'table' and result.err then
                        -- The log is ahead, because the first shard was lost.
                        redis.call('DEL', stream)
                        redis.call('XADD', stream, id, name, value)
                    end
                    redis.call('HSET', first, 'last', id)
                    return id
                end
                ",
                $body
            ))
        })
    };
}

/// Merges records with the stored ones of the same shard, logs and publishes the changes, and removes up to a hundred
/// records that have ended. Remaining times are added to the server's own clock.
///
/// While data is restored, each change makes the others wait for more of it.
pub(super) static REVOKE: LazyLock<Script> = script!(
    r"
    local first, stream, shard, ends = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local channel, recovery = ARGV[1], tonumber(ARGV[2])
    -- Only a primary can write, and a record that is stored already is confirmed by a primary too.
    redis.call('HINCRBY', first, 'change', 0)
    local function later(one, other)
        if one == '*' or (other ~= '*' and tonumber(one) > tonumber(other)) then return one end
        return other
    end
    local has_changed = false
    for at = 3, #ARGV, 4 do
        local field, cutoff, last, left = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
        local known = redis.call('HGET', shard, field)
        if known then
            local known_cutoff, known_last = string.match(known, '^(%S+) (%S+)$')
            cutoff, last = later(known_cutoff, cutoff), later(known_last, last)
        end
        local value = cutoff .. ' ' .. last
        if value ~= known then
            has_changed = true
            redis.call('HSET', shard, field, value)
            local end_at = left == '*' and '+inf' or math.floor(now / 1000) + tonumber(left)
            redis.call('ZADD', ends, 'GT', end_at, field)
            local change = value .. ' ' .. field
            redis.call('PUBLISH', channel, log(first, stream, 'r', change) .. ' ' .. change)
        end
    end
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', math.floor(now / 1000), 'LIMIT', 0, 100)) do
        redis.call('ZREM', ends, gone)
        redis.call('HDEL', shard, gone)
    end
    if has_changed and recovery > 0 then
        local created = tonumber(redis.call('HGET', first, 'created') or 0)
        if now - created < recovery then redis.call('HSET', first, 'created', now) end
    end
    return 1
    "
);

/// Returns the changes after a position: a status, the epoch, its age in milliseconds, the last change, the time in microseconds,
/// and pairs of change and record.
///
/// Removing a field that isn't there is a write that needs no memory, so a full primary carries it out, and a replica or a
/// primary that lacks replicas does not.
pub(super) static FOLLOW: LazyLock<Script> = script!(
    r"
    local first, stream = KEYS[1], KEYS[17]
    redis.call('HDEL', first, 'proof')
    local epoch = redis.call('HGET', first, 'epoch')
    for at = 1, 16 do
        if not epoch or redis.call('HGET', KEYS[at], 'epoch') ~= epoch then return { 'lost', epoch or '' } end
    end
    local created = tonumber(redis.call('HGET', first, 'created') or 0)
    if created > now then
        -- The server's clock went back, or another server took over. Nobody must wait until it gets there again.
        redis.pcall('HSET', first, 'created', now)
        created = now
    end
    local age = string.format('%.0f', now - created)
    local last = redis.call('HGET', first, 'last') or ''
    local position = ARGV[2]
    if epoch ~= ARGV[1] or position == '' then return { 'new', epoch, age, last, micros } end
    local reply = { 'known', epoch, age, last, micros }
    if position ~= last then
        local changes = redis.call('XRANGE', stream, position, '+', 'COUNT', ARGV[3] + 1)
        if #changes == 0 or changes[1][1] ~= position then
            local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
            local function number(id) return tonumber(string.match(id, '^%d+')) end
            local is_old = oldest and number(position) < number(oldest[1])
            return { is_old and 'gap' or 'forked', epoch, age, last, micros }
        end
        for at = 2, #changes do
            reply[#reply + 1] = changes[at][1]
            reply[#reply + 1] = changes[at][2][2]
        end
    end
    return reply
    "
);

/// Begins an epoch, unless another process was faster. What's left of the data stays.
pub(super) static BEGIN: LazyLock<Script> = script!(
    r"
    local first, stream = KEYS[1], KEYS[17]
    local epoch, is_lost = redis.call('HGET', first, 'epoch'), false
    for at = 1, 16 do
        is_lost = is_lost or not epoch or redis.call('HGET', KEYS[at], 'epoch') ~= epoch
    end
    if not is_lost then return 0 end
    redis.call('DEL', stream)
    epoch = time[1] .. time[2] .. '-' .. ARGV[1]
    log(first, stream, 'e', epoch)
    for at = 1, 16 do redis.call('HSET', KEYS[at], 'epoch', epoch) end
    redis.call('HSET', first, 'created', now)
    redis.call('PUBLISH', ARGV[2], 'epoch')
    return 1
    "
);

/// Returns the server's description of itself and its memory, if the user may ask.
pub(super) static INFO: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local text = ''
        for _, section in ipairs({ 'server', 'memory' }) do
            local answer = redis.pcall('INFO', section)
            if type(answer) == 'string' then text = text .. answer end
        end
        return text
        ",
    )
});
