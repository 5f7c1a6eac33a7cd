use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::claims::{NumericDate, RegisteredClaims};
use crate::clock::Clock;

use super::{AccessToken, IssueError, IssueErrorKind, Issued, KeyRing};

/// Issues access tokens, signed with the keys of a [`KeyRing`].
///
/// They are access tokens as RFC 9068 has them: `typ` is `at+jwt`, and `iss`, `sub`, `aud`, `exp`, `iat` and `jti` are
/// always there. The claim `token_use` says `access`, so that no token of another kind passes for one even where a
/// verifier does not look at `typ`. Cheap to clone; clones are the same issuer.
///
/// Refresh tokens belong to sessions: see [`session`](crate::issue::session).
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
pub struct TokenIssuer(Arc<Setup>);

struct Setup {
    name: String,
    ring: KeyRing,
    audience: Vec<String>,
    lifetime: Duration,
    client_id: Option<String>,
}

/// The longest token that is issued: what a [`Verifier`](crate::Verifier) accepts unless it is told otherwise.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What browsers keep of a cookie, less some room for its name and attributes.
const MAX_COOKIE_BYTES: usize = 3_800;

impl TokenIssuer {
    /// Starts building an issuer of this name, which its tokens carry as `iss`: usually its https address.
    pub fn builder(name: impl Into<String>, ring: KeyRing) -> TokenIssuerBuilder {
        TokenIssuerBuilder {
            setup: Setup {
                name: name.into(),
                ring,
                audience: Vec::new(),
                lifetime: Duration::from_secs(15 * 60),
                client_id: None,
            },
        }
    }

    /// Starts an access token for a subject: what identifies the user, and never changes.
    pub fn access(&self, subject: impl Into<String>) -> AccessToken {
        AccessToken::new(self.clone(), subject.into())
    }

    /// Returns the issuer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the audience of its tokens.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.0.audience
    }

    /// Returns the keys that it signs with.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.0.ring
    }

    /// Returns how long its access tokens live unless it is said.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.0.ring.clock()
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// The audience of refresh tokens: nobody else's, so that they are good nowhere else.
    pub(crate) fn refresh_audience(&self) -> String {
        format!("{}#refresh", self.0.name)
    }

    /// 128 random bits in base64url.
    pub(crate) fn random_id(&self) -> Result<String, IssueError> {
        let mut bytes = [0; 16];
        self.0.ring.backend().random(&mut bytes)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether tokens of the ring may live so long.
    pub(crate) fn check_lifetime(&self, lifetime: Duration, setting: &'static str) -> Result<(), IssueError> {
        if lifetime.as_secs() == 0 || lifetime > self.0.ring.longest_lifetime() {
            return Err(IssueError::new(IssueErrorKind::OutOfRange, setting));
        }
        Ok(())
    }

    /// Signs a token that says who issued it, when, and under which `jti`.
    pub(crate) fn sign(&self, draft: Draft) -> Result<Issued, IssueError> {
        let Draft { token_type, mut header, mut claims, jwt_id, issued_at, lifetime, csrf } = draft;
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
        let payload = Value::from(claims).to_string();
        // What no verifier here reads is not signed.
        RegisteredClaims::read(&payload).map_err(|_| IssueError::new(IssueErrorKind::UnusableClaims, "claims"))?;
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let input = format!("{}.{}", encode(Value::from(header).to_string()), encode(payload));
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())?));
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IssueError::new(IssueErrorKind::TooLarge, "token"));
        }
        if token.len() > MAX_COOKIE_BYTES {
            tracing::warn!(bytes = token.len(), "a token is too large for a cookie");
        }
        let lifetime = Duration::from_secs(expires_at.saturating_sub(self.clock().now().as_secs()));
        Ok(Issued { token, jwt_id, expires_at: NumericDate::from(Duration::from_secs(expires_at)), lifetime, csrf })
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
pub(crate) struct Draft {
    pub(crate) token_type: &'static str,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) jwt_id: String,
    pub(crate) issued_at: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) csrf: Option<String>,
}

/// Builds a [`TokenIssuer`]; made by [`TokenIssuer::builder`].
#[must_use]
pub struct TokenIssuerBuilder {
    setup: Setup,
}

impl TokenIssuerBuilder {
    /// Adds an audience: the service that the tokens are for, usually its https address. At least one must be given.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.setup.audience.push(name.into());
        self
    }

    /// Sets how long access tokens live. Default: 15 minutes.
    ///
    /// An access token that was stolen is good for so long, unless it is revoked.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.setup.lifetime = lifetime;
        self
    }

    /// Sets the client that tokens are issued to, unless a token says it itself. Default: none.
    ///
    /// RFC 9068 section 2.2 wants it: verifiers of other makes may insist.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.setup.client_id = Some(client_id.into());
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    ///
    /// [`Undecided`](IssueErrorKind::Undecided) without an audience, [`Empty`](IssueErrorKind::Empty) for an empty name,
    /// [`OutOfRange`](IssueErrorKind::OutOfRange) for a lifetime of less than a second, or longer than that of the
    /// [ring](super::KeyRingBuilder::longest_lifetime).
    pub fn build(self) -> Result<TokenIssuer, IssueError> {
        use IssueErrorKind as Kind;
        let setup = self.setup;
        if setup.audience.is_empty() {
            return Err(IssueError::new(Kind::Undecided, "audience"));
        }
        for (setting, empty) in [
            ("issuer", setup.name.is_empty()),
            ("audience", setup.audience.iter().any(String::is_empty)),
            ("client_id", setup.client_id.as_deref() == Some("")),
        ] {
            if empty {
                return Err(IssueError::new(Kind::Empty, setting));
            }
        }
        let issuer = TokenIssuer(Arc::new(setup));
        if issuer.0.audience.contains(&issuer.refresh_audience()) {
            return Err(IssueError::new(Kind::Contradiction, "audience"));
        }
        issuer.check_lifetime(issuer.0.lifetime, "lifetime")?;
        Ok(issuer)
    }
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder").field("name", &self.setup.name).finish_non_exhaustive()
    }
}
