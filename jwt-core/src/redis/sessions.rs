use std::sync::LazyLock;

use ::redis::{RedisError, Script};
use async_trait::async_trait;

use super::RedisSettings;
use super::connection::Connection;
use super::failure::Failure;
use crate::issue::session::{Rotation, RotationOutcome, SessionRecord, SessionStore, SessionStoreError, Unreadable};

/// Stores login sessions for every process of a fleet.
///
/// All sessions of a subject are in one hash, so each operation is a single script or command on one key, and there is no
/// index to keep consistent. The server removes a key when the last of its sessions has expired. The subject is the key's
/// hash tag, so the sessions of different subjects are in different slots of a cluster.
///
/// If a server loses its last writes, no client is accused of reuse, and sessions that ended are ended again: [the
/// guide](crate::guide::redis) says how far that goes. A server that loses everything logs everyone out.
///
/// ```no_run
/// use jwt_core::store::{RedisSessions, RedisSettings};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisSessions::connect("redis://127.0.0.1/", &RedisSettings::new())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RedisSessions {
    connection: Connection,
    settings: RedisSettings,
}

/// A script with the functions that parse a record. The fields that change have a line each, before the JSON of the rest.
/// Strings are JSON too, so they contain no line break.
macro_rules! script {
    ($body:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                r"
                local function read(value)
                    local rotations, exchanged, device, rotated, used, ends, expires, rest =
                        string.match(value, '^(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.*)$')
                    return { rotations = rotations, exchanged = exchanged, device = device, rotated = rotated, used = used,
                        ends = ends, expires = expires, rest = rest }
                end
                local function has_ended(session, now) return tonumber(now) >= tonumber(session.ends) end
                ",
                $body
            ))
        })
    };
}

static CREATE: LazyLock<Script> = script!(
    r"
    local id, value, now, most, left = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
    local all, others, forgotten = redis.call('HGETALL', KEYS[1]), {}, {}
    for at = 1, #all, 2 do
        local session = read(all[at + 1])
        if has_ended(session, now) then
            redis.call('HDEL', KEYS[1], all[at])
        else
            others[#others + 1] = { id = all[at], used = tonumber(session.used) }
        end
    end
    table.sort(others, function(one, other)
        if one.used ~= other.used then return one.used < other.used end
        return one.id < other.id
    end)
    for at = 1, #others + 1 - math.max(most, 1) do
        redis.call('HDEL', KEYS[1], others[at].id)
        forgotten[at] = others[at].id
    end
    redis.call('HSET', KEYS[1], id, value)
    if redis.call('TTL', KEYS[1]) < left then redis.call('EXPIRE', KEYS[1], left) end
    return forgotten
    "
);

/// Nothing is deleted here, so that a script that the server runs long after its caller gave up ends no session. If nothing
/// changes, a write that has no effect makes sure that a primary answers.
static ROTATE: LazyLock<Script> = script!(
    r"
    local id, presented, rotations, following = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
    local now, grace, ends, device = ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
    local function unchanged(outcome, value)
        redis.call('HDEL', KEYS[1], '')
        return { outcome, value or false }
    end
    local value = redis.call('HGET', KEYS[1], id)
    if not value then return unchanged('over') end
    local session = read(value)
    local known = tonumber(session.rotations)
    local is_newer = rotations > known
    if tonumber(now) >= tonumber(is_newer and session.expires or session.ends) then return unchanged('over') end
    if device ~= session.device then
        local is_first = session.device == 'null' and rotations == known
        if device == 'null' or not (is_first or is_newer) then return unchanged('unproven', value) end
    end
    if rotations < known then
        local is_previous = rotations + 1 == known
        local in_grace = tonumber(now) < tonumber(session.rotated) + grace
        if is_previous and (session.exchanged == presented or in_grace) then return unchanged('repeated', value) end
        return unchanged('reused', value)
    end
    if tonumber(ends) > tonumber(session.expires) then ends = session.expires end
    value = table.concat({ following, presented, device, now, now, ends, session.expires, session.rest }, '\n')
    redis.call('HSET', KEYS[1], id, value)
    return { is_newer and 'adopted' or 'renewed', value }
    "
);

/// A replica may lack sessions, so the script has a write that changes nothing, and only a primary carries it out.
static LIST: LazyLock<Script> = script!(
    r"
    redis.call('HDEL', KEYS[1], '')
    local all, live = redis.call('HGETALL', KEYS[1]), {}
    for at = 1, #all, 2 do
        if has_ended(read(all[at + 1]), ARGV[1]) then
            redis.call('HDEL', KEYS[1], all[at])
        else
            live[#live + 1] = all[at + 1]
        end
    end
    return live
    "
);

/// Reads a session from a primary only, by a write that changes nothing.
static FIND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        redis.call('HDEL', KEYS[1], '')
        return redis.call('HGET', KEYS[1], ARGV[1])
        ",
    )
});

static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local ended = {}
        for _, id in ipairs(ARGV) do
            if redis.call('HDEL', KEYS[1], id) == 1 then ended[#ended + 1] = id end
        end
        return ended
        ",
    )
});

/// The longest time to live in seconds. The server counts milliseconds in 64 bits, so larger values could overflow.
const LONGEST_TTL: u64 = 100 * 366 * 24 * 60 * 60;

