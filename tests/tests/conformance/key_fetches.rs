//! Keys that must be fetched first. Waiting requests share a fetch, so each adapter gets an issuer of its own.

use std::time::Duration;

use actix_web::rt::{spawn, task::JoinHandle};
use jwt_core::authorize::check_async;
use jwt_core::http::TokenSources;
use jwt_core::keys::{Fetched, fetch_fn};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{KID, behind, builder, good, key, stranger, trusting};
use serde_json::json;

struct Scene {
    remote: Remote,
    clock: ManualClock,
    application: Application,
    adapter: Adapter,
}

impl Scene {
    fn new(adapter: Adapter, remote: Remote) -> Self {
        let clock = ManualClock::at(NOW);
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let application = behind(trusting(issuer).fetch(remote.fetch()).clock(clock.clone()));
        Self { remote, clock, application, adapter }
    }

    async fn send(&self, ask: Ask) -> Answer {
        self.adapter.send(&self.application, &ask).await
    }

    fn start(&self, ask: Ask) -> JoinHandle<Answer> {
        let (adapter, application) = (self.adapter, self.application.clone());
        spawn(async move { adapter.send(&application, &ask).await })
    }
}

fn ask() -> Ask {
    Ask::get("/user").bearer(&good().sign())
}

#[actix_web::test]
async fn requests_during_a_fetch_wait_for_that_fetch() {
    for adapter in Adapter::ALL {
        let scene = Scene::new(adapter, Remote::serving(&[&key()]).hold());
        let mut waiting: Vec<_> = (0..20).map(|_| scene.start(ask())).collect();
        waiting.push(scene.start(Ask::get("/optional").bearer(&good().sign())));
        waiting.push(scene.start(Ask::get("/reports").bearer(&good().sign())));
        scene.remote.until_asked(1).await;
        scene.remote.release();
        for request in waiting {
            assert_eq!(request.await.expect("no panic"), Answer::text("Ada"), "{adapter:?}");
        }
        assert_eq!(scene.remote.asked(), [JWKS], "{adapter:?}");
    }
}

#[actix_web::test]
async fn a_client_that_disconnects_does_not_cancel_the_fetch() {
    for adapter in Adapter::ALL {
        let scene = Scene::new(adapter, Remote::serving(&[&key()]).hold());
        let first = scene.start(ask());
        scene.remote.until_asked(1).await;
        let second = scene.start(ask());
        first.abort();
        assert!(first.await.expect_err("aborted").is_cancelled());
        scene.remote.release();
        assert_eq!(second.await.expect("no panic"), Answer::text("Ada"), "{adapter:?}");
        assert_eq!(scene.send(ask()).await, Answer::text("Ada"), "{adapter:?}");
        assert_eq!(scene.remote.asked().len(), 1, "{adapter:?}");
    }
}

#[actix_web::test]
async fn an_unreachable_issuer_is_an_outage_and_not_a_bad_token() {
    for adapter in Adapter::ALL {
        let scene = Scene::new(adapter, Remote::failing());
        assert_eq!(scene.send(ask()).await, Answer::unavailable(ErrorKind::KeysUnavailable, 1), "{adapter:?}");
        // During the pause, the issuer isn't asked again.
        assert_eq!(scene.send(ask()).await, Answer::unavailable(ErrorKind::KeysUnavailable, 1), "{adapter:?}");
        assert_eq!(scene.remote.asked().len(), 1, "{adapter:?}");
        // Requests that need no keys are decided as always.
        assert_eq!(scene.send(Ask::get("/user")).await, Answer::missing(), "{adapter:?}");
        assert_eq!(scene.send(Ask::get("/optional")).await, Answer::text("nobody"), "{adapter:?}");
        let expired = Ask::get("/user").bearer(&good().claim("iss", "https://other.example").sign());
        assert_eq!(scene.send(expired).await, Answer::refused(ErrorKind::UnknownIssuer), "{adapter:?}");
    }
}

#[actix_web::test]
async fn an_optional_layer_does_not_treat_an_outage_as_absence() {
    for adapter in Adapter::ALL {
        let scene = Scene::new(adapter, Remote::failing());
        let ask = Ask::get("/optional").bearer(&good().sign());
        assert_eq!(scene.send(ask).await, Answer::unavailable(ErrorKind::KeysUnavailable, 1), "{adapter:?}");
    }
}

