//! The revocations in the memory of a process.

use std::time::Duration;

use super::Standing;

/// The answer of a process's memory about a token.
#[cfg_attr(
    not(any(feature = "postgres", feature = "redis")),
    expect(dead_code, reason = "without a store, nobody asks whether it may have lost data")
)]
pub(super) enum LocalStanding {
    Known(Standing),
    /// The token is probably revoked: ask the store. If that may have lost data, it cannot say that the token is good.
    Sealed {
        is_orphaned: bool,
    },
}

/// The standing of a token that the store has no revocation of.
#[cfg(any(feature = "postgres", feature = "redis"))]
#[derive(Clone, Copy)]
pub(crate) struct Unconfirmed(pub(crate) Standing);

/// Where a revocation comes from.
#[cfg_attr(
    not(any(feature = "postgres", feature = "redis", test)),
    expect(dead_code, reason = "without a store, only the process makes revocations")
)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This process made it, and the store may not have it.
    Process,
    /// The store has it.
    Store,
    /// A look-up found it at the store, so it's being used, and is kept exactly.
    LookUp,
}

/// The answer of a list about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It's revoked up to this `iat`.
    Cutoff(i64),
    /// It's probably revoked: ask the store. If that may have lost data since, it can only confirm it.
    Sealed { is_orphaned: bool },
}

/// The current time on both clocks; `wall` is in seconds.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: i64,
    pub(super) monotonic: Duration,
}

impl Now {
    pub(super) const fn second(self) -> u64 {
        self.monotonic.as_secs()
    }
}
