//! The tests that every revocation store must pass.

use std::sync::Arc;
use std::time::Duration;

use jwt_core::revocation::{Revocation, RevocationList, RevocationStore, RevokeError, Standing, TokenIdentity};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use serde_json::json;

use crate::forge::{AUDIENCE, Forge, ISSUER, NOW};
use crate::setup::{builder, good, key};

const OTHER: &str = "https://other.example";

/// One store, queried through several lists: those of different processes, if it's shared.
#[derive(Debug)]
pub struct Scene {
    store: Arc<dyn RevocationStore>,
    verifiers: Vec<Verifier>,
}

#[derive(Clone, Debug)]
struct Shared(Arc<dyn RevocationStore>);

impl RevocationList for Shared {
    fn look_up(&self, token: &TokenIdentity<'_>) -> jwt_core::Step<Standing> {
        self.0.look_up(token)
    }
}

impl Scene {
    /// Creates a scene. The first list revokes, and all of them are asked.
    ///
    /// # Panics
    ///
    /// Panics without a list.
    #[must_use]
    pub fn new(stores: &[Arc<dyn RevocationStore>]) -> Self {
        let other = || TrustedIssuer::new(OTHER).audience(AUDIENCE).key(key().verification_key());
        let verifier = |store: &Arc<_>| {
            builder().issuer(other()).revocations(Shared(Arc::clone(store))).build().expect("a verifier")
        };
        Self { verifiers: stores.iter().map(verifier).collect(), store: Arc::clone(&stores[0]) }
    }

    async fn revoke(&self, revocation: &Revocation) {
        self.store.revoke(revocation).await.expect("revoked");
    }

    /// The revocation is visible here at once and elsewhere within moments.
    async fn refuses(&self, token: Forge, kind: ErrorKind) {
        let token = token.sign();
        assert_eq!(outcome(&self.verifiers[0], &token).await, Some(kind));
        for verifier in &self.verifiers {
            until("refused", async || outcome(verifier, &token).await == Some(kind)).await;
        }
    }

    async fn accepts(&self, token: Forge) {
        let token = token.sign();
        for verifier in &self.verifiers {
            assert_eq!(outcome(verifier, &token).await, None);
        }
    }
}

/// Runs all tests.
///
/// # Panics
///
/// Panics if the store fails a test.
pub async fn keeps_the_contract(scene: &Scene) {
    let now = Duration::from_secs(NOW);
    let token = |jti: &str| good().claim("jti", jti);

    // Nothing is revoked.
    scene.accepts(token("a")).await;

    // One token of one issuer. Revoking it twice changes nothing.
    for _ in 0..2 {
        scene.revoke(&Revocation::token_id(ISSUER, "a", now + Duration::from_secs(300))).await;
    }
    scene.refuses(token("a"), ErrorKind::Revoked).await;
    scene.accepts(token("b")).await;
    scene.accepts(token("a").claim("iss", OTHER)).await;
    scene.refuses(token("b").without("jti"), ErrorKind::MissingClaim).await;
    scene.refuses(token("b").without("iat"), ErrorKind::MissingClaim).await;

    // Names with any characters.
    for name in ["", " ", "5 5", "\u{0}\r\n", "é\u{1f511}", "*", &"x".repeat(2_000)] {
        let error = scene.store.revoke(&Revocation::session(ISSUER, name)).await.err();
        if name.is_empty() {
            assert_eq!(error, Some(RevokeError::MissingClaim("sid")));
            scene.accepts(token("b").claim("sid", name)).await;
        } else {
            scene.refuses(token("b").claim("sid", name), ErrorKind::Revoked).await;
        }
    }

    // A session, whenever its tokens were issued.
    scene.revoke(&Revocation::session(ISSUER, "s-1")).await;
    scene.refuses(token("b").claim("sid", "s-1").claim("iat", NOW + 30), ErrorKind::Revoked).await;
    scene.accepts(token("b").claim("sid", "s-2")).await;
    scene.accepts(token("b").claim("sid", "s-1").claim("iss", OTHER)).await;

    // A subject, up to a second that never moves back.
    let issued = |iat: u64| token("b").claim("iat", iat);
    for cutoff in [NOW - 10, NOW - 5, NOW - 7] {
        scene.revoke(&Revocation::subject(ISSUER, "user-1815", Duration::from_secs(cutoff))).await;
    }
    scene.refuses(issued(NOW - 10), ErrorKind::Revoked).await;
    scene.refuses(issued(NOW - 5), ErrorKind::Revoked).await;
    scene.refuses(token("b").claim("iat", json!(NOW as f64 - 4.5)), ErrorKind::Revoked).await;
    scene.accepts(issued(NOW - 4)).await;
    scene.accepts(issued(NOW - 10).claim("sub", "user-1816")).await;

    // An issuer.
    scene.revoke(&Revocation::issuer(OTHER, now)).await;
    scene.refuses(token("b").claim("iss", OTHER), ErrorKind::Revoked).await;
    scene.accepts(token("b")).await;

    // A revocation whose tokens expired long ago isn't stored.
    scene.revoke(&Revocation::token_id(ISSUER, "old", Duration::from_secs(NOW - 3_600))).await;
}

/// Verifies a token. Returns the error, or `None` if the token is accepted.
pub async fn outcome(verifier: &Verifier, token: &str) -> Option<ErrorKind> {
    verifier.verify(token).await.err().map(|error| error.kind())
}

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the condition is true.
///
/// # Panics
///
/// Panics if it isn't within a minute.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}