#[actix_web::test]
async fn when_the_issuer_recovers_requests_are_answered_again() {
    for adapter in Adapter::ALL {
        let scene = Scene::new(adapter, Remote::failing());
        for pause in [1, 2, 4, 8, 16, 30, 30_u64] {
            let answer = scene.send(ask()).await;
            let after = answer.header("retry-after").and_then(|after| after.parse().ok()).unwrap_or_default();
            // Up to a quarter shorter, so that the processes don't all retry at once.
            assert!((pause - pause / 4..=pause).contains(&after), "{after} of {pause} under {adapter:?}");
            assert_eq!(answer, Answer::unavailable(ErrorKind::KeysUnavailable, after), "{adapter:?}");
            scene.clock.advance(Duration::from_secs(pause));
        }
        scene.remote.serve(&[&key()]);
        assert_eq!(scene.send(ask()).await, Answer::text("Ada"), "{adapter:?}");
        assert_eq!(scene.remote.asked().len(), 8, "{adapter:?}");
    }
}

#[actix_web::test]
async fn the_decision_after_waiting_is_the_same_as_without_waiting() {
    let sources = || TokenSources::new().query("access_token");
    let query = |route: &str| Ask::get(format!("{route}?access_token={}", good().sign()));
    let at_once = behind(builder().sources(sources()));
    for ask in [
        ask(),
        Ask::post("/echo").header("content-type", "text/plain").body("a body").bearer(&good().sign()),
        query("/user"),
        query("/no-store"),
        query("/optional"),
        Ask::get("/verified").bearer(&good().sign()),
        Ask::get("/number").bearer(&good().sign()),
        Ask::get("/reports").bearer(&good().claim("scope", "profile").sign()),
        Ask::get("/user").bearer(&good().claim("exp", 1).sign()),
        Ask::get("/lenient").bearer(&good().claim("exp", 1).sign()),
        Ask::get("/user").bearer(&good().claim("aud", "other").sign()),
        Ask::get("/user").bearer(&good().header("kid", "other").sign()),
        Ask::get("/user").bearer(&Forge::new(&stranger(Algorithm::ES256)).header("kid", KID).sign()),
        Ask::get("/public").bearer(&good().sign()),
    ] {
        let expected = at_once.send(&ask).await;
        for adapter in Adapter::ALL {
            let remote = Remote::serving(&[&key()]);
            let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
            let waiting = behind(trusting(issuer).fetch(remote.fetch()).sources(sources()));
            assert_eq!(adapter.send(&waiting, &ask).await, expected, "{adapter:?}");
        }
    }
}

#[actix_web::test]
async fn an_async_rule_runs_after_the_keys_were_fetched() {
    for adapter in Adapter::ALL {
        let remote = Remote::serving(&[&key()]);
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let builder = trusting(issuer).fetch(remote.fetch());
        let application = behind(builder.require_token(check_async("later", |_| async {
            tokio::task::yield_now().await;
            Ok(true)
        })));
        assert_eq!(adapter.send(&application, &ask()).await, Answer::text("Ada"), "{adapter:?}");
    }
}

#[actix_web::test]
async fn keys_come_over_plain_http_only_from_named_hosts() {
    const CONTAINER: &str = "http://keycloak:8080/realms/shop";
    let issuer = || TrustedIssuer::discover(ISSUER).metadata_url(CONTAINER).audience(AUDIENCE);
    let fetch = || {
        let jwk = key().public_jwk().expect("a public key");
        fetch_fn(move |url: String| {
            let document = match url.strip_prefix(CONTAINER) {
                Some("/.well-known/openid-configuration") => {
                    json!({"issuer": ISSUER, "jwks_uri": format!("{CONTAINER}/certs")})
                }
                Some("/certs") => json!({"keys": [jwk]}),
                _ => json!({}),
            };
            async move { Ok(Fetched::new(document.to_string())) }
        })
    };
    let refused = trusting(issuer().dangerous_http_hosts(["other"])).fetch(fetch()).build().expect_err("another host");
    assert_eq!((refused.kind(), refused.setting()), (BuildErrorKind::InsecureUrl, "discover"));
    assert!(refused.to_string().contains("`dangerous_http_hosts`"), "{refused}");
    let log = Log::start();
    let application = behind(trusting(issuer().dangerous_http_hosts(["keycloak"])).fetch(fetch()));
    let text = log.text();
    let is_warning = |line: &str| line.starts_with("WARN ") && line.contains("keycloak") && line.contains(ISSUER);
    assert!(text.lines().any(is_warning), "{text}");
    // The tokens name the public address.
    assert_eq!(application.send(&Ask::get("/user").bearer(&good().sign())).await, Answer::text("Ada"));
    let internal = good().claim("iss", CONTAINER).sign();
    let answer = application.send(&Ask::get("/user").bearer(&internal)).await;
    assert_eq!(answer, Answer::refused(ErrorKind::UnknownIssuer));
}