impl RedisSessions {
    /// Creates a store on the server at an address like `redis://127.0.0.1/`. It connects with the first operation.
    ///
    /// The settings of [revocations](RedisSettings::revocations) and their [recovery](RedisSettings::recovery_time) aren't used.
    ///
    /// # Errors
    ///
    /// The address is invalid.
    pub fn connect(address: impl AsRef<str>, settings: &RedisSettings) -> Result<Self, RedisError> {
        Ok(Self { connection: Connection::new(address.as_ref(), settings)?, settings: settings.clone() })
    }

    fn key(&self, subject: &str) -> String {
        // The hash tag is the subject, up to a `}`.
        format!("{}:sessions:{{{subject}}}", self.settings.prefix)
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError> {
        let (now, most) = (session.created_at, most.min(1 << 30));
        let left = session.expires_at.saturating_sub(now).clamp(1, LONGEST_TTL);
        let mut script = CREATE.key(self.key(&session.subject));
        script.arg(&session.id).arg(encode(session)?).arg(now).arg(most).arg(left);
        Ok(self.connection.run_script(&script).await?)
    }

    async fn rotate(
        &self,
        rotation: &Rotation<'_>,
    ) -> Result<(RotationOutcome, Option<SessionRecord>), SessionStoreError> {
        let ends = rotation.now.saturating_add(rotation.idle);
        let mut script = ROTATE.key(self.key(rotation.subject));
        script.arg(rotation.id).arg(json_string(rotation.presented)?).arg(rotation.rotations);
        script.arg(rotation.rotations.saturating_add(1)).arg(rotation.now).arg(rotation.grace).arg(ends);
        script.arg(json_option(rotation.device_key)?);
        let (outcome, session): (String, Option<String>) = self.connection.run_script(&script).await?;
        let Some(session) = session.as_deref().map(decode).transpose()? else {
            return Ok((RotationOutcome::Ended, None));
        };
        let outcome = match outcome.as_str() {
            "renewed" => RotationOutcome::Renewed,
            "adopted" => RotationOutcome::Adopted,
            "repeated" => RotationOutcome::Repeated,
            "unproven" => RotationOutcome::Unproven,
            _ => RotationOutcome::Reused,
        };
        Ok((outcome, Some(session)))
    }

    async fn find(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError> {
        let mut command = ::redis::cmd("HGET");
        command.arg(self.key(subject)).arg(id);
        let mut session: Option<String> = self.connection.query(&command).await?;
        if session.is_none() {
            // A server that has become a replica may lack it, and its user must not be logged out because of that.
            session = self.connection.run_script(FIND.key(self.key(subject)).arg(id)).await?;
        }
        Ok(session.as_deref().map(decode).transpose()?)
    }

    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        let mut script = LIST.key(self.key(subject));
        script.arg(now);
        let sessions: Vec<String> = self.connection.run_script(&script).await?;
        let mut sessions = sessions.iter().map(|session| decode(session)).collect::<Result<Vec<_>, _>>()?;
        sessions.sort_by(|one, other| (other.last_used_at, &other.id).cmp(&(one.last_used_at, &one.id)));
        Ok(sessions)
    }

    async fn end(&self, subject: &str, ids: &[&str]) -> Result<Vec<String>, SessionStoreError> {
        let mut script = END.key(self.key(subject));
        for id in ids {
            script.arg(id);
        }
        Ok(self.connection.run_script(&script).await?)
    }
}

fn encode(session: &SessionRecord) -> Result<String, Unreadable> {
    let exchanged = json_option(session.exchanged.as_deref())?;
    let device = json_option(session.device_key.as_deref())?;
    let rest = serde_json::to_string(session).map_err(|_| Unreadable)?;
    let SessionRecord { rotations, rotated_at, last_used_at, ends_at, expires_at, .. } = session;
    Ok(format!("{rotations}\n{exchanged}\n{device}\n{rotated_at}\n{last_used_at}\n{ends_at}\n{expires_at}\n{rest}"))
}

fn decode(value: &str) -> Result<SessionRecord, Unreadable> {
    let mut lines = value.splitn(8, '\n');
    let mut line = || lines.next().ok_or(Unreadable);
    let (rotations, exchanged, device, rotated, used, ends, expires) =
        (line()?, line()?, line()?, line()?, line()?, line()?, line()?);
    let mut session: SessionRecord = serde_json::from_str(line()?).map_err(|_| Unreadable)?;
    let number = |line: &str| line.parse().map_err(|_| Unreadable);
    session.rotations = number(rotations)?;
    session.exchanged = serde_json::from_str(exchanged).map_err(|_| Unreadable)?;
    session.device_key = serde_json::from_str(device).map_err(|_| Unreadable)?;
    session.rotated_at = number(rotated)?;
    session.last_used_at = number(used)?;
    session.ends_at = number(ends)?;
    session.expires_at = number(expires)?;
    Ok(session)
}

/// Equal strings give equal JSON, so the scripts can compare it.
fn json_string(text: &str) -> Result<String, Unreadable> {
    serde_json::to_string(text).map_err(|_| Unreadable)
}

fn json_option(text: Option<&str>) -> Result<String, Unreadable> {
    text.map_or_else(|| Ok("null".to_owned()), json_string)
}

impl From<Failure> for SessionStoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Full => Self::Full,
            Failure::Unreachable => Self::Unavailable(Box::new(failure)),
        }
    }
}
