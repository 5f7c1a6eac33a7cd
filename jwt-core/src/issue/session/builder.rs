use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::error::{BoxError, BuildError, BuildErrorKind};
use crate::http::token::TokenSources;
use crate::issue::{AccessToken, REFRESH_TYPE, TokenIssuer};
use crate::observe::{Observer, OptionalObserver, Warned};
use crate::revocation::{Revocation, RevocationStore};
use crate::verify::Verifier;

use super::device::{CHALLENGE_TYPE, CHALLENGE_USE};
use super::hooks::Hooks;
use super::journal::EndJournal;
use super::refresh::REFRESH_USE;
use super::sessions::Inner;
use super::{EndedSession, Session, SessionStore, Sessions};

/// Builds [`Sessions`]; made by [`Sessions::builder`].
#[must_use]
pub struct SessionsBuilder {
    tokens: TokenIssuer,
    store: Arc<dyn SessionStore>,
    idle: Duration,
    absolute: Duration,
    grace: Duration,
    max_per_subject: usize,
    leeway: Option<Duration>,
    sources: TokenSources,
    hooks: Hooks,
    lists: Vec<Arc<dyn RevocationStore>>,
    device_path: Option<String>,
    refresh_initiators: Vec<String>,
    observer: OptionalObserver,
}

impl Sessions {
    /// Starts building sessions. `tokens` issues their tokens, and `store` keeps the sessions; use one store per issuer.
    pub fn builder(tokens: TokenIssuer, store: impl SessionStore + 'static) -> SessionsBuilder {
        SessionsBuilder::new(tokens, Arc::new(store))
    }
}

