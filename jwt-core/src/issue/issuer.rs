use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::claims::{NumericDate, RegisteredClaims};
use crate::clock::Clock;
use crate::crypto::SigningKey;
use crate::error::{BuildError, BuildErrorKind};
use crate::jose::header::is_media_type;
use crate::jose::{Algorithm, KeyError};
use crate::revocation::RevocationSettings;
use crate::step::Step;
use crate::verify::TrustedIssuer;

use super::KeyRing;

/// Issues access tokens, signed with the keys of a [`KeyRing`].
///
/// `iss`, `sub`, `aud`, `exp`, `iat` and `jti` are always present. A token that also has a `client_id` is an access token of
/// RFC 9068, and its `typ` is `at+jwt`; the `typ` of others is `JWT`. Set [`client_id`](TokenIssuerBuilder::client_id) if
/// other services verify your tokens by that RFC. The claim `token_use` is `access`, so a verifier that ignores `typ` can
/// still tell them from other tokens. Cloning is cheap, and clones are the same issuer.
///
/// For refresh tokens, see [`Sessions`](super::Sessions).
///
/// ```
/// use jwt_core::crypto::SigningKey;
/// use jwt_core::issue::{KeyRing, TokenIssuer};
/// use jwt_core::{Algorithm, Verifier};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
/// let tokens = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
/// let verifier = Verifier::builder().issuer(tokens.trusted()).build()?;
///
/// let issued = tokens.access("joe").scope(["reports:read"]).issue()?;
/// let verified = verifier.verify(&issued.token).await?;
/// assert_eq!(verified.registered().subject(), Some("joe"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    name: String,
    ring: KeyRing,
    audience: Vec<String>,
    lifetime: Duration,
    client_id: Option<String>,
    token_type: Option<String>,
}

/// The `typ` of the access tokens of RFC 9068.
const RFC_9068: &str = "at+jwt";

/// The `typ` of refresh tokens.
pub(crate) const REFRESH_TYPE: &str = "refresh+jwt";

/// The value of the claim `token_use` in access tokens.
pub(crate) const ACCESS: &str = "access";

/// The size of the largest token that is issued: the default limit of a [`Verifier`](crate::Verifier).
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The size of the largest token that fits into a cookie: browsers keep about 4,096 bytes, name and attributes included.
const MAX_COOKIE_BYTES: usize = 3_800;

impl TokenIssuer {
    /// Starts building an issuer. `name` becomes the claim `iss` and is usually an https URL.
    pub fn builder(name: impl Into<String>, ring: KeyRing) -> TokenIssuerBuilder {
        TokenIssuerBuilder {
            inner: Inner {
                name: name.into(),
                ring,
                audience: Vec::new(),
                lifetime: Duration::from_secs(15 * 60),
                client_id: None,
                token_type: None,
            },
        }
    }

