//! Revoked tokens, and revocation lists that are unavailable.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::authorize::check;
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings, Standing, with_time_limit};
use jwt_core::testing::ManualClock;
use jwt_core::testing::ScriptedRevocations;
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::observer::MemoryObserver;
use jwt_tests::setup::{behind, builder, good};

/// The answer is there at once, or must be awaited.
const ANSWERS: [fn(&ScriptedRevocations, Standing); 2] =
    [ScriptedRevocations::answer, ScriptedRevocations::answer_later];

fn list() -> MemoryRevocations {
    MemoryRevocations::with_settings(RevocationSettings::new().clock(ManualClock::at(NOW)))
}

fn ask(token: &str) -> Ask {
    Ask::get("/user").bearer(token)
}

async fn all_answer(application: &Application, token: &str, answer: Answer) {
    for route in ["/user", "/optional", "/reports", "/allowed", "/policy"] {
        assert_eq!(application.send(&Ask::get(route).bearer(token)).await, answer, "{route}");
    }
}

#[actix_web::test]
async fn a_revoked_token_is_refused_from_the_next_request_on_and_others_are_not() {
    let list = list();
    let verifier = builder().revocations(list.clone()).build().expect("a verifier");
    let application = Application::new(verifier.clone());
    let (first, second) = (good().sign(), good().claim("jti", "t-2").sign());
    all_answer(&application, &first, Answer::text("Ada")).await;
    let verified = verifier.verify(&first).await.expect("good");
    list.revoke(&Revocation::token(&verified)).expect("space");
    all_answer(&application, &first, Answer::refused(ErrorKind::Revoked)).await;
    all_answer(&application, &second, Answer::text("Ada")).await;
}

#[actix_web::test]
async fn sessions_subjects_and_issuers_are_revoked_as_a_whole() {
    let (now, other) = (Duration::from_secs(NOW), "https://other.example");
    for (revocation, refused) in [
        (Revocation::session(ISSUER, "s-1"), true),
        (Revocation::session(ISSUER, "s-2"), false),
        (Revocation::session(other, "s-1"), false),
        (Revocation::subject(ISSUER, "user-1815", now), true),
        (Revocation::subject(ISSUER, "user-1815", now - Duration::from_secs(1)), false),
        (Revocation::subject(ISSUER, "user-1816", now), false),
        (Revocation::subject(other, "user-1815", now), false),
        (Revocation::issuer(ISSUER, now), true),
        (Revocation::issuer(ISSUER, now - Duration::from_secs(1)), false),
        (Revocation::issuer(other, now), false),
    ] {
        let list = list();
        let application = behind(builder().revocations(list.clone()));
        let token = good().claim("sid", "s-1").sign();
        assert_eq!(application.send(&ask(&token)).await, Answer::text("Ada"));
        list.revoke(&revocation).expect("space");
        let expected = if refused { Answer::refused(ErrorKind::Revoked) } else { Answer::text("Ada") };
        assert_eq!(application.send(&ask(&token)).await, expected, "{revocation:?}");
    }
}

#[actix_web::test]
async fn while_the_revocation_list_is_unavailable_no_token_is_accepted() {
    for answer in ANSWERS {
        let list = ScriptedRevocations::default();
        let application = behind(builder().revocations(list.clone()));
        answer(&list, Standing::Unavailable);
        all_answer(&application, &good().sign(), Answer::unavailable(ErrorKind::RevocationUnavailable, 5)).await;
        let expired = application.send(&ask(&good().claim("exp", 1).sign())).await;
        assert_eq!(expired, Answer::refused(ErrorKind::Expired), "what is bad anyway is said to be");
        assert_eq!(application.send(&Ask::get("/optional")).await, Answer::text("nobody"));
        list.answer(Standing::Good);
        all_answer(&application, &good().sign(), Answer::text("Ada")).await;
    }
}

