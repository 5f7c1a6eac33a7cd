use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::crypto::SigningKey;
use crate::gate::RequestState;

/// The audience of the tokens that [`TestAuth`](super::TestAuth) and [`ScriptedIssuer`](super::ScriptedIssuer) sign.
pub const AUDIENCE: &str = "https://api.example";

/// How long a token is valid.
const LIFETIME: Duration = Duration::from_secs(300);

/// A token for a test. Change it, then [sign](Self::sign) it.
///
/// [`TestAuth::token`](super::TestAuth::token) and [`ScriptedIssuer::token`](super::ScriptedIssuer::token) create a valid access
/// token (RFC 9068) for five minutes. Each method changes one thing, so that a test shows the effect of that one thing.
#[derive(Clone)]
#[must_use]
pub struct TestToken {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: SigningKey,
    moment: Duration,
    signed: bool,
}

impl TestToken {
    pub(super) fn new(issuer: &str, key: SigningKey, moment: Duration, number: u64) -> Self {
        let claims = object(json!({
            "iss": issuer, "aud": AUDIENCE, "sub": "user-1815", "client_id": "reports-service",
            "jti": format!("token-{number}"), "name": "Ada", "scope": "reports:read profile",
        }));
        let header = object(json!({"alg": key.algorithm().name(), "typ": "at+jwt", "kid": key.kid()}));
        Self { header, claims, key, moment, signed: true }.valid_from(moment)
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a member of the header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets a claim. The value is anything that serde can write.
    ///
    /// # Panics
    ///
    /// Panics if JSON cannot represent the value.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.claims.insert(name.to_owned(), serde_json::to_value(value).expect("a value that JSON can represent"));
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets the scopes: the claim `scope`, with a space between the names. RFC 8693 section 4.2.
    pub fn scope<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.claim("scope", names.join(" "))
    }

    /// Makes the token valid for five minutes from `moment` on, counted from 1970-01-01T00:00:00Z. Default: the time of the
    /// issuer's clock.
    pub fn valid_from(mut self, moment: Duration) -> Self {
        self.moment = moment;
        let seconds = moment.as_secs();
        self.claim("iat", seconds).claim("nbf", seconds).claim("exp", moment.saturating_add(LIFETIME).as_secs())
    }

    /// Makes the token expired since an hour ago.
    pub fn expired(self) -> Self {
        let (issued, ended) = (self.moment.saturating_sub(LIFETIME * 13), self.moment.saturating_sub(LIFETIME * 12));
        self.valid_from(issued).claim("exp", ended.as_secs())
    }

    /// Makes the token valid only in an hour.
    pub fn not_yet_valid(self) -> Self {
        let begin = self.moment.saturating_add(LIFETIME * 12);
        self.claim("nbf", begin.as_secs()).claim("exp", begin.saturating_add(LIFETIME).as_secs())
    }

    /// Names another issuer in `iss`.
    pub fn of_issuer(self, name: &str) -> Self {
        self.claim("iss", name)
    }

    /// Names another audience than [`AUDIENCE`] in `aud`.
    pub fn for_audience(self, name: &str) -> Self {
        self.claim("aud", name)
    }

    /// Names another key than the signing key in `kid`.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Signs with this key, and names it and its algorithm in the header.
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self.header("alg", key.algorithm().name()).header("kid", key.kid())
    }

    /// Signs with this key, but still names the issuer's key in the header.
    pub fn forged_with(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Replaces the signature by zeros, which anyone can do without a key.
    pub const fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    /// Returns an extension for the request, whose claims are accepted without a signature.
    ///
    /// Use it if your application's verifier trusts only your identity provider: no key is fetched, and nothing is signed.
    /// Everything else is checked as for any token: issuer, audience, times, types, revocation, and your requirements. So name
    /// your provider with [`TestAuth::issuer`](super::TestAuth::issuer), and give the verifier the clock of `TestAuth`. If the
    /// request also has a token of its own, that one counts. A client cannot send extensions.
    ///
    /// ```
    /// use jwt_core::gate::Gate;
    /// use jwt_core::keys::Key;
    /// use jwt_core::testing::{BareRequest, TestAuth};
    /// use jwt_core::verify::Authenticator;
    /// use jwt_core::{Algorithm, Step, TrustedIssuer, Verifier};
    ///
    /// let auth = TestAuth::new().issuer("https://id.example").audience("https://api.example");
    /// let key = Key::from_secret(Algorithm::HS256, [7; 32]).expect("a key that the test doesn't need");
    /// let provider = TrustedIssuer::new("https://id.example").audience("https://api.example").key(key);
    /// let verifier = Verifier::builder().issuer(provider).clock(auth.clock()).build().expect("a verifier");
    ///
    /// // In a test of yours: `Request::get("/").extension(..)`, or `request.extensions_mut().insert(..)`.
    /// let state = auth.token("ada").extension();
    /// let entry = Authenticator::from(verifier).enter(&BareRequest::new("GET", "/"), &state);
    /// let Step::Ready(Ok(admission)) = entry else { panic!("the request is admitted") };
    /// let admitted = admission.state.expect("a new state");
    /// assert_eq!(admitted.verified().and_then(|token| token.registered().subject().map(str::to_owned)), Some("ada".into()));
    /// ```
    #[must_use]
    pub fn extension(&self) -> RequestState {
        RequestState::assuming(&self.text(&[0; 64]))
    }

    /// Returns `Bearer` and the signed token: the value of the header `Authorization`. RFC 6750 section 2.1.
    ///
    /// # Panics
    ///
    /// The same as [`sign`](Self::sign).
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.sign())
    }

    /// Returns the compact form. RFC 7515 section 7.1.
    ///
    /// # Panics
    ///
    /// Panics if the back end fails to sign.
    #[must_use]
    pub fn sign(&self) -> String {
        if !self.signed {
            return self.text(&[0; 64]);
        }
        // The back end that generated the key can sign.
        self.text(&self.key.sign(self.signing_input().as_bytes()).expect("the key signs"))
    }

    fn signing_input(&self) -> String {
        let encode = |members: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::from(members.clone()).to_string());
        format!("{}.{}", encode(&self.header), encode(&self.claims))
    }

    fn text(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.signing_input(), URL_SAFE_NO_PAD.encode(signature))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl fmt::Debug for TestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestToken")
            .field("header", &self.header.len())
            .field("claims", &self.claims.len())
            .finish_non_exhaustive()
    }
}
