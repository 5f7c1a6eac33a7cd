use std::time::Duration;

use clap::Parser;

/// Serves a web application with logins and sessions. Log in as ada with the password engine.
#[derive(Clone, Debug, Parser)]
#[command(version)]
#[non_exhaustive]
pub struct Options {
    /// The port, on 127.0.0.1; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub port: u16,

    /// How many seconds an access token is valid
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub access_seconds: u64,

    /// How many seconds a login is fresh enough to return a book without the password
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub fresh_seconds: u64,

    /// How many seconds a used refresh token may be used again, for example by a second tab
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub grace_seconds: u64,
}

impl Options {
    /// Returns options for tests: any free port, three seconds for access tokens and fresh logins, and no second use.
    #[must_use]
    pub const fn short_lived() -> Self {
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
