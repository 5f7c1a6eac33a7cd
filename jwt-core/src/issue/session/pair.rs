use std::fmt;

use crate::error::BuildError;
use crate::http::cookies::{Cookies, SetCookies};
use crate::issue::Issued;

/// The tokens that a login or a refresh returns: an access token, and the refresh token for the next pair.
#[derive(Clone)]
#[non_exhaustive]
pub struct TokenPair {
    /// The access token, for requests.
    pub access: Issued,
    /// The refresh token. It's good until its successor is used.
    pub refresh: Issued,
    /// The session's identifier, the claim `sid` of both tokens.
    pub session_id: String,
    /// A header for the browser, if its session is bound to its device or can be.
    pub(super) device: Option<(&'static str, String)>,
}

impl TokenPair {
    /// Returns the cookies for the tokens, and for their claim `csrf` if they have one.
    ///
    /// Together with them goes the header that [binds the session](super::SessionsBuilder::device_bound) to the browser's device, if
    /// you have set that. Each cookie expires with its token. The `csrf` cookie expires with the refresh token, because a page needs it to
    /// refresh.
    ///
    /// # Errors
    ///
    /// The errors of [`Cookies::set_access`].
    pub fn cookies(&self, cookies: &Cookies) -> Result<SetCookies, BuildError> {
        let access = cookies.set_access(&self.access.token, self.access.lifetime)?;
        let tokens = access.and(cookies.set_refresh(&self.refresh.token, self.refresh.lifetime)?);
        let tokens = tokens.with_header(self.device.clone());
        match &self.access.csrf {
            Some(csrf) => Ok(tokens.and(cookies.set_csrf(csrf, self.refresh.lifetime)?)),
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

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use crate::crypto::SigningKey;
    use crate::issue::session::{MemorySessions, Sessions};
    use crate::issue::{KeyRing, TokenIssuer};
    use crate::jose::Algorithm;

    use super::*;

    fn sessions() -> Sessions {
        let key = SigningKey::generate(Algorithm::ES256).expect("a back end that signs");
        let ring = KeyRing::new(key).expect("a ring");
        let tokens = TokenIssuer::builder("https://id.example", ring).audience("api").build().expect("an issuer");
        Sessions::builder(tokens, MemorySessions::new()).build().expect("sessions")
    }

    fn cookies_of(pair: &TokenPair) -> Vec<String> {
        let set = pair.cookies(&Cookies::new()).expect("small tokens");
        set.values().map(|value| value.split(['=', ';']).take(2).collect::<Vec<_>>().join("=")).collect()
    }

    #[tokio::test]
    async fn a_pair_sets_a_cookie_for_the_csrf_claim_of_its_session() {
        let sessions = sessions();
        let pair = sessions.login("ada").csrf().start().await.expect("a login");
        let csrf = pair.access.csrf.clone().expect("asked for");
        assert_eq!(
            cookies_of(&pair),
            [
                format!("__Host-access={}", pair.access.token),
                format!("__Host-refresh={}", pair.refresh.token),
                format!("__Host-csrf={csrf}"),
            ]
        );
        assert_eq!(pair.refresh.csrf.as_ref(), Some(&csrf));
        let token = sessions.verify(&pair.refresh.token).await.expect("a good token");
        let next = sessions.refresh(&token).await.expect("a refresh");
        assert_eq!((next.access.csrf.as_ref(), next.refresh.csrf.as_ref()), (Some(&csrf), Some(&csrf)));
        let other = sessions.login("ada").csrf().start().await.expect("a login");
        assert_ne!(other.access.csrf, pair.access.csrf);
    }

    #[tokio::test]
    async fn a_pair_without_a_csrf_claim_sets_two_cookies() {
        let pair = sessions().login("ada").start().await.expect("a login");
        assert_eq!(cookies_of(&pair).len(), 2);
    }
}
