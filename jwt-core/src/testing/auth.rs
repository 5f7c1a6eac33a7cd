use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Clock as _, ManualClock};
use crate::crypto::SigningKey;
use crate::error::Error;
use crate::jose::{Algorithm, KeyError};
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::builder::VerifierBuilder;
use crate::verify::issuers::TrustedIssuer;
use crate::verify::verifier::Verifier;

use super::client::TestClient;
use super::token::{AUDIENCE, TestToken};

/// The time of a new clock, in seconds since 1970-01-01T00:00:00Z.
pub(super) const NOW: u64 = 1_800_000_000;

/// An issuer in memory for the tests of your handlers and routes: its name, its key, its clock and its tokens.
///
/// Build your application with its [`verifier`](Self::verifier), or with its [`trusted`](Self::trusted) issuer in a verifier of
/// your own, and send requests with its tokens. Nothing goes over the network, so the tests need no runtime. Time passes only if
/// the test advances the [`clock`](Self::clock).
///
/// ```
/// use std::time::Duration;
///
/// use jwt_core::ErrorKind;
/// use jwt_core::testing::TestAuth;
///
/// let auth = TestAuth::new();
/// let token = auth.token("ada").scope(["reports:read"]);
/// // `Bearer eyJ…`, for the header `Authorization`.
/// assert!(token.bearer().starts_with("Bearer "));
/// assert_eq!(auth.verified(&token).expect("a valid token").registered().subject(), Some("ada"));
///
/// auth.clock().advance(Duration::from_secs(3600));
/// assert_eq!(auth.verified(&token).expect_err("an old token").kind(), ErrorKind::Expired);
/// ```
///
/// To test how your application gets along with an issuer over HTTP that rotates its keys or is down, use `ScriptedIssuer`.
#[derive(Clone)]
pub struct TestAuth {
    name: Arc<str>,
    audience: Arc<str>,
    key: SigningKey,
    clock: ManualClock,
    tokens: Arc<AtomicU64>,
}

impl TestAuth {
    /// Creates an issuer called `https://issuer.test`, with an ES256 key, whose tokens are for [`AUDIENCE`].
    ///
    /// # Panics
    ///
    /// Panics if no cryptography back end is enabled, or if the system's random number generator fails.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it generates a key")]
    pub fn new() -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap_or_else(|error: KeyError| panic!("no key: {error}"));
        Self {
            name: "https://issuer.test".into(),
            audience: AUDIENCE.into(),
            key: key.with_kid("key-1"),
            clock: ManualClock::at(NOW),
            tokens: Arc::default(),
        }
    }

    /// Sets the issuer's name, for example that of your identity provider: `iss` in its tokens. Default: `https://issuer.test`.
    #[must_use]
    pub fn issuer(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets the audience of its tokens. Default: [`AUDIENCE`].
    #[must_use]
    pub fn audience(self, name: impl Into<Arc<str>>) -> Self {
        Self { audience: name.into(), ..self }
    }

    /// Returns the trusted issuer that accepts its tokens. Add the settings that you use in production, for example
    /// [`access_token_profile`](TrustedIssuer::access_token_profile). A verifier that trusts it reads its clock.
    pub fn trusted(&self) -> TrustedIssuer {
        let issuer = TrustedIssuer::new(Arc::clone(&self.name)).with_clock(Arc::new(self.clock()));
        issuer.key(self.key.verification_key()).audience(&*self.audience)
    }

    /// Returns the builder of a verifier that trusts this issuer and reads its clock, for the settings that you use in production.
    pub fn builder(&self) -> VerifierBuilder {
        Verifier::builder().issuer(self.trusted())
    }

    /// Returns a verifier that trusts this issuer and reads its clock.
    ///
    /// # Panics
    ///
    /// Panics if the name or the audience is empty.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.builder().build().unwrap_or_else(|error| panic!("no verifier: {error}"))
    }

    /// Returns the clock that tokens are issued and verified by. Clones share one time, which is in the year 2027 at first. Give it
    /// to everything else in your application that reads a clock.
    #[must_use]
    pub fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// Creates a token of this subject, valid for five minutes from the clock's time on.
    pub fn token(&self, subject: &str) -> TestToken {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        let token = TestToken::new(&self.name, self.key.clone(), self.clock.now(), number);
        token.for_audience(&self.audience).claim("sub", subject).without("scope").without("name")
    }

    /// Creates a client with a key of its own, for applications that accept [DPoP](crate::proof). Its proofs are made at the time of
    /// the clock.
    ///
    /// # Panics
    ///
    /// Panics if the system's random number generator fails.
    #[must_use]
    pub fn client(&self) -> TestClient {
        TestClient::new(self.clock())
    }

    /// Verifies a token as [`verifier`](Self::verifier) does, for functions of yours that take a [`Verified`].
    ///
    /// # Errors
    ///
    /// Says why the token isn't accepted.
    pub fn verified(&self, token: &TestToken) -> Result<Verified, Error> {
        match self.verifier().verify_step(&token.sign(), None) {
            Step::Ready(result) => result,
            // The key is in memory, and there is nothing else to wait for.
            Step::Pending(_) => unreachable!("a verifier without remote keys, stores and requirements"),
        }
    }
}

impl fmt::Debug for TestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAuth").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn names_clock_and_claims_reach_the_verifier() {
        let auth = TestAuth::new().issuer("https://id.example").audience("https://shop.example");
        let token = auth.token("ada").scope(["a", "b"]).claim("plan", "free");
        let verified = auth.verified(&token).unwrap();
        let registered = verified.registered();
        assert_eq!((registered.issuer(), registered.subject()), (Some("https://id.example"), Some("ada")));
        assert_eq!(verified.claims::<serde_json::Value>().unwrap()["scope"], "a b");
        for (token, kind) in [
            (auth.token("ada").expired(), ErrorKind::Expired),
            (auth.token("ada").not_yet_valid(), ErrorKind::NotYetValid),
            (auth.token("ada").for_audience("https://else.example"), ErrorKind::WrongAudience),
            (auth.token("ada").of_issuer("https://else.example"), ErrorKind::UnknownIssuer),
            (auth.token("ada").unsigned(), ErrorKind::BadSignature),
            (TestAuth::new().issuer("https://id.example").token("ada"), ErrorKind::BadSignature),
        ] {
            assert_eq!(auth.verified(&token).unwrap_err().kind(), kind);
        }
        assert_ne!(auth.token("ada").sign(), auth.token("ada").sign(), "each token has its own `jti`");
    }
}
