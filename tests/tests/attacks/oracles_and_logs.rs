//! Section K: oracles, logs and faults.

use std::collections::HashSet;
use std::slice::from_ref;
use std::sync::{Arc, Mutex};

use actix_web::rt::spawn;
use jwt_core::authorize::check;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::keys::{FetchError, Fetched, KeyErrorKind, fetch_fn};
use jwt_core::observe::{Event, Observer};
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verified};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::remote::JWKS;
use jwt_tests::setup::{KID, application, behind, builder, good, stranger, trusting};
use serde_json::{Value, json};

use crate::target::Target;

/// Strings that must appear nowhere but in a handler.
const NEEDLES: [&str; 8] = [
    "needle-sub",
    "needle-name",
    "needle-jti",
    "needle-client",
    "needle-kid",
    "needle-scope",
    "needle-secret",
    "needle-claim",
];

fn marked(key: &SigningKey) -> Forge {
    Forge::new(&key.clone().with_kid("needle-kid"))
        .claim("sub", "needle-sub")
        .claim("name", "needle-name")
        .claim("jti", "needle-jti")
        .claim("client_id", "needle-client")
        .claim("scope", "needle-scope")
        .claim("tenant", "needle-claim")
}

/// Asserts that the text contains none of these strings and no segment of any of the tokens.
fn assert_silent(text: &str, tokens: &[String], place: &str) {
    for needle in NEEDLES {
        assert!(!text.contains(needle), "{needle} in {place}: {text}");
    }
    for segment in tokens.iter().flat_map(|token| token.split('.')).filter(|segment| segment.len() > 8) {
        assert!(!text.contains(segment), "a segment of a token in {place}: {text}");
    }
}

#[actix_web::test]
async fn k01_text_from_an_attacker_is_repeated_nowhere() {
    let log = Log::start();
    let long = "evil".repeat(1300);
    let texts =
        ["x\r\n2026 INFO login ok evil", "\u{1b}[2Jevil", "\u{202e}evil", "evil\u{0}", "%n%sevil", "${evil}", &long];
    for text in texts {
        for token in [
            good().header("alg", text).sign(),
            good().header("kid", text).sign(),
            good().header("typ", text).sign(),
            good().header("cty", text).header("crit", json!([text])).sign(),
            good().header(text, 1).header("kid", 5).sign(),
            good().claim("iss", text).sign(),
            good().claim("aud", text).sign(),
            good().claim("exp", text).sign(),
            good().claim(text, text).claim("exp", 1).sign(),
            good().claim("name", json!({ "text": text })).sign(),
            good().sign_payload(text),
            good().sign_header(text),
        ] {
            let answer = Target::usual().0.send(&Ask::get("/user").bearer(&token)).await;
            assert_eq!((answer.status, answer.body.len(), answer.headers.len()), (401, 0, 1));
            let verifier = builder().build().expect("a verifier");
            if let Err(error) = verifier.verify(&token).await {
                let said = format!("{error} {error:?} {:?}", error.detail());
                assert!(!said.contains("evil") && said.is_ascii() && said.len() < 1500, "{said}");
            }
        }
        let ask = Ask::get("/me")
            .header("authorization", format!("{} x", text.replace(|letter: char| letter.is_control(), "")));
        application().send(&ask).await;
    }
    let text = log.text();
    assert!(text.contains("algorithm_not_allowed") && text.contains("unknown_key"), "rejections are logged");
    for part in ["evil", "login ok", "\u{1b}", "\u{202e}", "\u{0}", "\r"] {
        assert!(!text.contains(part), "{part:?}");
    }
}

