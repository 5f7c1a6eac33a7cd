//! The error of stores that keep sessions on a server.

use std::fmt;

use super::SessionStoreError;

/// The stored record was written by an unknown version.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored session is unreadable: was it written by another version?")
    }
}

impl std::error::Error for Unreadable {}

impl From<Unreadable> for SessionStoreError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unavailable(Box::new(unreadable))
    }
}
