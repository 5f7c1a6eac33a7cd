use std::fmt;

use crate::issue::Issued;

/// What a login or a refresh gives: an access token, and the refresh token that is good for the next one.
#[derive(Clone)]
#[non_exhaustive]
pub struct TokenPair {
    /// For requests.
    pub access: Issued,
    /// For the next pair, once.
    pub refresh: Issued,
    /// The session, the claim `sid` of both.
    pub session_id: String,
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair")
            .field("access", &self.access)
            .field("refresh", &self.refresh)
            .finish_non_exhaustive()
    }
}
