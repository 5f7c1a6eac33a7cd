//! Keys that sign elsewhere: in a key management service or a hardware security module.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use jwt_core::crypto::{RemoteSigner, SigningKey};
use jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_core::keys::KeyErrorKind;
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, BuildErrorKind, Class, ErrorKind, Step, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::setup::stranger;
use jwt_tests::signer::ScriptedSigner;

/// A key in a signer, and the signer.
fn remote(algorithm: Algorithm) -> (SigningKey, ScriptedSigner) {
    let local = stranger(algorithm);
    let signer = ScriptedSigner::new([("key/1", local.clone()), ("key/2", stranger(algorithm))]);
    let key = SigningKey::remote(algorithm, &local.verification_key(), "key/1", signer.clone());
    (key.expect("a key"), signer)
}

fn issuer(key: SigningKey, clock: &ManualClock) -> TokenIssuer {
    let ring = KeyRing::builder().key(key).clock(clock.clone()).build().expect("a ring");
    TokenIssuer::builder(ISSUER, ring).audience(AUDIENCE).build().expect("an issuer")
}

/// A signer that answers as most services do: in DER.
#[derive(Debug)]
struct InDer(ScriptedSigner);

#[async_trait]
impl RemoteSigner for InDer {
    async fn sign(
        &self,
        key_id: &str,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let signature = self.0.sign(key_id, algorithm, message).await?;
        let number = |half: &[u8]| {
            let half = &half[half.iter().take_while(|&&byte| byte == 0).count()..];
            let sign: &[u8] = if half[0] >= 0x80 { &[0] } else { &[] };
            [&[2, (half.len() + sign.len()) as u8], sign, half].concat()
        };
        let (r, s) = signature.split_at(signature.len() / 2);
        let content = [number(r), number(s)].concat();
        let length = if content.len() < 0x80 { vec![content.len() as u8] } else { vec![0x81, content.len() as u8] };
        Ok([vec![0x30], length, content].concat())
    }
}

