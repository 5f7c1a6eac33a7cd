use std::fmt;

use crate::browser::{CookieError, Cookies, SetCookies};
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

impl TokenPair {
    /// Returns the cookies that carry the tokens and, where the access token has one, the value of its claim `csrf`.
    ///
    /// # Errors
    ///
    /// Those of [`Cookies::set_access`].
    pub fn cookies(&self, cookies: &Cookies) -> Result<SetCookies, CookieError> {
        let access = cookies.set_access(&self.access.token, self.access.lifetime)?;
        let tokens = access.and(cookies.set_refresh(&self.refresh.token, self.refresh.lifetime)?);
        match &self.access.csrf {
            Some(csrf) => Ok(tokens.and(cookies.set_csrf(csrf, self.access.lifetime)?)),
            None => Ok(tokens),
        }
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair")
            .field("access", &self.access)
            .field("refresh", &self.refresh)
            .finish_non_exhaustive()
    }
}