impl SessionsBuilder {
    pub(super) fn new(tokens: TokenIssuer, store: Arc<dyn SessionStore>) -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            tokens,
            store,
            idle: Duration::from_secs(7 * DAY),
            absolute: Duration::from_secs(30 * DAY),
            grace: Duration::from_secs(10),
            max_per_subject: 100,
            leeway: None,
            sources: TokenSources::new(),
            hooks: Hooks::default(),
            lists: Vec::new(),
            device_path: None,
            refresh_initiators: Vec::new(),
            observer: OptionalObserver::default(),
        }
    }

    /// Sets after how long without a refresh a session ends. It's the lifetime of each refresh token. Default: 7 days.
    pub const fn idle(mut self, period: Duration) -> Self {
        self.idle = period;
        self
    }

    /// Sets after how long a session ends, however often it is refreshed. Default: 30 days.
    pub const fn absolute(mut self, period: Duration) -> Self {
        self.absolute = period;
        self
    }

    /// Sets how long after an exchange another copy of the same refresh token is accepted, at most a minute. Fractions of a
    /// second are rounded up. Default: 10 seconds.
    ///
    /// If an answer gets lost, the client sends the same token again and gets another copy of the next one. That works until
    /// one of the copies is exchanged, and needs no grace period. If two tabs refresh at the same time, each gets its own copy.
    /// Within this time after one copy was exchanged, the others are accepted too; after it, a second copy means that two
    /// parties have the token, and the session ends.
    ///
    /// Set it to zero for a client that refreshes in one place only, such as a native app.
    pub const fn grace(mut self, period: Duration) -> Self {
        self.grace = period;
        self
    }

    /// Sets how many sessions a subject may have. A further login ends the least recently used one. Default: 100.
    pub const fn max_per_subject(mut self, sessions: usize) -> Self {
        self.max_per_subject = sessions;
        self
    }

    /// Sets the leeway for the times in refresh tokens, at most 300 seconds. Default: 60 seconds.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Sets where the refresh token is looked for in a request. Default: only in the `Authorization` header.
    pub fn sources(mut self, sources: TokenSources) -> Self {
        self.sources = sources;
        self
    }

    /// Lets browsers bind sessions in cookies to their device, so that a copy of the refresh token's cookie is worthless elsewhere.
    /// Pass the path of [`refresh_endpoint_with`](Sessions::refresh_endpoint_with), as clients see it. Default: nothing is bound.
    /// W3C Device Bound Session Credentials.
    ///
    /// A login's [cookies](super::TokenPair::cookies) then ask the browser for a key of its device, which it registers at this path
    /// over HTTPS. From then on, each refresh needs a signature of that key; without one it's answered with 403
    /// `unproven_device`, and the refresh token stays valid. The browser refreshes by itself. Other browsers ignore the header, and
    /// their sessions continue as before. [The guide](crate::guide::browsers) says what this protects from.
    ///
    /// ```
    /// # use jwt_core::BuildError;
    /// # use jwt_core::issue::{MemorySessions, Sessions, TokenIssuer};
    /// # use jwt_core::http::Cookies;
    /// # fn build(tokens: TokenIssuer, cookies: &Cookies) -> Result<Sessions, BuildError> {
    /// Sessions::builder(tokens, MemorySessions::new())
    ///     .sources(cookies.refresh_sources())
    ///     .device_bound("/auth/refresh")
    ///     .build()
    /// # }
    /// ```
    pub fn device_bound(mut self, refresh_path: impl Into<String>) -> Self {
        self.device_path = Some(refresh_path.into());
        self
    }

    /// Names the hosts whose pages may also make the browser refresh a [bound](Self::device_bound) session. Default: only pages of
    /// the refresh endpoint's own origin may. W3C Device Bound Session Credentials, "allowed_refresh_initiators".
    ///
    /// Use it if links on another host lead to the application, or if pages of `www.example.com` call `api.example.com`: without it,
    /// their requests arrive with the cookie of an access token only while that token is current. Write a host such as
    /// `www.example.com`, or `*.example.com` for all hosts below it. A page of such a host can find out from the time that an
    /// answer takes whether the user is logged in, so name your own hosts only. `*` for every host is a build error.
    pub fn device_refresh_initiators<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.refresh_initiators = hosts.into_iter().map(|host| host.as_ref().to_ascii_lowercase()).collect();
        self
    }

    /// Sets a function that runs at each refresh and returns the next access token, or `None` to end the session. Default:
    /// every refresh gets the claims of the login.
    ///
    /// Use it to reload roles, and to end the sessions of blocked users. After an `Err` the request is answered with 503, and
    /// the refresh token stays valid.
    ///
    /// ```
    /// # use jwt_core::issue::SessionsBuilder;
    /// # async fn roles_of(_: &str) -> Result<Option<Vec<String>>, std::io::Error> { Ok(None) }
    /// # fn build(builder: SessionsBuilder) -> SessionsBuilder {
    /// builder.renew_with(|_session, access| async move {
    ///     // `None` if the user is blocked.
    ///     let roles = roles_of(access.subject()).await?;
    ///     Ok(roles.map(|roles| access.claim("roles", roles)))
    /// })
    /// # }
    /// ```
    pub fn renew_with<R>(mut self, renew: impl Fn(Session, AccessToken) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<Option<AccessToken>, BoxError>> + Send + 'static,
    {
        self.hooks.set_renewal(renew);
        self
    }

    /// Revokes the access tokens of a session when it ends early, and ends a session whose refresh token, `sid`, subject or issuer is
    /// revoked. Default: access tokens stay valid until they expire, and revocations end no session.
    ///
    /// Pass the same list to the verifiers of access tokens:
    /// [`VerifierBuilder::revocations`](crate::VerifierBuilder::revocations). Set its
    /// [`longest_lifetime`](crate::revocation::RevocationSettings::longest_lifetime) to the lifetime of your access tokens,
    /// because it decides how many logouts [fit into the list](crate::guide::revocation), and its
    /// [`refresh_lifetime`](crate::revocation::RevocationSettings::refresh_lifetime) to the [idle time](Self::idle). A shorter one is
    /// a build error.
    ///
    /// While the list is unavailable, a refresh is answered with 503, and the refresh token stays valid.
    pub fn revocations(mut self, store: impl RevocationStore + 'static) -> Self {
        let store: Arc<dyn RevocationStore> = Arc::new(store);
        self.lists.push(Arc::clone(&store));
        self.on_end(move |ended| {
            let (store, revocation) = (Arc::clone(&store), Revocation::session(ended.issuer, ended.id));
            async move { Ok(store.revoke(&revocation.of_access_tokens()).await?) }
        })
    }

    /// Adds a function that runs when a session ends early: by a logout or a call such as [`end`](Sessions::end), because it was
    /// revoked or a refresh token was reused, or because the subject has [too many](Self::max_per_subject). Default: nothing
    /// happens.
    ///
    /// It must be idempotent. If it fails, the session ends all the same, a logout is answered with 503, and the function runs
    /// again [later](Sessions::heal). It also runs again for a session that came back because the store lost writes.
    pub fn on_end<R>(mut self, end: impl Fn(EndedSession) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.hooks.add_end(end);
        self
    }

    /// Sends an event for every login, refresh and session that ends early to `observer`, for example to `MetricsObserver` with the
    /// feature `metrics`. Default: no observer.
    ///
    /// Each refresh is sent once: by [`refresh`](Sessions::refresh), or by [`verify`](Sessions::verify) or a refresh endpoint if that
    /// refuses the token. In a refresh route of your own, tokens that the layer refuses aren't sent.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = OptionalObserver::new(observer);
        self
    }

    /// Builds the sessions.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](BuildErrorKind::OutOfRange) for an idle or absolute time of less than a second, for an idle time that
    /// is longer than the ring's [`longest_lifetime`](crate::issue::KeyRingBuilder::longest_lifetime), for a grace period of
    /// more than a minute, for a leeway of more than 300 seconds, and for zero sessions per subject.
    /// [`IllegalCharacters`](BuildErrorKind::IllegalCharacters) for a path of [`device_bound`](Self::device_bound) that does not begin
    /// with `/` or isn't a path as in URLs, and for a host of [`device_refresh_initiators`](Self::device_refresh_initiators) that is
    /// neither a host nor `*.` and a host. [`Contradiction`](BuildErrorKind::Contradiction) for such hosts without `device_bound`, and
    /// for a revocation list that remembers revocations for less than the [idle time](Self::idle).
    pub fn build(self) -> Result<Sessions, BuildError> {
        let out_of_range = |setting: &'static str| BuildError::new(BuildErrorKind::OutOfRange, setting);
        self.tokens.check_lifetime(self.idle.min(self.absolute), "idle")?;
        if self.absolute.as_secs() == 0 {
            return Err(out_of_range("absolute"));
        }
        if self.grace > Duration::from_secs(60) {
            return Err(out_of_range("grace"));
        }
        let refresh_lifetime = self.idle.min(self.absolute);
        if self.lists.iter().any(|list| list.remembers_for().is_some_and(|period| period < refresh_lifetime)) {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "refresh_lifetime").because(
                "of the revocation list is shorter than `idle`: a refresh token would be good again once the list has \
                 forgotten that its session was revoked",
            ));
        }
        if self.max_per_subject == 0 {
            return Err(out_of_range("max_per_subject"));
        }
        if self.device_path.as_deref().is_some_and(|path| !is_path(path)) {
            return Err(BuildError::new(BuildErrorKind::IllegalCharacters, "device_bound"));
        }
        if !self.refresh_initiators.iter().all(|pattern| is_host_pattern(pattern)) {
            return Err(BuildError::new(BuildErrorKind::IllegalCharacters, "device_refresh_initiators")
                .hint(": write hosts such as `www.example.com` or `*.example.com`, without a scheme and a port"));
        }
        if self.device_path.is_none() && !self.refresh_initiators.is_empty() {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "device_refresh_initiators")
                .hint(": sessions aren't bound to devices; call `device_bound`"));
        }
        let verifier = |token_type, token_use, required: &[&str]| {
            let issuer = self.tokens.trusted_keys().audience(self.tokens.refresh_audience());
            let issuer = issuer.token_types([token_type]).claim("token_use", token_use).binding_checked_elsewhere();
            let issuer = issuer.require_claims(required.iter().copied());
            let builder = Verifier::builder().issuer(issuer).crypto(self.tokens.ring().backend());
            match self.leeway {
                Some(leeway) => builder.leeway(leeway),
                None => builder,
            }
        };
        let refresh = verifier(REFRESH_TYPE, REFRESH_USE, &["sub", "sid", "iat", "jti"]);
        let challenges = verifier(CHALLENGE_TYPE, CHALLENGE_USE, &["sid", "iat"]).without_token_cache().build()?;
        let verifier = refresh.sources(self.sources).build()?;
        Ok(Sessions::new(Inner {
            tokens: self.tokens,
            store: self.store,
            verifier,
            challenges,
            device_path: self.device_path,
            refresh_initiators: self.refresh_initiators,
            idle: self.idle,
            absolute: self.absolute,
            // Stores count whole seconds. Round up, so that half a second isn't zero.
            grace: self.grace.as_secs() + u64::from(self.grace.subsec_nanos() > 0),
            max_per_subject: self.max_per_subject,
            hooks: self.hooks,
            lists: self.lists,
            journal: EndJournal::default(),
            is_healing: AtomicBool::new(false),
            warned: Warned::default(),
            is_path_known: AtomicBool::new(false),
            observer: self.observer,
        }))
    }
}

/// Whether browsers and headers take this as the path of a URL. RFC 3986 section 3.3.
fn is_path(path: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
    path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_legal)
}

/// Whether this is a host, or `*.` and a host. W3C Device Bound Session Credentials, "Identify if a host matches a pattern".
fn is_host_pattern(pattern: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    pattern.strip_prefix("*.").unwrap_or(pattern).split('.').all(is_label)
}

impl fmt::Debug for SessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("tokens", &self.tokens)
            .field("store", &self.store)
            .field("idle", &self.idle)
            .field("absolute", &self.absolute)
            .field("grace", &self.grace)
            .field("device_bound", &self.device_path)
            .field("device_refresh_initiators", &self.refresh_initiators)
            .finish_non_exhaustive()
    }
}
