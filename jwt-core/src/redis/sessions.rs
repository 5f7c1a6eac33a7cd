use std::fmt;
use std::sync::LazyLock;

use ::redis::{IntoConnectionInfo, RedisError, Script};
use async_trait::async_trait;

use super::RedisSettings;
use super::link::{Failure, Link};
use crate::issue::session::{Outcome, Rotation, SessionRecord, SessionStore, SessionStoreError};

/// Refresh sessions that every process of a fleet shares.
///
/// All sessions of a subject lie in one hash, under one key, so that each operation is one script on one key, and there is
/// no index that could say something else than the sessions do. In a cluster the keys of all subjects share one slot, that
/// of the [prefix](RedisSettings::prefix), and the address must be that of the node with this slot: one that does not have
/// it answers nothing. The server lets go of a key when the last of its sessions has expired. A server that loses its data logs everybody out; nobody is let in who should not be.
///
/// ```no_run
/// use jwt_core::redis::{RedisSessions, RedisSettings};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisSessions::new("redis://127.0.0.1/", &RedisSettings::new())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RedisSessions {
    link: Link,
    settings: RedisSettings,
}

/// What takes a record apart. What changes stands in lines of its own before what does not; texts are JSON, which holds
/// no line breaks, and numbers are never computed here but compared.
macro_rules! script {
    ($body:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                r"
                local function read(value)
                    local token, previous, rotated, used, ends, expires, rest =
                        string.match(value, '^(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.-)\n(.*)$')
                    return { token = token, previous = previous, rotated = rotated, used = used, ends = ends,
                        expires = expires, rest = rest }
                end
                local function is_over(session, now) return tonumber(now) >= tonumber(session.ends) end
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
        if is_over(session, now) then
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

static ROTATE: LazyLock<Script> = script!(
    r"
    local id, presented, next_token, now, grace, ends = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
    local value = redis.call('HGET', KEYS[1], id)
    if not value then return { 'over', false } end
    local session = read(value)
    if is_over(session, now) then
        redis.call('HDEL', KEYS[1], id)
        return { 'over', false }
    end
    if session.token == presented then
        if tonumber(ends) > tonumber(session.expires) then ends = session.expires end
        value = table.concat({ next_token, session.token, now, now, ends, session.expires, session.rest }, '\n')
        redis.call('HSET', KEYS[1], id, value)
        return { 'renewed', value }
    end
    if session.previous == presented and tonumber(now) < tonumber(session.rotated) + tonumber(grace) then
        return { 'repeated', value }
    end
    redis.call('HDEL', KEYS[1], id)
    return { 'reused', value }
    "
);

static LIST: LazyLock<Script> = script!(
    r"
    local all, live = redis.call('HGETALL', KEYS[1]), {}
    for at = 1, #all, 2 do
        if is_over(read(all[at + 1]), ARGV[1]) then
            redis.call('HDEL', KEYS[1], all[at])
        else
            live[#live + 1] = all[at + 1]
        end
    end
    return live
    "
);

static END_ALL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local ended = {}
        for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
            if id ~= ARGV[1] then
                redis.call('HDEL', KEYS[1], id)
                ended[#ended + 1] = id
            end
        end
        return ended
        ",
    )
});

/// The server counts times to live in milliseconds, in 64 bits.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60;

impl RedisSessions {
    /// Makes a store on the server at this address, for example `redis://127.0.0.1/`. Nothing is asked yet. Of the
    /// settings, the prefix and the timeout are used.
    ///
    /// # Errors
    ///
    /// The address is none.
    pub fn new(server: impl IntoConnectionInfo, settings: &RedisSettings) -> Result<Self, RedisError> {
        Ok(Self { link: Link::new(server, settings.timeout)?, settings: settings.clone() })
    }

    fn key(&self, subject: &str) -> String {
        self.settings.key(&format!("sessions:{subject}"))
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError> {
        let (now, most) = (session.created_at, most.min(1 << 30));
        let left = session.expires_at.saturating_sub(now).clamp(1, LONGEST);
        let mut script = CREATE.key(self.key(&session.subject));
        script.arg(&session.id).arg(write(session)?).arg(now).arg(most).arg(left);
        Ok(self.link.run(&script).await?)
    }

    async fn rotate(&self, rotation: &Rotation<'_>) -> Result<(Outcome, Option<SessionRecord>), SessionStoreError> {
        let ends = rotation.now.saturating_add(rotation.idle);
        let mut script = ROTATE.key(self.key(rotation.subject));
        script.arg(rotation.id).arg(text(rotation.presented)?).arg(text(rotation.next)?);
        script.arg(rotation.now).arg(rotation.grace).arg(ends);
        let (outcome, session): (String, Option<String>) = self.link.run(&script).await?;
        let session = session.as_deref().map(read).transpose()?;
        match (outcome.as_str(), session) {
            ("renewed", Some(session)) => Ok((Outcome::Renewed, Some(session))),
            ("repeated", Some(session)) => Ok((Outcome::Repeated, Some(session))),
            ("reused", session) => Ok((Outcome::Reused, session)),
            _ => Ok((Outcome::Over, None)),
        }
    }

    async fn find(&self, subject: &str, id: &str, now: u64) -> Result<Option<SessionRecord>, SessionStoreError> {
        let mut command = ::redis::cmd("HGET");
        command.arg(self.key(subject)).arg(id);
        let session: Option<String> = self.link.ask(&command).await?;
        Ok(session.as_deref().map(read).transpose()?.filter(|session| !session.is_over(now)))
    }

    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        let mut script = LIST.key(self.key(subject));
        script.arg(now);
        let sessions: Vec<String> = self.link.run(&script).await?;
        let mut sessions = sessions.iter().map(|session| read(session)).collect::<Result<Vec<_>, _>>()?;
        sessions.sort_by(|one, other| (other.last_used_at, &other.id).cmp(&(one.last_used_at, &one.id)));
        Ok(sessions)
    }

    async fn end(&self, subject: &str, id: &str) -> Result<bool, SessionStoreError> {
        let mut command = ::redis::cmd("HDEL");
        command.arg(self.key(subject)).arg(id);
        let ended: u64 = self.link.ask(&command).await?;
        Ok(ended > 0)
    }

    async fn end_all(&self, subject: &str, but: Option<&str>) -> Result<Vec<String>, SessionStoreError> {
        // Identifiers are not empty.
        let mut script = END_ALL.key(self.key(subject));
        script.arg(but.unwrap_or_default());
        Ok(self.link.run(&script).await?)
    }
}

fn write(session: &SessionRecord) -> Result<String, Unreadable> {
    let previous = session.previous_token_id.as_deref().map_or_else(|| Ok("null".to_owned()), text)?;
    let rest = serde_json::to_string(session).map_err(|_| Unreadable)?;
    let SessionRecord { rotated_at, last_used_at, ends_at, expires_at, .. } = session;
    let token = text(&session.token_id)?;
    Ok(format!("{token}\n{previous}\n{rotated_at}\n{last_used_at}\n{ends_at}\n{expires_at}\n{rest}"))
}

fn read(value: &str) -> Result<SessionRecord, Unreadable> {
    let mut lines = value.splitn(7, '\n');
    let mut line = || lines.next().ok_or(Unreadable);
    let (token, previous, rotated, used, ends, expires) = (line()?, line()?, line()?, line()?, line()?, line()?);
    let mut session: SessionRecord = serde_json::from_str(line()?).map_err(|_| Unreadable)?;
    let number = |line: &str| line.parse().map_err(|_| Unreadable);
    session.token_id = serde_json::from_str(token).map_err(|_| Unreadable)?;
    session.previous_token_id = serde_json::from_str(previous).map_err(|_| Unreadable)?;
    session.rotated_at = number(rotated)?;
    session.last_used_at = number(used)?;
    session.ends_at = number(ends)?;
    session.expires_at = number(expires)?;
    Ok(session)
}

/// One text has one form, so that forms can be compared.
fn text(text: &str) -> Result<String, Unreadable> {
    serde_json::to_string(text).map_err(|_| Unreadable)
}

/// What stands on the server was written by nobody that this version knows.
#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session on the server cannot be read")
    }
}

impl std::error::Error for Unreadable {}

impl From<Unreadable> for SessionStoreError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unavailable(Box::new(unreadable))
    }
}

impl From<Failure> for SessionStoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Full => Self::Full,
            Failure::Unreachable => Self::Unavailable(Box::new(failure)),
        }
    }
}
