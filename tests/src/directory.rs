//! The application's users, loaded by the issuer and subject of a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jwt_core::BoxError;
use jwt_core::gate::{Gate, load_step};
use jwt_core::{Step, Verified};

use crate::forge::ISSUER;

/// A user of the application.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The user's name in the directory, which the token does not decide.
    pub name: &'static str,
}

/// The tenant of a subject.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tenant {
    /// Its number.
    pub number: u32,
}

/// Holds `user-1815` and `user-1906` of [`ISSUER`]. The subject `directory-down` makes it fail.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Directory {
    waits: bool,
    loads: Arc<AtomicUsize>,
}

impl Directory {
    /// Makes look-ups wait.
    pub fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Returns a gate that loads the principal from this directory.
    #[must_use]
    pub fn gate(&self) -> impl Gate + Clone + use<> {
        let directory = self.clone();
        load_step(move |verified| directory.load(verified))
    }

    /// Returns the number of look-ups.
    #[must_use]
    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }
}

fn account(verified: &Verified) -> Result<Option<Account>, BoxError> {
    let claims = verified.registered();
    match (claims.issuer(), claims.subject()) {
        (Some(ISSUER), Some("user-1815")) => Ok(Some(Account { name: "Ada Lovelace" })),
        (Some(ISSUER), Some("user-1906")) => Ok(Some(Account { name: "Grace Hopper" })),
        (_, Some("directory-down")) => Err("the directory is down".into()),
        _ => Ok(None),
    }
}

impl Directory {
    fn load(&self, verified: &Verified) -> Step<Result<Option<Account>, BoxError>> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        if !self.waits {
            return Step::Ready(account(verified));
        }
        let verified = verified.clone();
        Step::pending(async move {
            tokio::task::yield_now().await;
            account(&verified)
        })
    }
}