#[actix_web::test]
async fn k02_tokens_claims_and_keys_are_not_logged_or_printed() {
    let log = Log::start();
    let key =
        SigningKey::from_secret(Algorithm::HS256, b"needle-secret-needle-secret-needle-secret").expect("long enough");
    let key = key.with_kid("needle-kid");
    let issuer = || TrustedIssuer::new(ISSUER).audience(AUDIENCE).key(key.verification_key());
    let application = behind(trusting(issuer()));
    let verifier = trusting(issuer()).build().expect("a verifier");
    let mut tokens = Vec::new();
    for forge in [
        marked(&key),
        marked(&key).claim("exp", NOW - 3600),
        marked(&key).claim("nbf", NOW + 3600),
        marked(&key).claim("aud", "needle-claim"),
        marked(&key).claim("iss", "needle-claim"),
        marked(&key).claim("cnf", json!({"jkt": "needle-claim"})),
        marked(&key).claim("sub", json!(["needle-sub"])),
        marked(&key).header("typ", "needle-claim"),
        marked(&stranger(Algorithm::HS256)),
        marked(&stranger(Algorithm::ES256)),
    ] {
        let token = forge.sign();
        for route in ["/user", "/number", "/reports", "/optional", "/lenient", "/bare"] {
            let answer = application.send(&Ask::get(route).bearer(&token)).await;
            if answer.status != 200 {
                assert_silent(&format!("{answer:?}"), &[], "an answer");
            }
        }
        match verifier.verify(&token).await {
            Ok(verified) => assert_silent(&debug_of(&verified), from_ref(&token), "Debug"),
            Err(error) => assert_silent(&format!("{error} {error:?}"), from_ref(&token), "an error"),
        }
        let request =
            BareRequest::new("GET", format!("/?t={token}")).header("authorization", format!("Bearer {token}"));
        let authenticator = Authenticator::from(verifier.clone());
        let outcome = authenticator.enter(&request, &RequestState::missing("JwtLayer"));
        assert_silent(&format!("{request:?} {outcome:?}"), from_ref(&token), "Debug");
        if let Some(Err(answer)) = outcome.ready() {
            assert_silent(&format!("{answer:?} {:?}", answer.error), from_ref(&token), "Debug");
            assert_silent(&format!("{:?}", answer.headers), from_ref(&token), "a header");
        }
        tokens.push(token);
    }
    let printed = format!(
        "{key:?} {:?} {:?} {verifier:?} {:?} {:?}",
        key.verification_key(),
        issuer(),
        trusting(issuer()),
        Authenticator::from(verifier.clone())
    );
    assert_silent(&printed, &tokens, "Debug");
    let layers =
        format!("{:?} {:?}", jwt_tower::JwtLayer::new(verifier.clone()), jwt_actix::JwtMiddleware::new(verifier));
    assert_silent(&layers, &tokens, "Debug");
    let text = log.text();
    assert!(text.contains("expired") && text.contains("claims_mismatch") && text.contains("JwtLayer"), "{text}");
    assert_silent(&text, &tokens, "the log");
}

fn debug_of(verified: &Verified) -> String {
    let registered = verified.registered();
    let refusal = verified.refuse(ErrorKind::ClaimsMismatch.into());
    let (tower, actix) = (jwt_tower::Verified(verified.clone()), jwt_actix::Verified(verified.clone()));
    let mismatch = verified.claims::<Vec<u64>>().expect_err("not a list");
    format!(
        "{verified:?} {registered:?} {:?} {:?} {refusal:?} {tower:?} {actix:?} {mismatch:?} {mismatch}",
        registered.audience(),
        registered.scopes(),
    )
}

