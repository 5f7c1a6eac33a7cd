//! Thousands of forged tokens, and their cost for the issuer and for other users.

use jwt_core::ErrorKind;
use jwt_core::testing::{Document, Script, ScriptedIssuer};

use super::lab::{Lab, millis, seconds, within};

#[tokio::test]
async fn g10_ten_thousand_tokens_with_invented_keys_cost_two_fetches_in_thirty_seconds() {
    let lab = Lab::new().await.loaded().await;
    let good = lab.good().sign();
    let mut waited = 0;
    for number in 0..10_000 {
        let forged = lab.good().kid(&format!("made-up-{number}")).unsigned().sign();
        // More than nine thousand of them are rejected without waiting.
        match lab.verifier.verify_step(&forged, None) {
            jwt_core::Step::Ready(outcome) => {
                assert_eq!(outcome.expect_err("forged").kind(), ErrorKind::UnknownKey);
            }
            jwt_core::Step::Pending(pending) => {
                waited += 1;
                assert_eq!(lab.at_once_text(&good), Ok(()), "while a fetch is under way");
                assert_eq!(within(pending).await.expect_err("forged").kind(), ErrorKind::UnknownKey);
            }
        }
        if number % 50 == 0 {
            assert_eq!(lab.at_once_text(&good), Ok(()));
        }
        // They take 30 seconds, less one step.
        if number < 9_999 {
            lab.pass(millis(3));
        }
    }
    assert_eq!((waited, lab.sets()), (2, 3));
    // The next window has its own fetches.
    lab.pass(millis(3));
    assert_eq!(lab.ask(&lab.good().kid("made-up").unsigned()).await, Err(ErrorKind::UnknownKey));
    assert_eq!(lab.sets(), 4);
}

#[tokio::test]
async fn g10_a_thousand_at_once_wait_for_one_fetch_and_known_keys_for_none() {
    let lab = Lab::new().await.loaded().await;
    lab.issuer.script(Document::KeySet, Script::Slow);
    let forged: Vec<_> = (0..1_000)
        .map(|number| {
            let token = lab.good().kid(&format!("made-up-{number}")).unsigned().sign();
            let verifier = lab.verifier.clone();
            tokio::spawn(async move { verifier.verify(&token).await.expect_err("forged").kind() })
        })
        .collect();
    lab.issuer.until_requests(Document::KeySet, 2).await;
    for _ in 0..100 {
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
    }
    lab.issuer.release();
    for request in forged {
        assert_eq!(within(request).await.expect("no panic"), ErrorKind::UnknownKey);
    }
    assert_eq!(lab.sets(), 2);
}

#[tokio::test]
async fn g11_a_rotation_is_noticed_in_the_next_window_whatever_was_spent_in_this_one() {
    let lab = Lab::new().await.loaded().await;
    for kid in ["made-up-1", "made-up-2"] {
        assert_eq!(lab.ask(&lab.good().kid(kid).unsigned()).await, Err(ErrorKind::UnknownKey));
    }
    lab.issuer.rotate();
    for kid in 0..1_000 {
        let forged = lab.good().kid(&format!("made-up-too-{kid}")).unsigned();
        assert_eq!(lab.at_once(&forged), Err(ErrorKind::UnknownKey));
        assert_eq!(lab.at_once(&lab.good()), Err(ErrorKind::UnknownKey));
        lab.pass(millis(29));
    }
    lab.pass(seconds(1));
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!(lab.sets(), 4);
    // An attack that comes first in a window fetches the new key for everybody.
    lab.issuer.rotate();
    lab.pass(seconds(30));
    assert_eq!(lab.ask(&lab.good().kid("made-up-3").unsigned()).await, Err(ErrorKind::UnknownKey));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
}

#[tokio::test]
async fn g12_a_token_that_fails_an_earlier_check_causes_no_request() {
    let lab = Lab::new().await;
    let good = lab.good().kid("new").unsigned();
    for (token, kind) in [
        (good.clone().header("alg", "HS256").sign(), ErrorKind::AlgorithmNotAllowed),
        (good.clone().header("alg", "none").sign(), ErrorKind::AlgorithmNotAllowed),
        (good.clone().header("alg", "XX999").sign(), ErrorKind::AlgorithmNotAllowed),
        (good.clone().header("typ", "logout+jwt").sign(), ErrorKind::WrongType),
        (good.clone().header("crit", serde_json::json!(["b64"])).sign(), ErrorKind::CriticalHeader),
        (good.clone().of_issuer("https://id.example").sign(), ErrorKind::UnknownIssuer),
        (good.clone().of_issuer(&format!("{}/", lab.issuer.name())).sign(), ErrorKind::UnknownIssuer),
        (good.clone().without("iss").sign(), ErrorKind::UnknownIssuer),
        (good.clone().claim("exp", "soon").sign(), ErrorKind::MalformedClaims),
        (good.sign().replace('.', ""), ErrorKind::MalformedToken),
        (format!("{}.x", good.sign()), ErrorKind::MalformedToken),
        (good.claim("x", "x".repeat(20_000)).sign(), ErrorKind::TokenTooLarge),
    ] {
        assert_eq!(lab.at_once_text(&token), Err(kind));
    }
    // No fetch was running, or these would join it.
    let lab = lab.loaded().await;
    assert_eq!((lab.issuer.received().len(), lab.sets()), (2, 1));
}

#[tokio::test]
async fn e21_an_invented_issuer_is_never_contacted() {
    let lab = Lab::new().await;
    let evil = ScriptedIssuer::start().await.expect("another issuer");
    for name in [evil.name(), &format!("{}#{}", lab.issuer.name(), evil.name()), &evil.name().to_uppercase()] {
        assert_eq!(lab.at_once(&evil.token().of_issuer(name)), Err(ErrorKind::UnknownIssuer), "{name}");
        // Headers that name the address of a key set are ignored too.
        let token = lab.good().forged_with(&evil.key()).header("jku", evil.jwks_uri()).of_issuer(name);
        assert_eq!(lab.at_once(&token), Err(ErrorKind::UnknownIssuer), "{name}");
    }
    let lab = lab.loaded().await;
    let token = lab.good().forged_with(&evil.key()).header("jku", evil.jwks_uri());
    assert_eq!(lab.at_once(&token), Err(ErrorKind::BadSignature));
    assert_eq!((lab.issuer.received().len(), evil.received()), (2, vec![]));
}
