use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::challenge::is_scope;

use super::issuer::Draft;
use super::{IssueError, IssueErrorKind, Issued, TokenIssuer};

/// The claims that are written by methods of their own, or must not be written at all.
const RESERVED_CLAIMS: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "scp",
    "sid",
    "token_use",
    "fresh",
    "csrf",
    "auth_time",
];

/// The members of a header that are written here, and those by which a token would choose its own key or ask for what
/// verifiers do not do: RFC 8725 section 3.10, RFC 7515 section 4.1.11.
const RESERVED_HEADERS: [&str; 11] = ["alg", "typ", "kid", "crit", "b64", "cty", "jwk", "jku", "x5u", "x5c", "x5t"];

/// An access token in the making; made by [`TokenIssuer::access`].
///
/// What is wrong with it is told by [`issue`](Self::issue).
///
/// ```
/// # use jwt_core::crypto::SigningKey;
/// # use jwt_core::issue::{IssueErrorKind, KeyRing, TokenIssuer};
/// # if jwt_core::crypto::Backend::compiled_in().is_none() { return Ok(()) }
/// # let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
/// # let tokens = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
/// #[derive(serde::Serialize)]
/// struct Extra {
///     plan: &'static str,
/// }
///
/// let issued = tokens.access("joe").scope(["reports:read"]).fresh().claims(&Extra { plan: "gold" }).issue()?;
/// println!("{}, for {} seconds", issued.jwt_id, issued.lifetime.as_secs());
///
/// // What the issuer itself says cannot be overridden.
/// let error = tokens.access("joe").claim("sub", "root").issue().unwrap_err();
/// assert_eq!(error.kind(), IssueErrorKind::ReservedClaim);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct AccessToken {
    issuer: TokenIssuer,
    subject: String,
    grant: Grant,
    valid_after: Option<Duration>,
    fresh: Fresh,
    csrf: bool,
    /// The first thing that is wrong.
    fault: Option<IssueError>,
}

/// What a token says besides who it is for and when: what all tokens of a session have in common.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Grant {
    /// The application's own, and `scope`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    header: Map<String, Value>,
    /// The issuer's where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audience: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

impl Grant {
    /// What a token says of its own.
    pub(super) fn of(mut claims: Map<String, Value>) -> Self {
        let text = |value: Value| if let Value::String(text) = value { Some(text) } else { None };
        let audience = match claims.remove("aud") {
            Some(Value::Array(names)) => names.into_iter().filter_map(text).collect(),
            other => other.and_then(text).into_iter().collect(),
        };
        let client_id = claims.remove("client_id").and_then(text);
        let csrf = claims.remove("csrf").and_then(text);
        claims.retain(|name, _| name == "scope" || !RESERVED_CLAIMS.contains(&name.as_str()));
        Self { claims, audience, client_id, csrf, ..Self::default() }
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    pub(crate) fn csrf(&self) -> Option<&str> {
        self.csrf.as_deref()
    }

    /// Whether all of these scopes are granted.
    pub(crate) fn covers<N: AsRef<str>>(&self, scopes: &[N]) -> bool {
        let granted = self.claims.get("scope").and_then(Value::as_str).unwrap_or_default();
        scopes.iter().all(|scope| granted.split(' ').any(|granted| granted == scope.as_ref()))
    }
}

#[derive(Clone, Copy)]
enum Fresh {
    No,
    Yes,
    For(Duration),
}

impl AccessToken {
    pub(super) fn new(issuer: TokenIssuer, subject: String) -> Self {
        let fault = subject.is_empty().then(|| IssueError::new(IssueErrorKind::Empty, "subject"));
        let grant = Grant { client_id: issuer.client_id().map(str::to_owned), ..Grant::default() };
        Self { issuer, subject, grant, valid_after: None, fresh: Fresh::No, csrf: false, fault }
    }

    pub(crate) fn with_grant(self, grant: Grant) -> Self {
        Self { grant, ..self }
    }

    pub(crate) const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Returns the subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Grants scopes. RFC 9068 section 2.2.3. Default: none.
    pub fn scope<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        if !names.iter().all(|name| is_scope(name)) {
            return self.fail(IssueErrorKind::IllegalScope, "scope");
        }
        self.grant.claims.remove("scope");
        if !names.is_empty() {
            self.grant.claims.insert("scope".to_owned(), names.join(" ").into());
        }
        self
    }