#[actix_web::test]
async fn an_outage_is_ignored_only_if_configured_and_is_counted() {
    let (list, observer) = (ScriptedRevocations::default(), MemoryObserver::default());
    let lax = builder().revocations(list.clone()).observer(observer.clone());
    let application = behind(lax.dangerous_accept_during_revocation_outage());
    let [at_once, later] = ANSWERS;
    for (tell, standing, answer, ignored) in [
        (at_once, Standing::Good, Answer::text("Ada"), 0),
        (at_once, Standing::Unavailable, Answer::text("Ada"), 2),
        (later, Standing::Unavailable, Answer::text("Ada"), 4),
        (at_once, Standing::Revoked, Answer::refused(ErrorKind::Revoked), 4),
        (later, Standing::Revoked, Answer::refused(ErrorKind::Revoked), 4),
    ] {
        tell(&list, standing);
        assert_eq!(application.send(&ask(&good().sign())).await, answer, "{standing:?}");
        assert_eq!(observer.ignored_revocation_outages(), ignored, "{standing:?}");
    }
}

#[actix_web::test]
async fn a_list_is_awaited_no_longer_than_its_time_limit() {
    for adapter in Adapter::ALL {
        let list = ScriptedRevocations::default();
        list.hang();
        let application = behind(builder().revocations(with_time_limit(list.clone(), Duration::from_secs(2))));
        tokio::time::pause();
        let start = tokio::time::Instant::now();
        let answer = adapter.send(&application, &ask(&good().sign())).await;
        let waited = start.elapsed();
        tokio::time::resume();
        assert_eq!(answer, Answer::unavailable(ErrorKind::RevocationUnavailable, 5), "{adapter:?}");
        assert!((2_000..2_100).contains(&waited.as_millis()), "{waited:?} under {adapter:?}");
        list.answer(Standing::Revoked);
        let answer = adapter.send(&application, &ask(&good().sign())).await;
        assert_eq!(answer, Answer::refused(ErrorKind::Revoked), "{adapter:?}");
    }
}

#[actix_web::test]
async fn a_list_is_asked_only_about_valid_tokens_and_before_the_rules() {
    let list = ScriptedRevocations::default();
    let strict =
        builder().revocations(list.clone()).require_token(check("never", |_| panic!("rules come after the list")));
    let application = behind(strict);
    for token in [good().claim("aud", "other").sign(), good().claim("exp", 1).sign(), "a.b.c".to_owned()] {
        assert_ne!(application.send(&ask(&token)).await.status, 200);
    }
    assert_eq!(list.asked(), 0);
    for answer in ANSWERS {
        answer(&list, Standing::Revoked);
        assert_eq!(application.send(&ask(&good().sign())).await, Answer::refused(ErrorKind::Revoked));
    }
    assert_eq!(list.asked(), 4);
}

#[actix_web::test]
async fn an_empty_list_changes_nothing() {
    let application = behind(builder().revocations(ScriptedRevocations::default()));
    all_answer(&application, &good().without("jti").sign(), Answer::text("Ada")).await;
}

#[actix_web::test]
async fn waiting_for_the_end_of_a_token_ends_in_an_outage_unless_outages_are_ignored() {
    for (lax, end) in [(false, Some(ErrorKind::RevocationUnavailable)), (true, None)] {
        for answer in ANSWERS {
            let list = ScriptedRevocations::default();
            let builder = builder().revocations(list.clone());
            let builder = if lax { builder.dangerous_accept_during_revocation_outage() } else { builder };
            let verified = builder.build().expect("a verifier").verify(&good().sign()).await.expect("good");
            answer(&list, Standing::Unavailable);
            let (sleeps, mut slept) = tokio::sync::mpsc::unbounded_channel();
            let ended = verified.until_invalid(move |time| {
                sleeps.send(time).expect("the receiver exists");
                std::future::pending()
            });
            let outcome = tokio::select! {
                error = ended => Some(error.kind()),
                _ = slept.recv() => None,
            };
            assert_eq!(outcome, end, "{lax}");
        }
    }
}
