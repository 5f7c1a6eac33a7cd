use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{BuildError, BuildErrorKind};
use crate::http::challenge::is_scope;
use crate::step::Step;

use super::issuer::{ACCESS, UnsignedToken, reserved, unusable_claims};
use super::{Issued, TokenIssuer};

/// The claims that have methods of their own, or that only the issuer writes.
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

/// The header parameters that the issuer writes, and those by which a token would choose its own key or require an
/// extension that verifiers don't have: RFC 8725 section 3.10, RFC 7515 section 4.1.11.
const RESERVED_HEADERS: [&str; 11] = ["alg", "typ", "kid", "crit", "b64", "cty", "jwk", "jku", "x5u", "x5c", "x5t"];

/// Builds an access token; made by [`TokenIssuer::access`].
///
/// Errors are reported by [`issue`](Self::issue).
///
/// ```
/// # use jwt_core::crypto::SigningKey;
/// # use jwt_core::BuildErrorKind;
/// # use jwt_core::issue::{KeyRing, TokenIssuer};
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
/// // Claims that the issuer writes can't be overridden.
/// let error = tokens.access("joe").claim("sub", "root").issue().unwrap_err();
/// assert_eq!(error.kind(), BuildErrorKind::Reserved);
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
    /// The first error, which [`issue`](Self::issue) returns.
    error: Option<BuildError>,
}