    /// Adds the claims of an object: any type that serializes as one. Default: none.
    ///
    /// Keep them few: they travel with every request, and whoever holds the token can read them. Names that the issuer
    /// writes itself are [refused](IssueErrorKind::ReservedClaim).
    pub fn claims(mut self, claims: &impl Serialize) -> Self {
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => {
                for (name, value) in claims {
                    self = self.claim(name, value);
                }
                self
            }
            _ => self.fail(IssueErrorKind::UnusableClaims, "claims"),
        }
    }

    /// Adds one claim. Default: none.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        if let Some(reserved) = RESERVED_CLAIMS.into_iter().find(|reserved| *reserved == name) {
            return self.fail(IssueErrorKind::ReservedClaim, reserved);
        }
        self.grant.claims.insert(name, value.into());
        self
    }

    /// Adds a member to the header. Default: `alg`, `typ` and `kid`.
    ///
    /// These cannot be set, nor those by which a token would choose its own key.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        if let Some(reserved) = RESERVED_HEADERS.into_iter().find(|reserved| *reserved == name) {
            return self.fail(IssueErrorKind::ReservedHeader, reserved);
        }
        self.grant.header.insert(name, value.into());
        self
    }

    /// Makes the token for this audience instead; called again, for all of them. Default: the issuer's.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if name.is_empty() {
            return self.fail(IssueErrorKind::Empty, "audience");
        }
        if name == self.issuer.refresh_audience() {
            return self.fail(IssueErrorKind::Contradiction, "audience");
        }
        self.grant.audience.push(name);
        self
    }

    /// Sets how long it lives. Default: as the [issuer](super::TokenIssuerBuilder::lifetime) says.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.grant.lifetime = Some(lifetime);
        self
    }

    /// Makes it good only after a while, which counts as part of its life: `nbf`. Default: at once.
    pub const fn valid_after(mut self, delay: Duration) -> Self {
        self.valid_after = Some(delay);
        self
    }

    /// Names the client that it is issued to. Default: as the [issuer](super::TokenIssuerBuilder::client_id) says.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        if client_id.is_empty() {
            return self.fail(IssueErrorKind::Empty, "client_id");
        }
        self.grant.client_id = Some(client_id);
        self
    }

    /// Says that its bearer has just logged in: what [`authorize::fresh`](crate::authorize::fresh) asks for. The claim
    /// `auth_time` says when. Default: not fresh.
    pub const fn fresh(mut self) -> Self {
        self.fresh = Fresh::Yes;
        self
    }

    /// Says that its bearer has just logged in, for a while. Default: not fresh.
    pub const fn fresh_for(mut self, while_: Duration) -> Self {
        self.fresh = Fresh::For(while_);
        self
    }

    /// Puts a random claim `csrf` into it, for tokens that travel in cookies: [`Issued::csrf`]. Default: none.
    pub const fn csrf(mut self) -> Self {
        self.csrf = true;
        self
    }

    /// Draws the claim `csrf`, if it is wanted and not there yet: all tokens of a session have the same.
    pub(crate) fn draw_csrf(mut self) -> Result<Self, IssueError> {
        if self.csrf && self.grant.csrf.is_none() {
            self.grant.csrf = Some(self.issuer.random_id()?);
        }
        Ok(self)
    }

    /// Signs it.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: an [empty](IssueErrorKind::Empty) subject or audience, a
    /// [lifetime](IssueErrorKind::OutOfRange) of less than a second or longer than the
    /// [ring](super::KeyRingBuilder::longest_lifetime) keeps its keys, [reserved](IssueErrorKind::ReservedClaim) or
    /// [unusable](IssueErrorKind::UnusableClaims) claims, a token of more than [16 KiB](IssueErrorKind::TooLarge). Of one that is too
    /// large for a cookie, the log warns.
    pub fn issue(self) -> Result<Issued, IssueError> {
        let now = self.issuer.clock().now();
        self.draw_csrf()?.issue_in(None, now)
    }

    /// Signs it as one that comes of a login at that second.
    pub(super) fn issue_at(self, login: u64, now: Duration) -> Result<Issued, IssueError> {
        self.sign(None, Some(login), now)
    }

    /// Signs it as one of a session.
    pub(crate) fn issue_in(self, session: Option<Membership<'_>>, now: Duration) -> Result<Issued, IssueError> {
        let login = session.as_ref().map(|session| session.login);
        // Fresh is who has just logged in.
        let login = login.or((!matches!(self.fresh, Fresh::No)).then_some(now.as_secs()));
        self.sign(session, login, now)
    }

    fn sign(self, session: Option<Membership<'_>>, login: Option<u64>, now: Duration) -> Result<Issued, IssueError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let (issuer, grant) = (self.issuer, self.grant);
        let mut lifetime = grant.lifetime.unwrap_or(issuer.lifetime());
        issuer.check_lifetime(lifetime, "lifetime")?;
        if self.valid_after.is_some_and(|delay| delay >= lifetime) {
            return Err(IssueError::new(IssueErrorKind::OutOfRange, "valid_after"));
        }
        let mut claims = grant.claims;
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        set("sub", self.subject.into());
        let audience = if grant.audience.is_empty() { issuer.audience().to_vec() } else { grant.audience };
        match <[String; 1]>::try_from(audience) {
            Ok([only]) => set("aud", only.into()),
            Err(several) => set("aud", several.into()),
        }
        set("token_use", ACCESS.into());
        if let Some(client_id) = grant.client_id {
            set("client_id", client_id.into());
        }
        if let Some(delay) = self.valid_after {
            set("nbf", now.saturating_add(delay).as_secs().into());
        }
        match self.fresh {
            Fresh::No => {}
            Fresh::Yes => set("fresh", true.into()),
            Fresh::For(period) => set("fresh", now.saturating_add(period).as_secs().into()),
        }
        if let Some(login) = login {
            set("auth_time", login.into());
        }
        if let Some(session) = session {
            set("sid", session.id.into());
            lifetime = lifetime.min(session.ends.saturating_sub(now)).max(Duration::from_secs(1));
        }
        issuer.sign(Draft {
            token_type: "at+jwt",
            header: grant.header,
            claims,
            jwt_id: issuer.random_id()?,
            issued_at: now,
            lifetime,
            csrf: grant.csrf,
        })
    }

    fn fail(mut self, kind: IssueErrorKind, about: &'static str) -> Self {
        self.fault.get_or_insert(IssueError::new(kind, about));
        self
    }
}

/// The session that a token belongs to.
pub(crate) struct Membership<'s> {
    pub(crate) id: &'s str,
    /// The second of the login.
    pub(crate) login: u64,
    /// The token does not outlive it.
    pub(crate) ends: Duration,
}

/// The claim `token_use` of access tokens.
pub(crate) const ACCESS: &str = "access";

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("issuer", &self.issuer.name()).finish_non_exhaustive()
    }
}
