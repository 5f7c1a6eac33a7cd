//! Nonces of the service in DPoP proofs (RFC 9449 section 9).

use std::time::Duration;

use jwt_core::proof::Dpop;
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::NOW;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::issuer;

/// A process of the service. `skew` is how far its clock is ahead.
fn process(clock: &ManualClock, secret: u8) -> Application {
    let dpop = Dpop::new(BASE).nonces([secret; 32]);
    let builder = Verifier::builder().issuer(issuer().dpop_required()).dpop(dpop).clock(clock.clone());
    Application::new(builder.build().expect("a verifier"))
}

async fn ask(application: &Application, device: &Device, clock: &ManualClock, nonce: Option<&str>) -> Answer {
    use jwt_core::Clock as _;
    let token = device.good().claim("exp", NOW + 7200).sign();
    application
        .send_new(|| {
            let proof = device.proof("GET", "/user", &token).claim("iat", clock.now().as_secs());
            let proof = if let Some(nonce) = nonce { proof.claim("nonce", nonce) } else { proof };
            Ask::get("/user").dpop(&token, &proof.sign())
        })
        .await
}

fn nonces(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.iter().filter(|(name, _)| name == "dpop-nonce");
    lines.map(|(_, value)| std::str::from_utf8(value).expect("text")).collect()
}

#[actix_web::test]
async fn a_client_gets_exactly_one_nonce_and_may_use_it_many_times() {
    let clock = ManualClock::at(NOW);
    let (application, device) = (process(&clock, 1), Device::default());
    let answer = ask(&application, &device, &clock, None).await;
    assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::StaleNonce.code())));
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with(r#"DPoP realm="api", error="use_dpop_nonce", algs=""#), "{challenge}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "a stored refusal would bring an old nonce back");
    let [nonce] = nonces(&answer)[..] else { panic!("{answer:?}") };
    for _ in 0..3 {
        assert_eq!(ask(&application, &device, &clock, Some(nonce)).await, Answer::text("Ada"));
    }
}

#[actix_web::test]
async fn a_wrong_nonce_is_answered_with_the_right_one() {
    let clock = ManualClock::at(NOW);
    let (application, device) = (process(&clock, 1), Device::default());
    let right = ask(&application, &device, &clock, None).await;
    for wrong in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "\u{e9}"] {
        assert_eq!(ask(&application, &device, &clock, Some(wrong)).await, right, "{wrong}");
    }
}

#[actix_web::test]
async fn a_fresh_nonce_comes_with_a_success_before_the_old_one_ends() {
    let clock = ManualClock::at(NOW);
    let (application, device) = (process(&clock, 1), Device::default());
    let first = ask(&application, &device, &clock, None).await;
    let [first] = nonces(&first)[..] else { panic!("{first:?}") };
    clock.advance(Duration::from_secs(300));
    let renewed = ask(&application, &device, &clock, Some(first)).await;
    let [second] = nonces(&renewed)[..] else { panic!("{renewed:?}") };
    assert!(renewed.status == 200 && second != first);
    assert_eq!(renewed.header("cache-control"), Some("no-store"), "a stored response would bring an old nonce back");
    assert_eq!(ask(&application, &device, &clock, Some(second)).await, Answer::text("Ada"), "no new one is needed");
    clock.advance(Duration::from_secs(300));
    let ended = ask(&application, &device, &clock, Some(first)).await;
    assert_eq!(ended.code, Some(ErrorKind::StaleNonce.code()));
    assert_eq!(ask(&application, &device, &clock, Some(second)).await.status, 200);
}

#[actix_web::test]
async fn the_handlers_own_cache_control_stays() {
    use jwt_core::Clock as _;
    let clock = ManualClock::at(NOW);
    let (application, device) = (process(&clock, 1), Device::default());
    let first = ask(&application, &device, &clock, None).await;
    let [nonce] = nonces(&first)[..] else { panic!("{first:?}") };
    clock.advance(Duration::from_secs(300));
    let token = device.good().claim("exp", NOW + 7200).sign();
    let answer = application
        .send_new(|| {
            let proof = device.proof("GET", "/no-store", &token).claim("iat", clock.now().as_secs());
            Ask::get("/no-store").dpop(&token, &proof.claim("nonce", nonce).sign())
        })
        .await;
    assert_eq!(nonces(&answer).len(), 1);
    assert_eq!(answer.headers.iter().filter(|(name, _)| name == "cache-control").count(), 1, "{answer:?}");
}

#[actix_web::test]
async fn processes_with_one_secret_accept_each_others_nonces_even_if_their_clocks_differ() {
    let (clock, ahead) = (ManualClock::at(NOW + 295), ManualClock::at(NOW + 303));
    let (one, other, stranger) = (process(&clock, 1), process(&ahead, 1), process(&clock, 2));
    let device = Device::default();
    let answer = ask(&other, &device, &ahead, None).await;
    let [nonce] = nonces(&answer)[..] else { panic!("{answer:?}") };
    assert_eq!(ask(&one, &device, &clock, Some(nonce)).await.status, 200, "from a process that's ahead");
    assert_eq!(ask(&stranger, &device, &clock, Some(nonce)).await.status, 401, "from another service");
    let answer = ask(&one, &device, &clock, None).await;
    let [nonce] = nonces(&answer)[..] else { panic!("{answer:?}") };
    assert_eq!(ask(&other, &device, &ahead, Some(nonce)).await.status, 200, "from a process that's behind");
}
