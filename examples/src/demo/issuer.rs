//! An issuer for development. It gives an access token to anyone who asks.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::Algorithm;
use jwt_core::Clock as _;
use jwt_core::SystemClock;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Key, KeyError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The path of the embedded issuer, below the axum server.
pub(super) const PATH: &str = "/dev-issuer";
/// The audience of its tokens.
pub(super) const AUDIENCE: &str = "https://api.example";

/// There's no login, so the subject of a token is the client itself (RFC 9068 section 2.2).
const CLIENT: &str = "demo-client";
const LIFETIME: i64 = 600;
const MAX_LIFETIME: i64 = 24 * 3600;

/// The embedded development issuer. Its key is only in memory and is lost when the process ends.
#[derive(Debug)]
pub struct DevIssuer {
    url: String,
    key: SigningKey,
    started: i64,
    issued: AtomicU64,
}

/// A request for a token: the parameters of the token endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TokenRequest {
    #[serde(default)]
    pub(super) grant_type: String,
    #[serde(default)]
    pub(super) scope: String,
    #[serde(default)]
    name: String,
    lifetime: Option<i64>,
    /// The thumbprint of the client's key. It comes from the client's proof, never from the form.
    #[serde(skip)]
    bound_to: Option<String>,
    /// The hash of the client's certificate. It comes from the connection.
    #[serde(skip)]
    certificate: Option<String>,
}

impl TokenRequest {
    /// Requests a token without a name or scopes that's valid for ten minutes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the scopes, separated by spaces. Default: no scopes.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets the claim `name`. Default: no name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Binds the token to the key with this thumbprint. Default: a bearer token.
    #[must_use]
    pub fn bound_to(mut self, thumbprint: Option<String>) -> Self {
        self.bound_to = thumbprint;
        self
    }

    /// Binds the token to the certificate with this hash. Default: no certificate.
    #[must_use]
    pub fn certificate(mut self, hash: Option<String>) -> Self {
        self.certificate = hash;
        self
    }

    /// Returns the claim `cnf`: RFC 9449 section 6.1, RFC 8705 section 3.1.
    fn confirmation(&self) -> Option<Value> {
        let members = [("jkt", &self.bound_to), ("x5t#S256", &self.certificate)];
        let members = members.into_iter().filter_map(|(name, hash)| Some((name.to_owned(), hash.clone()?.into())));
        let members: serde_json::Map<_, _> = members.collect();
        (!members.is_empty()).then(|| members.into())
    }

    /// Returns the type of the token.
    pub(super) const fn token_type(&self) -> &'static str {
        if self.bound_to.is_some() { "DPoP" } else { "Bearer" }
    }

    /// Sets the lifetime in seconds, at most a day. If it's negative, the token has already expired. Default: 600.
    #[must_use]
    pub const fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = Some(seconds);
        self
    }

    /// Returns the lifetime in seconds, within the limits.
    pub(super) fn seconds(&self) -> i64 {
        self.lifetime.unwrap_or(LIFETIME).clamp(-MAX_LIFETIME, MAX_LIFETIME)
    }
}

/// The claims of an access token (RFC 9068 section 2.2).
#[derive(Serialize)]
struct AccessToken<'t> {
    iss: &'t str,
    aud: &'t str,
    sub: &'t str,
    client_id: &'t str,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'t str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Value>,
}

impl DevIssuer {
    pub(super) fn new(url: String) -> Result<Self, KeyError> {
        let started = now();
        let key = SigningKey::generate(Algorithm::ES256)?.with_kid(format!("dev-{started}"));
        Ok(Self { url, key, started, issued: AtomicU64::new(1) })
    }

    /// Returns the key that verifies its tokens.
    pub(super) fn key(&self) -> Key {
        self.key.verification_key()
    }

    /// Returns the issuer's identifier, the `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Issues a token.
    ///
    /// # Errors
    ///
    /// If the key can't sign.
    pub fn token(&self, request: &TokenRequest) -> Result<String, KeyError> {
        let (now, lifetime) = (now(), request.seconds());
        let exp = now + lifetime;
        // An expired token was issued earlier, because `exp` must not be before `iat`.
        let iat = if lifetime > 0 { now } else { exp - LIFETIME };
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        self.sign(&AccessToken {
            iss: &self.url,
            aud: AUDIENCE,
            sub: CLIENT,
            client_id: CLIENT,
            iat,
            nbf: iat,
            exp,
            jti: format!("{}-{number}", self.started),
            name: &request.name,
            scope: &request.scope,
            cnf: request.confirmation(),
        })
    }

    fn sign(&self, claims: &AccessToken<'_>) -> Result<String, KeyError> {
        let header = json!({"alg": self.key.algorithm().name(), "typ": "at+jwt", "kid": self.key.kid()});
        let input = format!("{}.{}", encode(header.to_string()), encode(json!(claims).to_string()));
        let signature = self.key.sign(input.as_bytes())?;
        Ok(format!("{input}.{}", encode(signature)))
    }

    /// Returns the metadata, through which verifiers find the keys (RFC 8414 section 2).
    pub(super) fn metadata(&self) -> Value {
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/jwks", self.url),
            "token_endpoint": format!("{}/token", self.url),
            "token_endpoint_auth_methods_supported": ["none"],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["reports:read"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "tls_client_certificate_bound_access_tokens": true,
        })
    }

    /// Returns the key set with the public key (RFC 7517 section 5).
    pub(super) fn jwks(&self) -> Value {
        json!({"keys": [self.key.public_jwk()]})
    }
}

fn now() -> i64 {
    i64::try_from(SystemClock.now().as_secs()).unwrap_or(i64::MAX / 2)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