    /// Returns the issuer's name, the claim `iss` of its tokens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the default audience of its tokens.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.0.audience
    }

    /// Returns the key ring that signs its tokens.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.0.ring
    }

    /// Returns the default lifetime of its access tokens.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// Returns a trusted issuer that accepts this issuer's access tokens, for a verifier in the same process.
    ///
    /// It has the issuer's name, audience and current keys, and accepts the `typ` of [all tokens of the
    /// issuer](TokenIssuerBuilder::token_type). A verifier that trusts it reads the ring's
    /// [clock](super::KeyRingBuilder::clock), unless you give it another one.
    pub fn trusted(&self) -> TrustedIssuer {
        let names = self.audience().iter();
        let issuer = names.fold(self.trusted_keys(), |issuer, name| issuer.audience(name));
        // Both types, even if the issuer has a `client_id`: its tokens from before that setting live a while longer.
        let types = self.0.token_type.as_deref().map_or(vec![RFC_9068, "JWT"], |only| vec![only]);
        issuer.token_types(types).claim("token_use", ACCESS).require_claims(["sub", "iat", "jti"])
    }

    /// The issuer's name and keys, without an audience.
    pub(crate) fn trusted_keys(&self) -> TrustedIssuer {
        let issuer =
            TrustedIssuer::new(self.name()).key_source(self.ring().clone()).with_clock(Arc::clone(self.clock()));
        if self.ring().is_symmetric() {
            issuer.algorithms([Algorithm::HS256, Algorithm::HS384, Algorithm::HS512])
        } else {
            issuer
        }
    }

    /// Returns settings for a revocation list of this issuer's tokens: the list reads the ring's
    /// [clock](super::KeyRingBuilder::clock), and remembers revocations for as long as access tokens live, which is
    /// [`lifetime`](Self::lifetime). It refuses tokens that you issue for longer.
    pub fn revocation_settings(&self) -> RevocationSettings {
        let settings = RevocationSettings::new().longest_lifetime(self.lifetime());
        RevocationSettings { clock: Arc::clone(self.clock()), ..settings }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.0.ring.clock()
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// The `typ` of an access token. RFC 9068 section 2.2 requires a `client_id` of its tokens, and verifiers refuse those
    /// that only claim to be one.
    pub(super) fn token_type(&self, has_client_id: bool) -> Result<String, BuildError> {
        let token_type = self.0.token_type.as_deref().unwrap_or(if has_client_id { RFC_9068 } else { "JWT" });
        if !has_client_id && is_media_type(token_type, RFC_9068) {
            return Err(BuildError::new(BuildErrorKind::Undecided, "client_id"));
        }
        Ok(token_type.to_owned())
    }

    /// The audience of refresh tokens. No service has this name, so no service accepts them.
    pub(crate) fn refresh_audience(&self) -> String {
        format!("{}#refresh", self.0.name)
    }

    /// 128 random bits in base64url.
    pub(crate) fn random_id(&self) -> Result<String, BuildError> {
        let mut bytes = [0; 16];
        self.0.ring.backend().random(&mut bytes)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Checks that tokens of the ring may live this long.
    pub(crate) fn check_lifetime(&self, lifetime: Duration, setting: &'static str) -> Result<(), BuildError> {
        if lifetime.as_secs() == 0 || lifetime > self.0.ring.longest_lifetime() {
            return Err(BuildError::new(BuildErrorKind::OutOfRange, setting));
        }
        Ok(())
    }

    /// Adds the issuer, the times and the `jti`, and signs the token.
    pub(crate) fn sign(&self, token: UnsignedToken) -> Step<Result<Issued, BuildError>> {
        let (unsigned, key) = match self.prepare(token) {
            Ok(prepared) => prepared,
            Err(error) => return Step::Ready(Err(error)),
        };
        match key.sign_step(unsigned.token.as_bytes()) {
            Step::Ready(signature) => Step::Ready(self.finish(unsigned, signature)),
            Step::Pending(pending) => {
                let issuer = self.clone();
                pending.then(move |signature| issuer.finish(unsigned, signature).into())
            }
        }
    }

    /// Writes header and claims. The result isn't a token yet: its signature is missing.
    fn prepare(&self, token: UnsignedToken) -> Result<(Issued, SigningKey), BuildError> {
        let UnsignedToken { token_type, mut header, mut claims, jwt_id, issued_at, lifetime, csrf } = token;
        let expires_at = issued_at.saturating_add(lifetime).as_secs();
        claims.insert("iss".to_owned(), self.0.name.as_str().into());
        claims.insert("iat".to_owned(), issued_at.as_secs().into());
        claims.insert("exp".to_owned(), expires_at.into());
        claims.insert("jti".to_owned(), jwt_id.as_str().into());
        if let Some(csrf) = &csrf {
            claims.insert("csrf".to_owned(), csrf.as_str().into());
        }
        let (key, kid) = self.0.ring.signing_key();
        header.insert("alg".to_owned(), key.algorithm().name().into());
        header.insert("typ".to_owned(), token_type.into());
        header.insert("kid".to_owned(), (*kid).into());
        // Don't sign claims that a verifier of this crate would not read.
        let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
        let are_texts = ["sub", "jti", "sid", "client_id"].into_iter().all(is_text);
        let payload = Value::from(claims).to_string();
        if !are_texts || RegisteredClaims::read(&payload).is_err() {
            return Err(unusable_claims());
        }
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let input = format!("{}.{}", encode(Value::from(header).to_string()), encode(payload));
        let expires_at = NumericDate::from(Duration::from_secs(expires_at));
        Ok((Issued { token: input, jwt_id, expires_at, lifetime, csrf }, key))
    }

    fn finish(&self, unsigned: Issued, signature: Result<Vec<u8>, KeyError>) -> Result<Issued, BuildError> {
        let token = format!("{}.{}", unsigned.token, URL_SAFE_NO_PAD.encode(signature?));
        if token.len() > MAX_TOKEN_BYTES {
            return Err(BuildError::new(BuildErrorKind::TooLarge, "token")
                .because("is larger than 16 KiB, the most that verifiers accept by default"));
        }
        if token.len() > MAX_COOKIE_BYTES {
            tracing::warn!(bytes = token.len(), "a token is too large for a cookie: give it fewer claims");
        }
        let lifetime = unsigned.expires_at.since(Duration::from_secs(self.clock().now().as_secs()).into());
        Ok(Issued { token, lifetime, ..unsigned })
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("name", &self.0.name)
            .field("audience", &self.0.audience)
            .finish_non_exhaustive()
    }
}

/// A token before it is signed.
pub(crate) struct UnsignedToken {
    pub(crate) token_type: String,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) jwt_id: String,
    pub(crate) issued_at: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) csrf: Option<String>,
}

