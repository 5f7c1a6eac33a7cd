//! Several simulated processes: each has its own list, and a verifier that uses it.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_core::revocation::{Revocation, RevocationList, RevocationSettings};
use jwt_core::store::{RedisRevocations, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_tests::forge::{ISSUER, NOW};
pub(crate) use jwt_tests::revocation_contract::{outcome, until};
use jwt_tests::setup::{builder, good};

use super::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);

/// A simulated process.
pub(crate) struct Node {
    pub(crate) list: RedisRevocations,
    verifier: Verifier,
    pub(crate) clock: ManualClock,
}

impl Node {
    pub(crate) fn start(server: &Server) -> Self {
        Self::with(server, |settings| settings, RevocationSettings::new())
    }

    pub(crate) fn with(
        server: &Server,
        change: impl FnOnce(RedisSettings) -> RedisSettings,
        revocations: RevocationSettings,
    ) -> Self {
        Self::at(server.address(), change, revocations)
    }

    pub(crate) fn at(
        address: impl AsRef<str>,
        change: impl FnOnce(RedisSettings) -> RedisSettings,
        revocations: RevocationSettings,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        // No process has to wait for others, unless a test is about that.
        let settings = RedisSettings::new().recovery_time(Duration::ZERO);
        let settings = change(settings.revocations(revocations.clock(clock.clone())));
        let list = RedisRevocations::connect(address, settings).expect("an address");
        let verifier = verifier(list.clone(), clock.clone());
        Self { list, verifier, clock }
    }

    pub(crate) async fn synced(self) -> Self {
        tokio::time::timeout(PATIENCE, self.list.synced()).await.expect("the server is available");
        self
    }

    /// Returns the error for a token of this session, or `None` if it's accepted.
    pub(crate) async fn session(&self, session: &str) -> Option<ErrorKind> {
        outcome(&self.verifier, &good().claim("sid", session).sign()).await
    }

    pub(crate) async fn until_session(&self, session: &str, expected: Option<ErrorKind>) {
        let token = good().claim("sid", session).sign();
        until(session, async || outcome(&self.verifier, &token).await == expected).await;
    }
}

/// Revokes so many sessions, from `s-0` on.
pub(crate) async fn revoke_many(node: &Node, count: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let list = node.list.clone();
        tasks.spawn(async move { list.revoke(&Revocation::session(ISSUER, format!("s-{number}"))).await.is_ok() });
        if tasks.len() >= 200 {
            assert_eq!(tasks.join_next().await.map(Result::ok), Some(Some(true)));
        }
    }
    assert!(tasks.join_all().await.into_iter().all(|is_ok| is_ok));
}

pub(crate) fn verifier(list: impl RevocationList + 'static, clock: ManualClock) -> Verifier {
    builder().revocations(list).clock(clock).build().expect("a verifier")
}
