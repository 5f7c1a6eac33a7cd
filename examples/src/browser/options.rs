use std::time::Duration;

use clap::Parser;

/// A reading room to log in to with a browser, as ada with the password engine.
#[derive(Clone, Debug, Parser)]
#[command(version)]
#[non_exhaustive]
pub struct Options {
    /// The port, on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub port: u16,

    /// For how many seconds an access token is good
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub access_seconds: u64,

    /// For how many seconds a password counts as entered just now
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub fresh_seconds: u64,

    /// For how many seconds a refresh token that was used may be used again, as by a second tab
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub grace_seconds: u64,
}

impl Options {
    /// A free port, and periods that a test can wait for: three seconds for access tokens and passwords, no grace.
    #[must_use]
    pub const fn hasty() -> Self {
        Self { port: 0, access_seconds: 3, fresh_seconds: 3, grace_seconds: 0 }
    }

    pub(super) const fn access(&self) -> Duration {
        Duration::from_secs(self.access_seconds)
    }

    pub(super) const fn fresh(&self) -> Duration {
        Duration::from_secs(self.fresh_seconds)
    }

    pub(super) const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}
