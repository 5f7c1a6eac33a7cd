use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::http::cookies::Cookies;
use crate::issue::AccessToken;
use crate::observe::Event;

use super::{Sessions, TokenPair};

/// The longest name of a device, in characters. A longer name is cut.
const MAX_DEVICE_CHARS: usize = 200;

/// Builds a login session; made by [`Sessions::login`].
///
/// Each refresh issues an access token with the same claims. Only the first one is [fresh](crate::authorize::fresh).
#[must_use = "there's no session until you call `start`"]
pub struct Login {
    sessions: Sessions,
    access: AccessToken,
    device: Option<String>,
    cookies: Option<Cookies>,
}

impl Sessions {
    /// Starts a login. Check the password, or your other proof of identity, before you call it.
    ///
    /// The claim `sub` is a string (RFC 7519 section 4.1.2). If your users have numbers, pass `id.to_string()`, and read the number
    /// back with `#[serde_as(as = "DisplayFromStr")] sub: u64` of the crate `serde_with`, or with `str::parse`.
    pub fn login(&self, subject: impl Into<String>) -> Login {
        Login::new(self.clone(), self.0.tokens.access(subject).fresh())
    }
}

impl Login {
    pub(super) const fn new(sessions: Sessions, access: AccessToken) -> Self {
        Self { sessions, access, device: None, cookies: None }
    }

    /// Names the device, to be shown to the user. A name of more than 200 characters is cut. Default: no name.
    ///
    /// If the name comes from the request, say from `User-Agent`, a client can put markup into it: escape it when you write
    /// it into a page.
    pub fn device(mut self, name: impl AsRef<str>) -> Self {
        let name: String = name.as_ref().trim().chars().take(MAX_DEVICE_CHARS).collect();
        self.device = Some(name).filter(|name| !name.is_empty());
        self
    }

    /// Sets the scopes of the session's access tokens: [`AccessToken::scope`].
    pub fn scope<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.with(|access| access.scope(names))
    }

    /// Adds claims to the session's access tokens: [`AccessToken::claims`].
    pub fn claims(self, claims: &impl Serialize) -> Self {
        self.with(|access| access.claims(claims))
    }

    /// Adds one claim to the session's access tokens: [`AccessToken::claim`].
    pub fn claim(self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.with(|access| access.claim(name, value))
    }

    /// Sets the audience of the session's access tokens: [`AccessToken::audience`].
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.with(|access| access.audience(name))
    }

    /// Sets the claim `client_id` of all tokens of the session: [`AccessToken::client_id`].
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        self.with(|access| access.client_id(client_id))
    }

    /// Sets the lifetime of the session's access tokens: [`AccessToken::lifetime`].
    pub fn lifetime(self, lifetime: Duration) -> Self {
        self.with(|access| access.lifetime(lifetime))
    }

    /// Sets how long the first access token is fresh. Default: until it expires.
    pub fn fresh_for(self, period: Duration) -> Self {
        self.with(|access| access.fresh_for(period))
    }

    /// Adds a random claim `csrf` to all tokens of the session, for tokens in cookies: [`AccessToken::csrf`].
    ///
    /// The value stays the same for the whole session. If it changed with each token, a second tab would send an old one.
    pub fn csrf(self) -> Self {
        self.with(AccessToken::csrf)
    }

    /// Makes sure that the tokens [fit into these cookies](TokenPair::cookies) before the session is stored. Default: they may be
    /// too large for cookies.
    ///
    /// If they do not fit, [`start`](Self::start) fails with [`IssuingFailed`](crate::ErrorKind::IssuingFailed), and no other
    /// session of the user ends. Without it, [`TokenPair::cookies`] fails when the session is stored already.
    pub fn for_cookies(mut self, cookies: &Cookies) -> Self {
        self.cookies = Some(cookies.clone());
        self
    }

    /// Begins the session and issues its first tokens.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](crate::ErrorKind::SessionsUnavailable) if the store is unavailable or full, and
    /// [`IssuingFailed`](crate::ErrorKind::IssuingFailed) if [`AccessToken::issue`] fails; the log says why.
    pub async fn start(self) -> Result<TokenPair, Error> {
        let started = self.sessions.start(self.access, self.device, self.cookies.as_ref()).await;
        self.sessions.observe(started.as_ref().map_or_else(Event::LoginFailed, |_| Event::LoggedIn));
        started
    }

    fn with(mut self, change: impl FnOnce(AccessToken) -> AccessToken) -> Self {
        self.access = change(self.access);
        self
    }
}

// The name of a device may identify its user.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}
