use std::time::Duration;

use super::FetchErrorKind;

/// How an issuer's keys are doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether tokens can be verified.
    pub state: HealthState,
    /// The time since the set was fetched; `None` before the first.
    pub age: Option<Duration>,
    /// How many keys of the set can be used.
    pub keys: usize,
    /// Why the last fetch failed; `None` when it did not.
    pub last_error: Option<FetchErrorKind>,
}

/// Whether an issuer's tokens can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthState {
    /// No set has been fetched. Requests wait for the first, or are answered 503.
    NeverLoaded,
    /// The set is within its lifetime.
    Fresh,
    /// The set is past its lifetime. It is renewed before it is used or, while the issuer fails, used as it is.
    Stale,
    /// The set is too old to be used. Requests are answered 503.
    Outage,
}

impl HealthState {
    /// Returns whether tokens can be verified now.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale)
    }

    /// Returns the stable name in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NeverLoaded => "never_loaded",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Outage => "outage",
        }
    }
}
