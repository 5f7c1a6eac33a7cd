//! Section J: revoked tokens.

use std::time::Duration;

use jwt_core::Clock as _;
use jwt_core::ErrorKind;
use jwt_core::authorize::check;
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings, Standing, with_time_limit};
use jwt_core::testing::ManualClock;
use jwt_core::testing::ScriptedRevocations;
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::setup::{behind, builder, good, key};

use super::signatures::{ORDERS, twin};
use super::target::Target;

fn list(settings: RevocationSettings) -> MemoryRevocations {
    MemoryRevocations::with_settings(settings.clock(ManualClock::at(NOW)))
}

#[actix_web::test]
async fn j01_while_the_revocation_list_is_unavailable_no_token_is_accepted() {
    let list = ScriptedRevocations::default();
    list.answer(Standing::Unavailable);
    let answer = behind(builder().revocations(list)).send(&Ask::get("/me").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::unavailable(ErrorKind::RevocationUnavailable, 5));
}

#[actix_web::test]
async fn j02_a_slow_revocation_list_blocks_no_other_request_and_times_out() {
    let list = ScriptedRevocations::default();
    let limited = with_time_limit(list.clone(), Duration::from_secs(2));
    let verifier = builder().revocations(limited).build().expect("a verifier");
    list.hang();
    tokio::time::pause();
    let held = tokio::spawn({
        let verifier = verifier.clone();
        async move { verifier.verify(&good().sign()).await }
    });
    while list.asked() == 0 {
        tokio::task::yield_now().await;
    }
    list.answer(Standing::Good);
    assert!(verifier.verify(&good().sign()).await.is_ok(), "requests do not wait for each other");
    assert!(!held.is_finished());
    let error = held.await.expect("no panic").expect_err("an outage");
    assert_eq!(error.kind(), ErrorKind::RevocationUnavailable);
}

#[actix_web::test]
async fn j03_a_token_that_cannot_be_revoked_is_refused() {
    let strict = Target(behind(builder().revocations(list(RevocationSettings::new()))));
    for token in [good().without("jti"), good().claim("jti", "")] {
        strict.refuses(&token.sign(), ErrorKind::MissingClaim, "without `jti`").await;
    }
    strict.refuses(&good().claim("jti", 5).sign(), ErrorKind::MalformedClaims, "`jti` is no text").await;
    strict.accepts(&good().sign(), "with `jti`").await;
    let lax = Target(behind(builder().revocations(list(RevocationSettings::new().without_token_ids()))));
    lax.accepts(&good().without("jti").sign(), "by request").await;
}

#[actix_web::test]
async fn j04_the_same_jti_from_two_issuers_means_two_tokens() {
    let list = list(RevocationSettings::new());
    let other = jwt_core::TrustedIssuer::new("https://other.example").audience(AUDIENCE).key(key().verification_key());
    let target = Target(behind(builder().issuer(other).revocations(list.clone())));
    list.revoke(&Revocation::token_id(ISSUER, "t-1", Duration::from_secs(NOW + 300))).expect("space");
    target.refuses(&good().sign(), ErrorKind::Revoked, "the one that was revoked").await;
    target.accepts(&good().claim("iss", "https://other.example").sign(), "the other issuer's").await;
}

#[actix_web::test]
async fn j05_a_revocation_lasts_as_long_as_the_token_and_the_largest_leeway() {
    let clock = ManualClock::at(NOW);
    let list = MemoryRevocations::with_settings(RevocationSettings::new().clock(clock.clone()));
    let application = |leeway| {
        let builder = builder().clock(clock.clone()).leeway(Duration::from_secs(leeway));
        Application::new(builder.revocations(list.clone()).build().expect("a verifier"))
    };
    let (patient, strict) = (application(300), application(0));
    list.revoke(&Revocation::token_id(ISSUER, "t-1", Duration::from_secs(NOW + 300))).expect("space");
    let ask = Ask::get("/me").bearer(&good().sign());
    for (second, kind) in
        [(0, ErrorKind::Revoked), (299, ErrorKind::Revoked), (599, ErrorKind::Revoked), (600, ErrorKind::Expired)]
    {
        clock.advance(Duration::from_secs(NOW + second) - clock.now());
        // Entries are dropped only when something is revoked.
        for number in 0..1_000 {
            let name = format!("{second}-{number}");
            list.revoke(&Revocation::token_id(ISSUER, name, Duration::from_secs(NOW + 900))).expect("space");
        }
        assert_eq!(patient.send(&ask).await, Answer::refused(kind), "{second}");
        let kind = if second < 300 { ErrorKind::Revoked } else { ErrorKind::Expired };
        assert_eq!(strict.send(&ask).await, Answer::refused(kind), "{second}");
    }
}

