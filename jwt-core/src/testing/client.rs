use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::clock::{Clock as _, ManualClock};
use crate::crypto::{Backend, SigningKey};
use crate::jose::Algorithm;

use super::token::TestToken;

/// A client with a key of its own, for tests of applications that accept [DPoP](crate::proof).
///
/// [`TestAuth::client`](super::TestAuth::client) creates one. [`bind`](Self::bind) binds a token to its key, and
/// [`proof`](Self::proof) signs a request with it:
///
/// ```
/// use jwt_core::proof::Dpop;
/// use jwt_core::testing::TestAuth;
/// use jwt_core::Verifier;
///
/// let auth = TestAuth::new();
/// let verifier = Verifier::builder()
///     .issuer(auth.trusted().dpop_required())
///     .dpop(Dpop::new("https://api.example"))
///     .build();
///
/// let client = auth.client();
/// let token = client.bind(auth.token("ada")).sign();
/// // The headers of the request:
/// let authorization = format!("DPoP {token}");
/// let dpop = client.proof("GET", "https://api.example/reports", &token);
/// # assert!(verifier.is_ok() && dpop.len() > 100 && authorization.len() > 100);
/// ```
#[derive(Clone)]
pub struct TestClient {
    key: SigningKey,
    clock: ManualClock,
    proofs: Arc<AtomicU64>,
}

impl TestClient {
    /// Creates a client with a new ES256 key, whose proofs are made at the time of this clock.
    ///
    /// # Panics
    ///
    /// Panics if no cryptography back end is enabled, or if the system's random number generator fails.
    #[must_use]
    pub fn new(clock: ManualClock) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap_or_else(|error| panic!("no key: {error}"));
        Self { key, clock, proofs: Arc::default() }
    }

    /// Binds a token to the client's key: its claim `cnf` gets the key's thumbprint. RFC 9449 section 6.1.
    ///
    /// # Panics
    ///
    /// Panics if no cryptography back end is enabled.
    pub fn bind(&self, token: TestToken) -> TestToken {
        let backend = Backend::compiled_in().expect("the back end that generated the key");
        token.claim("cnf", json!({"jkt": backend.thumbprint(&self.key.verification_key())}))
    }

    /// Returns a proof for one request with this token: the value of the header `DPoP`. `url` is the one that clients use, without
    /// its query. Each proof is good once.
    ///
    /// # Panics
    ///
    /// Panics if the back end fails.
    #[must_use]
    pub fn proof(&self, method: &str, url: &str, token: &str) -> String {
        self.sign(method, url, token, None)
    }

    /// Returns a proof with a nonce of the service.
    ///
    /// # Panics
    ///
    /// Panics if the back end fails.
    #[must_use]
    pub fn proof_with_nonce(&self, method: &str, url: &str, token: &str, nonce: &str) -> String {
        self.sign(method, url, token, Some(nonce))
    }

    fn sign(&self, method: &str, url: &str, token: &str, nonce: Option<&str>) -> String {
        let backend = Backend::compiled_in().expect("the back end that generated the key");
        let number = self.proofs.fetch_add(1, Ordering::Relaxed);
        let mut jwk = self.key.public_jwk().unwrap_or_default();
        if let Value::Object(members) = &mut jwk {
            members.retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        }
        let header = json!({"typ": "dpop+jwt", "alg": self.key.algorithm().name(), "jwk": jwk});
        let mut claims = Map::new();
        claims.insert("jti".to_owned(), format!("proof-{number}").into());
        claims.insert("htm".to_owned(), method.into());
        claims.insert("htu".to_owned(), url.into());
        claims.insert("iat".to_owned(), self.clock.now().as_secs().into());
        let hash = backend.sha256(token.as_bytes()).unwrap_or_default();
        claims.insert("ath".to_owned(), URL_SAFE_NO_PAD.encode(hash).into());
        claims.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encode(header), encode(claims.into()));
        let signature = self.key.sign(input.as_bytes()).expect("the key signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").finish_non_exhaustive()
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use crate::error::ErrorKind;
    use crate::gate::{Gate as _, RequestState};
    use crate::proof::Dpop;
    use crate::testing::{BareRequest, TestAuth};
    use crate::verify::Authenticator;

    #[test]
    fn a_bound_token_and_its_proof_are_accepted_once() {
        let auth = TestAuth::new();
        let dpop = Dpop::new("https://api.example").nonces([7; 32]);
        let verifier = auth.builder().dpop(dpop.clone()).build();
        assert!(verifier.is_err(), "no issuer allows it");
        let builder = crate::Verifier::builder().issuer(auth.trusted().dpop_required()).dpop(dpop);
        let gate = Authenticator::from(builder.build().expect("a verifier"));
        let client = auth.client();
        let token = client.bind(auth.token("ada")).sign();
        let url = "https://api.example/reports";
        let send = |proof: &str| {
            let request = BareRequest::new("GET", "/reports").header("authorization", format!("DPoP {token}"));
            let step = gate.enter(&request.header("dpop", proof), &RequestState::missing("JwtLayer"));
            step.ready().expect("no wait").map(drop)
        };
        let answer = send(&client.proof("GET", url, &token)).expect_err("a nonce is needed");
        assert_eq!(answer.error.as_ref().map(crate::Error::kind), Some(ErrorKind::StaleNonce));
        let nonce = answer.headers.iter().find(|(name, _)| *name == "dpop-nonce").map(|(_, nonce)| nonce.clone());
        let proof = client.proof_with_nonce("GET", url, &token, &nonce.expect("a nonce"));
        assert!(send(&proof).is_ok());
        let answer = send(&proof).expect_err("used");
        assert_eq!(answer.error.map(|error| error.kind()), Some(ErrorKind::ReplayedProof));
    }
}
