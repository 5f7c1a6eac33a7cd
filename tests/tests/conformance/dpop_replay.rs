//! Each DPoP proof is accepted once (RFC 9449 section 11.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jwt_core::authorize::check;
use jwt_core::proof::{Dpop, MemoryReplayLog, ProofUse, ReplayLog};
use jwt_core::testing::ManualClock;
use jwt_core::{BoxError, ErrorKind, Step, Verifier};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::NOW;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{behind, issuer, trusting};

fn logging(log: impl ReplayLog + 'static) -> Application {
    behind(trusting(issuer().dpop_required()).dpop(Dpop::new(BASE).replay_log(log)))
}

/// A log that counts, fails, or makes requests wait.
#[derive(Clone, Debug, Default)]
struct Scripted {
    asked: Arc<AtomicUsize>,
    fails: bool,
    waits: bool,
    log: MemoryReplayLog,
}

impl ReplayLog for Scripted {
    fn record(&self, proof: &ProofUse) -> Step<Result<bool, BoxError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.fails {
            return Step::Ready(Err("down".into()));
        }
        let (this, proof) = (self.clone(), *proof);
        if !self.waits {
            return this.log.record(&proof);
        }
        Step::pending(async move {
            tokio::task::yield_now().await;
            this.log.record(&proof).wait().await
        })
    }
}

#[actix_web::test]
async fn a_proof_is_accepted_once() {
    for log in [Scripted::default(), Scripted { waits: true, ..Scripted::default() }] {
        let (application, device) = (logging(log), Device::default());
        for adapter in Adapter::ALL {
            let ask = device.get("/user");
            assert_eq!(adapter.send(&application, &ask).await, Answer::text("Ada"));
            let again = application.send(&ask).await;
            assert_eq!((again.status, again.code), (401, Some(ErrorKind::ReplayedProof.code())));
            let challenge = again.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains(r#"error="invalid_dpop_proof""#), "{challenge}");
        }
    }
}

#[actix_web::test]
async fn one_proof_that_is_sent_many_times_at_once_passes_at_most_once() {
    for waits in [false, true] {
        let (application, device) = (logging(Scripted { waits, ..Scripted::default() }), Device::default());
        let ask = device.get("/user");
        let asks = (0..20).map(|number| Adapter::ALL[number % 2].send(&application, &ask));
        let answers = futures_util::future::join_all(asks).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "waits: {waits}");
    }
}

#[actix_web::test]
async fn the_same_jti_of_another_key_is_another_proof() {
    let application = logging(MemoryReplayLog::new());
    for _ in 0..2 {
        let device = Device::default();
        let token = device.good().sign();
        let proof = device.proof("GET", "/user", &token).claim("jti", "the same").sign();
        let answer = Adapter::Axum.send(&application, &Ask::get("/user").dpop(&token, &proof)).await;
        assert_eq!(answer, Answer::text("Ada"));
    }
}

/// The clock moves until just before and just after the proof is too old.
#[actix_web::test]
async fn a_proof_from_the_future_is_remembered_until_it_is_too_old() {
    for (issued, log) in [(NOW + 10, None), (NOW, Some(1)), (NOW - 59, None)] {
        let clock = ManualClock::at(NOW);
        let dpop = Dpop::new(BASE).replay_log(MemoryReplayLog::with_limits(log.unwrap_or(10), 10));
        let builder = Verifier::builder().issuer(issuer().dpop_required()).dpop(dpop).clock(clock.clone());
        let (application, device) = (Application::new(builder.build().expect("a verifier")), Device::default());
        let token = device.good().sign();
        let ask = Ask::get("/user").dpop(&token, &device.proof("GET", "/user", &token).claim("iat", issued).sign());
        assert_eq!(Adapter::Axum.send(&application, &ask).await, Answer::text("Ada"), "{issued}");
        while jwt_core::Clock::now(&clock).as_secs() <= issued + 60 {
            assert_eq!(application.send(&ask).await.code, Some("replayed_proof"), "{issued}");
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(application.send(&ask).await.code, Some("invalid_dpop_proof"), "too old");
        // The entry's place is free again after the leeway.
        clock.advance(Duration::from_secs(11));
        let late = device.proof("GET", "/user", &token).claim("iat", jwt_core::Clock::now(&clock).as_secs());
        let answer = Adapter::Axum.send(&application, &Ask::get("/user").dpop(&token, &late.sign())).await;
        assert_eq!(answer, Answer::text("Ada"), "{issued}");
    }
}

#[actix_web::test]
async fn a_log_that_is_down_or_full_is_an_outage_and_no_bad_proof() {
    let device = Device::default();
    let down = logging(Scripted { fails: true, ..Scripted::default() });
    let unavailable = Answer::unavailable(ErrorKind::ReplayLogUnavailable, 5);
    assert_eq!(down.send_new(|| device.get("/user")).await, unavailable);
    let full = logging(MemoryReplayLog::with_limits(1, 1));
    assert_eq!(Adapter::Axum.send(&full, &device.get("/user")).await, Answer::text("Ada"));
    assert_eq!(full.send_new(|| device.get("/user")).await, unavailable, "the limit of the key");
    assert_eq!(full.send_new(|| Device::default().get("/user")).await, unavailable, "the limit of the log");
}

#[actix_web::test]
async fn the_use_is_recorded_only_if_everything_else_is_fine() {
    let (log, device) = (Scripted::default(), Device::default());
    let builder = trusting(issuer().dpop_required()).dpop(Dpop::new(BASE).replay_log(log.clone()));
    let application = behind(builder.require_token(check("nobody", |_| false)));
    let token = device.good().sign();
    let proof = device.proof("GET", "/user", &token);
    for proof in [proof.clone(), proof.clone().claim("ath", "x"), proof.without("jti")] {
        assert_eq!(application.send(&Ask::get("/user").dpop(&token, &proof.sign())).await.status, 401);
    }
    assert_eq!(log.asked.load(Ordering::SeqCst), 0);
}
