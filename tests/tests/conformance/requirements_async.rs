//! Requirements that wait for something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::rt::spawn;
use jwt_core::authorize::{Requirement, all, any, check_async, not, scopes};
use jwt_core::{ErrorKind, Verified};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, behind, builder, good};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

fn member() -> impl Requirement + 'static {
    check_async("member", |verified: Verified| async move {
        yield_now().await;
        match verified.registered().subject() {
            Some("user-1815") => Ok(true),
            Some("directory-down") => Err("the directory is down".into()),
            _ => Ok(false),
        }
    })
}

fn ask(subject: &str) -> Ask {
    Ask::get("/allowed").bearer(&good().claim("sub", subject).sign())
}

#[actix_web::test]
async fn an_async_requirement_may_allow_refuse_or_fail() {
    let refused = || Answer::not_allowed(ErrorKind::RequirementNotMet);
    let outage = || Answer::unavailable(ErrorKind::RuleUnavailable, 5);
    let trees: [(Box<dyn Requirement>, [Answer; 3]); 5] = [
        (Box::new(member()), [Answer::text("Ada"), refused(), outage()]),
        (Box::new(not(member())), [refused(), Answer::text("Ada"), outage()]),
        (Box::new(all((member(), scopes(["profile"])))), [Answer::text("Ada"), refused(), outage()]),
        (Box::new(any((member(), scopes(["admin"])))), [Answer::text("Ada"), refused(), outage()]),
        (
            Box::new(any((member(), scopes(["profile"])))),
            [Answer::text("Ada"), Answer::text("Ada"), Answer::text("Ada")],
        ),
    ];
    for (tree, expected) in trees {
        let shown = format!("{tree:?}");
        let application = application().requiring(tree);
        for (subject, expected) in ["user-1815", "other", "directory-down"].into_iter().zip(expected) {
            assert_eq!(application.send(&ask(subject)).await, expected, "{subject}: {shown}");
        }
    }
}

#[actix_web::test]
async fn the_handler_is_called_only_after_the_requirement_was_met() {
    for adapter in Adapter::ALL {
        let (gate, asked) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
        let (open, count) = (Arc::clone(&gate), Arc::clone(&asked));
        let application = application().requiring(check_async("gate", move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let gate = Arc::clone(&gate);
            async move { Ok(gate.acquire().await.is_ok()) }
        }));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let application = application.clone();
                spawn(async move { adapter.send(&application, &ask("user-1815")).await })
            })
            .collect();
        while asked.load(Ordering::Relaxed) < 3 && !waiting.iter().any(|request| request.is_finished()) {
            yield_now().await;
        }
        assert!(waiting.iter().all(|request| !request.is_finished()), "{adapter:?}");
        open.add_permits(3);
        for request in waiting {
            assert_eq!(request.await.expect("no panic"), Answer::text("Ada"), "{adapter:?}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 3, "{adapter:?}");
    }
}

#[actix_web::test]
async fn an_async_requirement_is_not_checked_if_another_already_refuses() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let store = check_async("store", move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok(true) }
    });
    let application = application().requiring(all((store, scopes(["admin"]))));
    assert_eq!(application.send(&ask("user-1815")).await, Answer::forbidden("admin"));
    assert_eq!(application.send(&Ask::get("/allowed")).await, Answer::missing());
    assert_eq!(application.send(&Ask::get("/optional-allowed")).await, Answer::missing_for("admin"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[actix_web::test]
async fn a_rule_and_a_requirement_may_both_wait() {
    let application = behind(builder().require_token(check_async("later", |_| async {
        yield_now().await;
        Ok(true)
    })));
    let application = application.requiring(member());
    assert_eq!(application.send(&ask("user-1815")).await, Answer::text("Ada"));
    assert_eq!(application.send(&ask("other")).await, Answer::not_allowed(ErrorKind::RequirementNotMet));
}
