use std::future::{Future, IntoFuture};
use std::pin::Pin;

use crate::error::Error;

use super::{RefreshToken, Sessions, TokenPair};

/// A refresh in the making; made by [`Sessions::refresh`], and done when it is awaited.
#[derive(Clone, Debug)]
#[must_use = "nothing is refreshed unless it is awaited"]
pub struct Renewal {
    pub(super) sessions: Sessions,
    pub(super) token: RefreshToken,
    pub(super) scope: Option<Vec<String>>,
    pub(super) client_id: Option<String>,
}

impl Renewal {
    /// Asks for fewer scopes in the access token; the session keeps those of the login. RFC 6749 section 6. Default: all of
    /// them. More than were granted are refused with [`InsufficientScope`](crate::ErrorKind::InsufficientScope), and the token is not used up.
    pub fn scope<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.scope = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Says which client asks, where clients authenticate: a token of another client is refused with
    /// [`WrongClaim`](crate::ErrorKind::WrongClaim), and not used up. RFC 6749 section 6. Default: whoever has the token.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}

impl IntoFuture for Renewal {
    type Output = Result<TokenPair, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.sessions.renew(&self).await })
    }
}