/// The settings of an access token that every access token of a session shares.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Grant {
    /// The application's claims, and `scope`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    header: Map<String, Value>,
    /// Empty for the issuer's audience.
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
    /// Reads the settings back from the claims of a token.
    pub(super) fn from_claims(mut claims: Map<String, Value>) -> Self {
        let string = |value: Value| if let Value::String(string) = value { Some(string) } else { None };
        let audience = match claims.remove("aud") {
            Some(Value::Array(names)) => names.into_iter().filter_map(string).collect(),
            other => other.and_then(string).into_iter().collect(),
        };
        let client_id = claims.remove("client_id").and_then(string);
        let csrf = claims.remove("csrf").and_then(string);
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

impl TokenIssuer {
    /// Starts an access token for `subject`, the permanent identifier of a user.
    pub fn access(&self, subject: impl Into<String>) -> AccessToken {
        AccessToken::new(self.clone(), subject.into())
    }
}

impl AccessToken {
    fn new(issuer: TokenIssuer, subject: String) -> Self {
        let error = subject.is_empty().then(|| BuildError::new(BuildErrorKind::Empty, "subject"));
        let grant = Grant { client_id: issuer.client_id().map(str::to_owned), ..Grant::default() };
        Self { issuer, subject, grant, valid_after: None, fresh: Fresh::No, csrf: false, error }
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

    /// Sets the claim `scope`. RFC 9068 section 2.2.3. Default: no scopes.
    pub fn scope<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        if !names.iter().all(|name| is_scope(name)) {
            return self.fail(BuildError::new(BuildErrorKind::IllegalCharacters, "scope"));
        }
        self.grant.claims.remove("scope");
        if !names.is_empty() {
            self.grant.claims.insert("scope".to_owned(), names.join(" ").into());
        }
        self
    }

    /// Adds claims: a value of any type that serializes as a JSON object. Default: no claims besides those of the issuer.
    ///
    /// Add few: they travel with every request, and the bearer can read them. Claims that the issuer writes itself are
    /// [refused](BuildErrorKind::Reserved).
    pub fn claims(mut self, claims: &impl Serialize) -> Self {
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => {
                for (name, value) in claims {
                    self = self.claim(name, value);
                }
                self
            }
            _ => self.fail(unusable_claims()),
        }
    }

    /// Adds one claim, or replaces it. The value is anything that serde can write, such as a `Vec` of an enum of yours.
    pub fn claim(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        if let Some(reserved) = RESERVED_CLAIMS.into_iter().find(|reserved| *reserved == name) {
            let problem = "is a claim that the issuer writes itself or that has a method of its own";
            return self.fail(BuildError::new(BuildErrorKind::Reserved, reserved).because(problem));
        }
        match serde_json::to_value(value) {
            Ok(value) => {
                self.grant.claims.insert(name, value);
                self
            }
            Err(_) => self.fail(unusable_claims()),
        }
    }

    /// Adds a header parameter. Default: only `alg`, `typ` and `kid`.
    ///
    /// You cannot set these three, nor parameters that would let a token choose its own key, such as `jwk`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        if let Some(reserved) = RESERVED_HEADERS.into_iter().find(|reserved| *reserved == name) {
            let problem = "is a reserved header parameter";
            return self.fail(BuildError::new(BuildErrorKind::Reserved, reserved).because(problem));
        }
        self.grant.header.insert(name, value.into());
        self
    }

    /// Sets the audience; call it again to add more. Default: the issuer's audience.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if name.is_empty() {
            return self.fail(BuildError::new(BuildErrorKind::Empty, "audience"));
        }
        if name == self.issuer.refresh_audience() {
            return self.fail(reserved("audience"));
        }
        self.grant.audience.push(name);
        self
    }

    /// Sets the lifetime. Default: [the issuer's](super::TokenIssuerBuilder::lifetime).
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.grant.lifetime = Some(lifetime);
        self
    }

    /// Makes the token valid only after a delay, by the claim `nbf`. The delay counts towards the lifetime. Default: valid
    /// at once.
    pub const fn valid_after(mut self, delay: Duration) -> Self {
        self.valid_after = Some(delay);
        self
    }

    /// Sets the claim `client_id`. Default: [the issuer's](super::TokenIssuerBuilder::client_id).
    ///
    /// With it, the token is an access token of RFC 9068, and its `typ` is `at+jwt`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        if client_id.is_empty() {
            return self.fail(BuildError::new(BuildErrorKind::Empty, "client_id"));
        }
        self.grant.client_id = Some(client_id);
        self
    }

    /// Marks the token as fresh, because its user has just logged in. Default: not fresh.
    ///
    /// [`authorize::fresh`](crate::authorize::fresh) requires it. The claim `auth_time` gets the current time.
    pub const fn fresh(mut self) -> Self {
        self.fresh = Fresh::Yes;
        self
    }

    /// Marks the token as fresh for a limited time. Default: not fresh.
    pub const fn fresh_for(mut self, period: Duration) -> Self {
        self.fresh = Fresh::For(period);
        self
    }

    /// Adds a random claim `csrf`, for tokens in cookies: see [`Issued::csrf`]. Default: no such claim.
    pub const fn csrf(mut self) -> Self {
        self.csrf = true;
        self
    }

    /// Generates the claim `csrf` if it's wanted and missing: every token of a session has the same value.
    pub(crate) fn generate_csrf(mut self) -> Result<Self, BuildError> {
        if self.csrf && self.grant.csrf.is_none() {
            self.grant.csrf = Some(self.issuer.random_id()?);
        }
        Ok(self)
    }

    /// Signs the token.
    ///
    /// A token that is too large for a cookie is logged as a warning.
    ///
    /// # Errors
    ///
    /// The first error: an [empty](BuildErrorKind::Empty) subject or audience, a [missing](BuildErrorKind::Undecided)
    /// `client_id` if the issuer's [`typ`](super::TokenIssuerBuilder::token_type) needs it, a [lifetime](BuildErrorKind::OutOfRange) of
    /// less than a second or more than the ring's [`longest_lifetime`](super::KeyRingBuilder::longest_lifetime),
    /// [reserved](BuildErrorKind::Reserved) or [unusable](BuildErrorKind::Invalid) claims, or a token of more
    /// than [16 KiB](BuildErrorKind::TooLarge).
    pub fn issue(self) -> Result<Issued, BuildError> {
        self.issue_step().ready().unwrap_or_else(|| Err(BuildError::new(BuildErrorKind::MustWait, "key")))
    }

    /// Signs the token, now or once a remote signer has answered: `token.issue_step().wait().await?`.
    ///
    /// The step is ready unless the ring's signing key is remote.
    ///
    /// # Errors
    ///
    /// The errors of [`issue`](Self::issue), and [`SignerUnavailable`](BuildErrorKind::SignerUnavailable).
    pub fn issue_step(self) -> Step<Result<Issued, BuildError>> {
        let now = self.issuer.clock().now();
        match self.generate_csrf() {
            Ok(this) => this.issue_in(None, now),
            Err(error) => Step::Ready(Err(error)),
        }
    }

    /// Signs the token for a login at this second.
    pub(super) fn issue_at(self, login: u64, now: Duration) -> Step<Result<Issued, BuildError>> {
        self.sign(None, Some(login), now)
    }

    /// Signs the token for a session.
    pub(crate) fn issue_in(self, session: Option<TokenSession<'_>>, now: Duration) -> Step<Result<Issued, BuildError>> {
        let login = session.as_ref().map(|session| session.login);
        // A fresh token means that the user has just logged in.
        let login = login.or((!matches!(self.fresh, Fresh::No)).then_some(now.as_secs()));
        self.sign(session, login, now)
    }

    fn sign(
        self,
        session: Option<TokenSession<'_>>,
        login: Option<u64>,
        now: Duration,
    ) -> Step<Result<Issued, BuildError>> {
        match self.unsigned(session, login, now) {
            Ok((issuer, token)) => issuer.sign(token),
            Err(error) => Step::Ready(Err(error)),
        }
    }

    fn unsigned(
        self,
        session: Option<TokenSession<'_>>,
        login: Option<u64>,
        now: Duration,
    ) -> Result<(TokenIssuer, UnsignedToken), BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let (issuer, grant) = (self.issuer, self.grant);
        let token_type = issuer.token_type(grant.client_id.is_some())?;
        let mut lifetime = grant.lifetime.unwrap_or(issuer.lifetime());
        issuer.check_lifetime(lifetime, "lifetime")?;
        if self.valid_after.is_some_and(|delay| delay >= lifetime) {
            return Err(BuildError::new(BuildErrorKind::OutOfRange, "valid_after"));
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
        let jwt_id = issuer.random_id()?;
        let token = UnsignedToken {
            token_type,
            header: grant.header,
            claims,
            jwt_id,
            issued_at: now,
            lifetime,
            csrf: grant.csrf,
        };
        Ok((issuer, token))
    }

    fn fail(mut self, error: BuildError) -> Self {
        self.error.get_or_insert(error);
        self
    }
}

/// The session that a token belongs to.
pub(crate) struct TokenSession<'s> {
    pub(crate) id: &'s str,
    /// The time of the login in seconds.
    pub(crate) login: u64,
    /// When the session ends: the token does not outlive it.
    pub(crate) ends: Duration,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("issuer", &self.issuer.name()).finish_non_exhaustive()
    }
}
