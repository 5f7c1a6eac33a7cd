use std::fmt;
use std::ops::Deref;

use crate::error::{Error, ErrorKind};
use crate::verified::Verified;

/// A verified refresh token: good for [`Sessions::refresh`](super::Sessions::refresh) and nothing else.
#[derive(Clone)]
pub struct RefreshToken(Verified);

/// The header's `typ` of refresh tokens.
pub(super) const TYPE: &str = "refresh+jwt";

/// The claim `token_use` of refresh tokens.
pub(super) const USE: &str = "refresh";

impl RefreshToken {
    /// Takes a token that a [`Sessions::refresh_verifier`](super::Sessions::refresh_verifier) has verified.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongType`] for a token of any other kind.
    pub fn of(verified: &Verified) -> Result<Self, Error> {
        // Only the verifier of sessions accepts this type.
        if verified.token_type() == Some(TYPE) { Ok(Self(verified.clone())) } else { Err(ErrorKind::WrongType.into()) }
    }

    /// Returns whose session it belongs to.
    #[must_use]
    pub fn subject(&self) -> String {
        self.registered().subject().unwrap_or_default().to_owned()
    }

    /// Returns the session that it belongs to.
    #[must_use]
    pub fn session_id(&self) -> String {
        self.registered().session_id().unwrap_or_default().to_owned()
    }
}

impl Deref for RefreshToken {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefreshToken").finish()
    }
}
