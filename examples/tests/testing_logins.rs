//! Tests of an application that issues its own tokens: one clock for everything. The guide's page on testing shows them.

use std::time::Duration;

use jwt_core::crypto::SigningKey;
use jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_core::revocation::{MemoryRevocations, Revocation};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, Clock, ErrorKind, Verifier};

/// The parts of the application that log users in.
struct Logins {
    verifier: Verifier,
    sessions: Sessions,
    revocations: MemoryRevocations,
}

/// In production, `main` passes `jwt_core::SystemClock`.
fn logins(clock: impl Clock + 'static) -> Result<Logins, Box<dyn std::error::Error>> {
    let ring = KeyRing::builder().key(SigningKey::generate(Algorithm::ES256)?).clock(clock).build()?;
    let tokens = TokenIssuer::builder("https://shop.example", ring).audience("https://shop.example").build()?;
    // The verifier, the sessions and these settings read the ring's clock.
    let revocations = MemoryRevocations::with_settings(tokens.revocation_settings());
    let verifier = Verifier::builder().issuer(tokens.trusted()).revocations(revocations.clone()).build()?;
    let sessions = Sessions::builder(tokens, MemorySessions::new()).revocations(revocations.clone()).build()?;
    Ok(Logins { verifier, sessions, revocations })
}

#[tokio::test]
async fn an_access_token_ends_and_can_be_revoked() -> Result<(), Box<dyn std::error::Error>> {
    let clock = ManualClock::at(1_800_000_000);
    let Logins { verifier, sessions, revocations } = logins(clock.clone())?;

    let first = sessions.login("ada").start().await?;
    let verified = verifier.verify(&first.access.token).await?;
    revocations.revoke(&Revocation::token(&verified))?;
    let refused = verifier.verify(&first.access.token).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Revoked);

    let second = sessions.login("ada").start().await?;
    assert!(verifier.verify(&second.access.token).await.is_ok());
    clock.advance(Duration::from_secs(3600));
    let refused = verifier.verify(&second.access.token).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Expired);
    Ok(())
}
