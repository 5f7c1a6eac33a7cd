use std::sync::LazyLock;

use ::redis::{RedisError, Script};

use super::RedisSettings;
use super::connection::Connection;
use crate::error::BoxError;
use crate::proof::{ProofUse, ReplayLog};
use crate::step::Step;

/// A replay log of DPoP proofs for every process of a fleet.
///
/// Each proof is one key on the server, which is set only if it isn't there (`SET` with `NX` and `PX`) and which the server removes
/// when no process accepts the proof any more. A request with a proof costs one round trip. Of each client at most 100,000 proofs
/// are kept, so that one client cannot fill the server.
///
/// It fails closed: if the server is down, slow or full, requests with a proof are answered 503. Set the server's
/// `maxmemory-policy` to `noeviction`, or it drops entries that are still needed. A server that loses its last writes, as in a
/// failover, accepts the proofs of that moment once more.
///
/// ```no_run
/// use jwt_core::proof::Dpop;
/// use jwt_core::store::{RedisReplayLog, RedisSettings};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = RedisReplayLog::connect("redis://127.0.0.1/", &RedisSettings::new())?;
/// let dpop = Dpop::new("https://api.example").replay_log(log);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RedisReplayLog {
    connection: Connection,
    prefix: String,
    max_per_key: u32,
}

const NEW: u8 = 1;
const FULL: u8 = 2;

/// Look-up and insertion are one script, and both keys of a client are in one slot of a cluster.
static RECORD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local proof, count, keep, most = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
        if redis.call('EXISTS', proof) == 1 then return 0 end
        local used = redis.call('INCR', count)
        if used == 1 then redis.call('PEXPIRE', count, keep) end
        if used > most then return 2 end
        redis.call('SET', proof, '', 'NX', 'PX', keep)
        return 1
        ",
    )
});

impl RedisReplayLog {
    /// Creates a log on the server at an address like `redis://127.0.0.1/`. It connects with the first proof.
    ///
    /// The settings of [revocations](RedisSettings::revocations) and their [recovery](RedisSettings::recovery_time) aren't used.
    ///
    /// # Errors
    ///
    /// The address is invalid.
    pub fn connect(address: impl AsRef<str>, settings: &RedisSettings) -> Result<Self, RedisError> {
        let connection = Connection::new(address.as_ref(), settings)?;
        Ok(Self { connection, prefix: settings.prefix.clone(), max_per_key: 100_000 })
    }

    /// Sets how many proofs of one client are kept at most, counted in periods of about their lifetime. Default: 100,000.
    #[must_use]
    pub const fn max_per_key(mut self, most: u32) -> Self {
        self.max_per_key = most;
        self
    }
}

impl ReplayLog for RedisReplayLog {
    fn record(&self, proof: &ProofUse) -> Step<Result<bool, BoxError>> {
        let (client, id) = (proof.key(), proof.id());
        let count = format!("{}:proofs:{{{}}}", self.prefix, client.as_ref());
        let entry = format!("{count}:{}", id.as_ref());
        // A time to live must be at least 1.
        let keep = u64::try_from(proof.keep_for().as_millis()).unwrap_or(u64::MAX >> 1).max(1);
        let (connection, most) = (self.connection.clone(), self.max_per_key);
        Step::pending(async move {
            let mut script = RECORD.key(entry);
            script.key(count).arg(keep).arg(most);
            match connection.run_script::<u8>(&script).await? {
                NEW => Ok(true),
                FULL => Err("one key has used too many proofs".into()),
                _ => Ok(false),
            }
        })
    }
}
