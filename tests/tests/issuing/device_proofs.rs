//! Proofs for device-bound sessions: every wrong one is refused and uses nothing up.

use jwt_core::Algorithm;
use jwt_core::issue::MemorySessions;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::device::{Browser, cookie, shop};
use jwt_tests::forge::{Forge, encode, sign_raw};
use jwt_tests::issuing::Shop;
use jwt_tests::setup::stranger;
use serde_json::{Value, json};

/// Sends to both adapters, which must refuse it.
async fn refused(shop: &Shop, ask: &Ask, case: &str) -> [Answer; 2] {
    let answers = [shop.send_axum(ask).await, shop.send_actix(ask).await];
    for answer in &answers {
        assert_eq!((answer.status, answer.code), (403, Some("unproven_device")), "{case}: {answer:?}");
        assert!(cookie(answer).is_none() && answer.body.is_empty(), "{case}");
    }
    answers
}

/// The same proof by another key.
fn by(key: &jwt_core::crypto::SigningKey, proof: &Forge) -> String {
    sign_raw(key, Value::from(proof.header.clone()).to_string(), Value::from(proof.claims.clone()).to_string())
}

/// Proofs that are wrong in a refresh and in a registration.
fn wrong(browser: &Browser, good: &Forge) -> Vec<(&'static str, String)> {
    let (signed, other) = (good.sign(), stranger(Algorithm::ES256));
    let (input, signature) = signed.rsplit_once('.').expect("three segments");
    let secret = jwt_core::crypto::SigningKey::from_secret(Algorithm::HS256, [7; 32]).expect("a secret");
    vec![
        ("nothing", String::new()),
        ("no JWT", "x".to_owned()),
        ("two segments", input.to_owned()),
        ("no signature", format!("{input}.")),
        ("another key", by(&other, good)),
        ("a changed signature", format!("{input}.{}", encode([7; 64]))),
        ("a changed payload", format!("{}.{}.{signature}", input.split('.').next().unwrap_or_default(), encode("{}"))),
        ("no type", good.clone().without_header("typ").sign()),
        ("the type of another proof", good.clone().header("typ", "dpop+jwt").sign()),
        ("no algorithm", good.clone().without_header("alg").sign()),
        ("none", format!("{}.{signature}", good.clone().header("alg", "none").sign().rsplit_once('.').expect("3").0)),
        ("a secret", by(&secret, &good.clone().header("alg", "HS256"))),
        ("an algorithm that isn't offered", by(&stranger(Algorithm::ES384), &good.clone().header("alg", "ES384"))),
        ("an algorithm of other keys", good.clone().header("alg", "RS256").sign()),
        ("a critical header", good.clone().header("crit", json!(["x"])).sign()),
        ("a key that is no object", good.clone().header("jwk", "x").sign()),
        (
            "a private key",
            good.clone().header("jwk", json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"})).sign(),
        ),
        (
            "a short key",
            good.clone().header("jwk", json!({"kty": "RSA", "n": encode([0x81; 128]), "e": "AQAB"})).sign(),
        ),
        ("a secret as the key", good.clone().header("jwk", json!({"kty": "oct", "k": encode([7; 32])})).sign()),
        ("no challenge", good.clone().without("jti").sign()),
        ("an empty challenge", good.clone().claim("jti", "").sign()),
        ("a challenge that is no text", good.clone().claim("jti", 7).sign()),
        ("a challenge of nobody", good.clone().claim("jti", "c1").sign()),
        ("the refresh token", good.clone().claim("jti", browser.cookie.clone()).sign()),
        ("a changed challenge", good.clone().claim("jti", format!("{}A", browser.challenge)).sign()),
        ("another session", good.clone().claim("sub", "other").sign()),
        ("names twice", good.sign_payload(format!(r#"{{"jti":"{0}","jti":"{0}"}}"#, browser.challenge))),
        ("no object", good.sign_payload("[]")),
        ("too large", good.clone().claim("more", "x".repeat(16 * 1024)).sign()),
    ]
}

#[actix_web::test]
async fn a_wrong_proof_of_a_refresh_is_answered_with_a_challenge_and_uses_nothing_up() {
    let shop = shop(MemorySessions::new());
    let (mut browser, other) = (Browser::bound(&shop).await, Browser::bound(&shop).await);
    let unregistered = Browser::log_in(&shop).await;
    let good = browser.proof();
    let mut cases = wrong(&browser, &good);
    cases.extend([
        ("a key again", browser.registration().sign()),
        ("another session's challenge", good.clone().claim("jti", other.challenge.clone()).sign()),
        ("a registration's challenge", good.clone().claim("jti", unregistered.challenge.clone()).sign()),
        ("another session's proof", other.proof().sign()),
    ]);
    for (case, proof) in &cases {
        for answer in refused(&shop, &browser.refreshing(proof), case).await {
            assert!(answer.header("secure-session-challenge").is_some(), "{case}");
            browser.clone().take(&answer);
        }
    }
    let twice = browser.refreshing(&good.sign()).header("secure-session-response", good.sign());
    refused(&shop, &twice, "two headers").await;
    refused(&shop, &browser.registering(&good.sign()).header("secure-session-response", "x"), "two headers").await;
    let twice = browser.refreshing(&good.sign()).header("sec-secure-session-id", format!("\"{}\"", browser.session));
    assert_eq!(shop.send(&twice).await.status, 404, "no session has two identifiers");
    // A challenge is good for a while, for one token, and only as long as the session is on its step.
    let answer = shop.send_axum(&browser.refreshing(&good.clone().claim("sub", browser.session.clone()).sign())).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let former = browser.challenge.clone();
    browser.take(&answer);
    refused(&shop, &browser.refreshing(&browser.proof().claim("jti", former).sign()), "an earlier challenge").await;
    shop.wait(900 + 300 + 61);
    refused(&shop, &browser.refreshing(&browser.proof().sign()), "an old challenge").await;
    let [answer, _] = refused(&shop, &browser.asking(), "no proof").await;
    browser.take(&answer);
    assert_eq!(shop.send_actix(&browser.refreshing(&browser.proof().sign())).await.status, 204);
}

#[actix_web::test]
async fn a_wrong_registration_gets_no_challenge_and_the_session_stays_unbound() {
    let shop = shop(MemorySessions::new());
    let (browser, other) = (Browser::log_in(&shop).await, Browser::log_in(&shop).await);
    let bound = Browser::bound(&shop).await;
    let good = browser.registration();
    let mut cases = wrong(&browser, &good);
    cases.extend([
        ("another session's challenge", good.clone().claim("jti", other.challenge.clone()).sign()),
        ("a refresh's challenge", good.clone().claim("jti", bound.challenge.clone()).sign()),
        ("the key of another", good.clone().header("jwk", other.key.public_jwk().expect("a key")).sign()),
    ]);
    for (case, proof) in &cases {
        for answer in refused(&shop, &browser.registering(proof), case).await {
            assert!(answer.headers.is_empty(), "{case}: {answer:?}");
        }
    }
    refused(&shop, &browser.registering(&good.sign()).header("secure-session-response", good.sign()), "two headers")
        .await;
    refused(&shop, &browser.registering(&browser.proof().sign()), "no key").await;
    let page = shop.send_axum(&browser.page()).await;
    assert_eq!(page.status, 204);
    // The page was faster: the challenge was for the token that it has exchanged.
    refused(&shop, &browser.registering(&good.sign()), "after a refresh").await;
    let mut next = browser.clone();
    next.take(&page);
    refused(&shop, &next.registering(&next.registration().sign()), "for another token").await;
    assert_eq!(shop.send_actix(&next.page()).await.status, 204);
    // Too late.
    shop.wait(900 + 300 + 61);
    refused(&shop, &other.registering(&other.registration().sign()), "an old challenge").await;
    assert_eq!(shop.send_actix(&other.page()).await.status, 204);
}