#[actix_web::test]
async fn j06_a_token_issued_in_the_second_of_the_cutoff_is_refused() {
    let list = list(RevocationSettings::new());
    let target = Target(behind(builder().revocations(list.clone())));
    list.revoke(&Revocation::subject(ISSUER, "user-1815", Duration::from_millis(NOW * 1_000 + 400))).expect("space");
    let issued = |at: serde_json::Value| good().claim("iat", at).sign();
    for at in [serde_json::json!(NOW - 1), NOW.into(), (NOW as f64 + 0.3).into(), (NOW as f64 + 0.5).into()] {
        target.refuses(&issued(at.clone()), ErrorKind::Revoked, &at.to_string()).await;
    }
    target.accepts(&issued((NOW + 1).into()), "the second after").await;
    target.refuses(&good().without("iat").sign(), ErrorKind::MissingClaim, "without `iat`").await;
    let dateless = good().without("iat").claim("sub", "other").sign();
    target.refuses(&dateless, ErrorKind::MissingClaim, "of somebody else, whose revocation may be forgotten").await;
    let endless =
        Target(behind(builder().revocations(self::list(RevocationSettings::new().longest_lifetime(Duration::MAX)))));
    endless.accepts(&dateless, "where none is forgotten").await;
}

#[actix_web::test]
async fn i05_a_token_that_was_accepted_before_is_refused_once_it_is_revoked() {
    for revocation in [
        Revocation::token_id(ISSUER, "t-1", Duration::from_secs(NOW + 300)),
        Revocation::subject(ISSUER, "user-1815", Duration::from_secs(NOW)),
    ] {
        let list = list(RevocationSettings::new());
        let target = Target(behind(builder().revocations(list.clone())));
        let token = good().sign();
        for _ in 0..3 {
            target.accepts(&token, "seen").await;
        }
        list.revoke(&revocation).expect("space");
        for _ in 0..3 {
            target.refuses(&token, ErrorKind::Revoked, "revoked").await;
        }
    }
}

/// For every ECDSA signature (r, s), (r, n - s) is valid too.
#[actix_web::test]
async fn i09_the_second_signature_of_a_revoked_token_does_not_help() {
    let list = list(RevocationSettings::new());
    let target = Target(behind(builder().revocations(list.clone())));
    let token = good().sign();
    let other = twin(&token, ORDERS[0].1);
    assert_ne!(other, token);
    target.accepts(&other, "it verifies").await;
    list.revoke(&Revocation::token_id(ISSUER, "t-1", Duration::from_secs(NOW + 300))).expect("space");
    for token in [&token, &other] {
        target.refuses(token, ErrorKind::Revoked, "both").await;
    }
}

/// A request that passed the list before the revocation still finishes; every later request is refused.
#[actix_web::test]
async fn j10_a_running_request_finishes_and_the_next_is_refused() {
    let list = list(RevocationSettings::new());
    let in_rule = list.clone();
    // The list has already been asked when the requirements are checked.
    let verifier = builder().revocations(list).require_token(check("log out meanwhile", move |verified| {
        in_rule.revoke(&Revocation::token(verified)).is_ok()
    }));
    let verifier = verifier.build().expect("a verifier");
    assert!(verifier.verify(&good().sign()).await.is_ok());
    assert_eq!(verifier.verify(&good().sign()).await.expect_err("revoked").kind(), ErrorKind::Revoked);
}