#[actix_web::test]
async fn k03_every_bad_token_gets_a_byte_identical_answer() {
    let foreign = Forge::new(&stranger(Algorithm::ES256)).header("kid", KID);
    let mut answers = Vec::new();
    let mut codes = HashSet::new();
    for token in [
        foreign.sign(),
        good().header("kid", "other").sign(),
        good().claim("aud", "other").sign(),
        good().claim("iss", "other").sign(),
        good().claim("exp", 1).sign(),
        good().claim("nbf", NOW + 3600).sign(),
        good().header("alg", "none").sign(),
        good().header("typ", "logout+jwt").sign(),
        good().header("crit", json!([])).sign(),
        good().claim("cnf", Value::Null).sign(),
        good().claim("name", 5).sign(),
        good().sign_payload("[]"),
        "a.b.c".to_owned(),
        "a".repeat(20_000),
    ] {
        let mut answer = application().send(&Ask::get("/user").bearer(&token)).await;
        codes.extend(answer.code.take());
        answers.push(answer);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(codes.len() > 10, "the log should tell the errors apart: {codes:?}");
}

#[test]
fn k06_rsa_keys_do_not_sign_with_the_back_end_that_is_not_constant_time() {
    let error = SigningKey::generate_with(Backend::rust_crypto(), Algorithm::RS256).expect_err("RUSTSEC-2023-0071");
    assert_eq!(error.kind(), KeyErrorKind::UnsupportedAlgorithm);
}

#[derive(Clone, Debug, Default)]
struct Labels(Arc<Mutex<HashSet<String>>>);

impl Observer for Labels {
    fn observe(&self, event: Event<'_>) {
        let label = match event {
            Event::Refused(error) => format!("{} {:?}", error.code(), error.unmet()),
            _ => "accepted".to_owned(),
        };
        self.0.lock().expect("no panic").insert(label);
    }
}

#[actix_web::test]
async fn k07_the_labels_for_observers_are_a_closed_set() {
    let labels = Labels::default();
    let application = behind(builder().observer(labels.clone()));
    for index in 0..50 {
        let text = format!("evil-{index}");
        for token in [
            good().header("kid", text.as_str()).sign(),
            good().header("alg", text.as_str()).sign(),
            good().header("typ", text.as_str()).sign(),
            good().claim("iss", text.as_str()).sign(),
            good().claim("aud", text.as_str()).sign(),
            good().claim("exp", text.as_str()).sign(),
            good().claim("sub", text.as_str()).sign(),
        ] {
            application.send(&Ask::get("/me").bearer(&token)).await;
        }
    }
    let labels = labels.0.lock().expect("no panic").clone();
    assert!(labels.len() == 7 && labels.iter().all(|label| !label.contains("evil")), "{labels:?}");
}

#[actix_web::test]
async fn k08_a_panic_in_the_application_ends_only_its_request() {
    let rule = |verified: &Verified| {
        assert_ne!(verified.registered().subject(), Some("faulty"), "a bug in the application");
        true
    };
    let application = behind(builder().require_token(check("fault", rule)));
    let faulty = good().claim("sub", "faulty").sign();
    for adapter in Adapter::ALL {
        for (route, token) in
            [("/panic", good().sign()), ("/panicking-claims", good().sign()), ("/user", faulty.clone())]
        {
            let here = application.clone();
            let request = spawn(async move { adapter.send(&here, &Ask::get(route).bearer(&token)).await });
            assert!(request.await.expect_err("a panic").is_panic(), "{route}");
            let answer = adapter.send(&application, &Ask::get("/user").bearer(&good().sign())).await;
            assert_eq!(answer, Answer::text("Ada"), "after {route} under {adapter:?}");
        }
    }
    // A fetch that panics counts as an outage.
    let fetch = fetch_fn(|url: String| async move {
        assert!(url.is_empty(), "a bug in the application");
        Err::<Fetched, FetchError>(jwt_core::keys::FetchErrorKind::Transport.into())
    });
    let remote = behind(trusting(TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE)).fetch(fetch));
    let answer = remote.send(&Ask::get("/user").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::unavailable(ErrorKind::KeysUnavailable, 1));
}

#[actix_web::test]
async fn debug_output_of_a_waiting_request_shows_no_token() {
    let fetch = fetch_fn(|_url: String| std::future::pending::<Result<Fetched, FetchError>>());
    let builder = trusting(TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE)).fetch(fetch);
    let verifier = builder.build().expect("a verifier");
    let token = marked(&stranger(Algorithm::ES256)).sign();
    let verification = verifier.verify_step(&token, None);
    let jwt_core::Step::Pending(pending) = &verification else { panic!("{verification:?}") };
    assert_silent(&format!("{pending:?} {verification:?}"), &[token], "Debug");
}
