use std::fmt;
use std::time::Duration;

use crate::claims::NumericDate;

/// A token that was issued. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The token, in compact form. RFC 7515 section 7.1.
    pub token: String,
    /// Its `jti`: 128 random bits in base64url.
    pub jwt_id: String,
    /// Its `exp`.
    pub expires_at: NumericDate,
    /// How long it lives from now on: `expires_in` of RFC 6749 section 5.1.
    pub lifetime: Duration,
    /// Its claim `csrf`, where that was asked for: 128 random bits in base64url.
    pub csrf: Option<String>,
}

impl Issued {
    /// Returns how many bytes the token has. Browsers keep cookies of up to about 4,096, name and attributes included.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a token is never empty")]
    pub const fn len(&self) -> usize {
        self.token.len()
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("len", &self.len()).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