/// An issued token. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The token in compact form. RFC 7515 section 7.1.
    pub token: String,
    /// The claim `jti`: 128 random bits in base64url.
    pub jwt_id: String,
    /// The claim `exp`.
    pub expires_at: NumericDate,
    /// How long the token lives from now on: `expires_in` of RFC 6749 section 5.1.
    pub lifetime: Duration,
    /// The claim `csrf`, if you asked for one: 128 random bits in base64url.
    pub csrf: Option<String>,
}

impl Issued {
    /// Returns the token's length in bytes. Browsers keep cookies of up to about 4,096 bytes, name and attributes included.
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

/// Builds a [`TokenIssuer`]; made by [`TokenIssuer::builder`].
#[must_use]
pub struct TokenIssuerBuilder {
    inner: Inner,
}

impl TokenIssuerBuilder {
    /// Adds an audience: the service that accepts the tokens, usually by its https URL. At least one is required.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.inner.audience.push(name.into());
        self
    }

    /// Sets the lifetime of access tokens. Default: 15 minutes.
    ///
    /// A thief can use a stolen access token for this long, unless you revoke it.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.inner.lifetime = lifetime;
        self
    }

    /// Sets the claim `client_id` of tokens that don't set one. Default: no `client_id`, so their `typ` is `JWT`.
    ///
    /// If your login page isn't an OAuth client, choose a name for the application, such as `shop-web`. RFC 9068 section 2.2
    /// requires the claim, and verifiers of that RFC refuse tokens without it.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.inner.client_id = Some(client_id.into());
        self
    }

    /// Sets the header's `typ` of every access token. Default: `at+jwt` if the token has a `client_id`, otherwise `JWT`.
    ///
    /// Set `JWT` for verifiers that accept nothing else, and `at+jwt` if every token must follow RFC 9068: issuing a token
    /// without a `client_id` is then an [error](BuildErrorKind::Undecided).
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.inner.token_type = Some(token_type.into());
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    ///
    /// [`Undecided`](BuildErrorKind::Undecided) without an audience, [`Empty`](BuildErrorKind::Empty) for an empty value,
    /// [`Reserved`](BuildErrorKind::Reserved) for the audience or the `typ` of refresh tokens, and
    /// [`OutOfRange`](BuildErrorKind::OutOfRange) for a lifetime of less than a second or more than the ring's
    /// [`longest_lifetime`](super::KeyRingBuilder::longest_lifetime).
    pub fn build(self) -> Result<TokenIssuer, BuildError> {
        use BuildErrorKind as Kind;
        let inner = self.inner;
        if inner.audience.is_empty() {
            return Err(BuildError::new(Kind::Undecided, "audience").hint(": call `TokenIssuerBuilder::audience`"));
        }
        for (setting, empty) in [
            ("issuer", inner.name.is_empty()),
            ("audience", inner.audience.iter().any(String::is_empty)),
            ("client_id", inner.client_id.as_deref() == Some("")),
            ("token_type", inner.token_type.as_deref() == Some("")),
        ] {
            if empty {
                return Err(BuildError::new(Kind::Empty, setting));
            }
        }
        let issuer = TokenIssuer(Arc::new(inner));
        if issuer.0.audience.contains(&issuer.refresh_audience()) {
            return Err(reserved("audience"));
        }
        if issuer.0.token_type.as_deref().is_some_and(|token_type| is_media_type(token_type, REFRESH_TYPE)) {
            return Err(reserved("token_type"));
        }
        issuer.check_lifetime(issuer.0.lifetime, "lifetime")?;
        Ok(issuer)
    }
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

pub(super) fn unusable_claims() -> BuildError {
    BuildError::new(BuildErrorKind::Invalid, "claims").because("must be a JSON object that verifiers accept")
}

/// The error of a name that only refresh tokens have.
pub(super) fn reserved(setting: &'static str) -> BuildError {
    BuildError::new(BuildErrorKind::Reserved, setting).because("is reserved for refresh tokens: choose another name")
}
