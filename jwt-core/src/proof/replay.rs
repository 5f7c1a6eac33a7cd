use std::fmt;
use std::time::Duration;

use crate::claims::{HashText, hash_text};
use crate::clock::Moment;
use crate::error::BoxError;
use crate::step::Step;

/// Remembers which proofs were used, so that each is accepted once. RFC 9449 section 11.1.
///
/// [`MemoryReplayLog`](super::MemoryReplayLog) is for one process. Processes that serve the same clients need one log for all of
/// them, or the same proof passes once in each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a replay log",
    note = "use `MemoryReplayLog`, `RedisReplayLog` (feature `redis`), or implement `jwt_core::proof::ReplayLog`"
)]
pub trait ReplayLog: fmt::Debug + Send + Sync {
    /// Records the use of a proof. `Ok(true)` if it's the first one, and `Ok(false)` if the log has it already.
    ///
    /// Looking up and inserting must be one atomic operation: of many calls with the same proof at the same time, one gets
    /// `true`. Never drop an entry before its time to make space: return an error if the log is full. An error means 503
    /// `replay_log_unavailable` and is logged; the client may try again with the same proof.
    fn record(&self, proof: &ProofUse) -> Step<Result<bool, BoxError>>;
}

/// The use of a proof, to be recorded in a [`ReplayLog`].
#[derive(Clone, Copy)]
pub struct ProofUse {
    pub(super) key: [u8; 32],
    pub(super) id: [u8; 32],
    pub(super) keep_for: Duration,
    pub(super) now: Moment,
}

impl ProofUse {
    /// Returns the thumbprint of the client's key, 43 characters of base64url. A log that limits how many proofs of one client
    /// it keeps counts by it. The same proof always has the same key.
    #[must_use]
    pub fn key(&self) -> impl AsRef<str> + use<> {
        text(&self.key)
    }

    /// Returns the proof's name, 43 characters of base64url: a hash of the client's key and of `jti`. So clients cannot use up each
    /// other's proofs.
    #[must_use]
    pub fn id(&self) -> impl AsRef<str> + use<> {
        text(&self.id)
    }

    /// Returns how long the log must keep the entry: until no process accepts the proof any more.
    #[must_use]
    pub const fn keep_for(&self) -> Duration {
        self.keep_for
    }
}

fn text(hash: &[u8; 32]) -> HashText {
    hash_text(hash)
}

// It identifies a client.
impl fmt::Debug for ProofUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofUse").field("keep_for", &self.keep_for).finish_non_exhaustive()
    }
}
