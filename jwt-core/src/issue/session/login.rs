use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::issue::AccessToken;

use super::{Sessions, TokenPair};

/// The longest name of a device, in characters; what is longer is cut.
const MAX_DEVICE_CHARS: usize = 200;

/// A login in the making; made by [`Sessions::login`].
///
/// What its access token says, the access tokens of later refreshes say, too, except that it alone is
/// [fresh](crate::authorize::fresh).
#[derive(Debug)]
#[must_use = "nobody is logged in unless `start` is called"]
pub struct Login {
    sessions: Sessions,
    access: AccessToken,
    device: Option<String>,
}

impl Login {
    pub(super) const fn new(sessions: Sessions, access: AccessToken) -> Self {
        Self { sessions, access, device: None }
    }

    /// Names the device, to be shown to its user; at most 200 characters are kept. Default: none.
    ///
    /// It may come from the request, such as from `User-Agent`: write it into pages as text, not as HTML.
    pub fn device(mut self, name: impl AsRef<str>) -> Self {
        let name: String = name.as_ref().trim().chars().take(MAX_DEVICE_CHARS).collect();
        self.device = Some(name).filter(|name| !name.is_empty());
        self
    }

    /// Grants scopes: [`AccessToken::scope`].
    pub fn scope<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.with(|access| access.scope(names))
    }

    /// Adds the claims of an object to access tokens: [`AccessToken::claims`].
    pub fn claims(self, claims: &impl Serialize) -> Self {
        self.with(|access| access.claims(claims))
    }

    /// Adds one claim to access tokens: [`AccessToken::claim`].
    pub fn claim(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(|access| access.claim(name, value))
    }

    /// Makes access tokens for this audience instead: [`AccessToken::audience`].
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.with(|access| access.audience(name))
    }

    /// Names the client: [`AccessToken::client_id`].
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        self.with(|access| access.client_id(client_id))
    }

    /// Sets how long access tokens live: [`AccessToken::lifetime`].
    pub fn lifetime(self, lifetime: Duration) -> Self {
        self.with(|access| access.lifetime(lifetime))
    }

    /// Lets the first access token be fresh for a while. Default: as long as it lives.
    pub fn fresh_for(self, period: Duration) -> Self {
        self.with(|access| access.fresh_for(period))
    }

    /// Puts a random claim `csrf` into each token, the same into all of the session, for tokens that travel in cookies:
    /// [`AccessToken::csrf`]. With one of its own for each token, a page with two tabs would often send an old one.
    pub fn csrf(self) -> Self {
        self.with(AccessToken::csrf)
    }

    /// Begins the session.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](crate::ErrorKind::SessionsUnavailable) while the store does not answer, or has no room;
    /// [`IssuingFailed`](crate::ErrorKind::IssuingFailed) for what [`AccessToken::issue`] refuses, which the log names.
    pub async fn start(self) -> Result<TokenPair, Error> {
        self.sessions.start(self.access, self.device).await
    }

    fn with(mut self, change: impl FnOnce(AccessToken) -> AccessToken) -> Self {
        self.access = change(self.access);
        self
    }
}