#[tokio::test]
async fn a_remote_key_signs_with_every_algorithm_of_key_pairs() {
    let clock = ManualClock::at(NOW);
    let mut count = 0;
    for &algorithm in Algorithm::ALL {
        let local = stranger(algorithm);
        let signer = ScriptedSigner::new([("id", local.clone())]);
        let key = SigningKey::remote(algorithm, &local.verification_key(), "id", signer.clone());
        if algorithm.is_symmetric() {
            assert_eq!(key.expect_err("a secret").kind(), KeyErrorKind::SymmetricKey);
            continue;
        }
        let mut keys = vec![key.expect("a key")];
        if algorithm.name().starts_with("ES") {
            let in_der = InDer(signer.clone());
            keys.push(SigningKey::remote(algorithm, &local.verification_key(), "id", in_der).expect("a key"));
        }
        for key in keys {
            let tokens = issuer(key, &clock);
            let verifier =
                Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).build().expect("a verifier");
            for _ in 0..8 {
                let issued = tokens.access("joe").issue_step().wait().await.expect("a token");
                assert_eq!(issued.lifetime, Duration::from_secs(900));
                assert!(verifier.verify(&issued.token).await.is_ok(), "{algorithm}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 8 * (13 + 3));
}

#[tokio::test]
async fn a_token_of_a_remote_key_must_be_awaited_and_one_of_a_local_key_need_not() {
    let clock = ManualClock::at(NOW);
    let (key, signer) = remote(Algorithm::ES256);
    let tokens = issuer(key.clone(), &clock);
    let error = tokens.access("joe").issue().expect_err("it must wait");
    assert_eq!((error.kind(), signer.asked()), (BuildErrorKind::MustWait, 0));
    assert!(error.to_string().contains("issue_step"));
    assert_eq!(key.sign(b"message").expect_err("it must wait").kind(), KeyErrorKind::Signing);
    assert!(matches!(tokens.access("joe").issue_step(), Step::Pending(_)));
    assert!(matches!(issuer(stranger(Algorithm::ES256), &clock).access("joe").issue_step(), Step::Ready(Ok(_))));
    assert!(matches!(tokens.access("").issue_step(), Step::Ready(Err(_))), "nothing to sign");

    for error in [key.export_pkcs8_pem().err(), key.export_pkcs8_der().err(), key.export_private_jwk().err()] {
        assert_eq!(error.expect("no private key").kind(), KeyErrorKind::UnsupportedKeyType);
    }
    let other = stranger(Algorithm::ES384).verification_key();
    let mismatch = SigningKey::remote(Algorithm::ES256, &other, "key/1", signer);
    assert_eq!(mismatch.expect_err("another curve").kind(), KeyErrorKind::AlgorithmMismatch);
}

#[tokio::test]
async fn a_ring_changes_from_a_local_to_a_remote_key_and_publishes_both() {
    let clock = ManualClock::at(NOW);
    let (remote, signer) = remote(Algorithm::ES256);
    let tokens = issuer(stranger(Algorithm::ES256), &clock);
    let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).build().expect("a verifier");
    let first = tokens.access("joe").issue().expect("a token").token;
    let kid = tokens.ring().rotate_at(remote, Duration::from_secs(NOW + 90_000)).expect("a new key");
    assert_eq!(tokens.ring().keys().len(), 2);
    clock.advance(Duration::from_secs(90_000));
    let token = tokens.access("joe").issue_step().wait().await.expect("a token").token;
    let verified = verifier.verify(&token).await.expect("good");
    assert_eq!((verified.key_id(), signer.asked()), (Some(&*kid), 1));
    assert_eq!(verifier.verify(&first).await.expect_err("expired").kind(), ErrorKind::Expired);
}

#[tokio::test]
async fn a_refresh_token_stays_good_while_the_signer_is_unavailable() {
    let clock = ManualClock::at(NOW);
    let (key, signer) = remote(Algorithm::ES256);
    let sessions = Sessions::builder(issuer(key, &clock), MemorySessions::new()).build().expect("sessions");
    let pair = sessions.login("joe").start().await.expect("a login");
    let outages: [(fn(&ScriptedSigner), _); 2] =
        [(ScriptedSigner::fail, "the signer is down"), (ScriptedSigner::hang, "took too long")];
    for (outage, reason) in outages {
        outage(&signer);
        let log = Log::start();
        let token = sessions.verify(&pair.refresh.token).await.expect("a refresh token");
        for error in [
            sessions.refresh(&token).await.expect_err("no signer"),
            sessions.login("joe").start().await.expect_err("no signer"),
        ] {
            assert_eq!((error.kind(), error.class()), (ErrorKind::SigningUnavailable, Class::Unavailable));
        }
        // One line for both, and then one in a minute.
        assert!(log.text().contains(reason), "{}", log.text());
        assert_eq!(log.text().matches("ERROR").count(), 1, "{}", log.text());
    }
    clock.advance(Duration::from_secs(3_600));
    signer.recover();
    let token = sessions.verify(&pair.refresh.token).await.expect("a refresh token");
    assert!(sessions.refresh(&token).await.is_ok(), "the token wasn't spent");
    assert_eq!(sessions.list("joe").await.expect("a list").len(), 1, "the failed logins left nothing behind");
}

#[tokio::test]
async fn a_signature_of_another_key_is_never_used() {
    let clock = ManualClock::at(NOW);
    let local = stranger(Algorithm::ES256);
    let signer = ScriptedSigner::new([("key/1", local.clone()), ("key/2", stranger(Algorithm::ES256))]);
    for (id, kind, error) in [
        ("key/2", BuildErrorKind::Signing, ErrorKind::IssuingFailed),
        ("key/3", BuildErrorKind::SignerUnavailable, ErrorKind::SigningUnavailable),
    ] {
        let key = SigningKey::remote(Algorithm::ES256, &local.verification_key(), id, signer.clone());
        let issued = issuer(key.expect("a key"), &clock).access("joe").issue_step().wait().await.expect_err(id);
        assert_eq!(issued.kind(), kind, "{id}");
        assert_eq!(jwt_core::Error::from(issued).kind(), error, "{id}");
    }
}

#[test]
fn without_the_tokio_runtime_there_is_an_error_and_no_panic() {
    let (key, signer) = remote(Algorithm::ES256);
    let error = key.sign_step(b"message").wait().now_or_never().expect("an answer").expect_err("no runtime");
    assert_eq!((error.kind(), signer.asked()), (KeyErrorKind::SignerUnavailable, 0));
    assert!(error.to_string().contains("Tokio"));
}
