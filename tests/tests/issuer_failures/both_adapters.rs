//! The same scenario through both adapters, each on its framework's runtime.

use jwt_core::ErrorKind;
use jwt_core::testing::{Document, Script};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;

use super::lab::{Lab, seconds};

/// The responses that a client gets while its issuer fails, rotates keys and recovers.
async fn recovers_with_its_issuer(adapter: Adapter) {
    let lab = Lab::new().await;
    let application = Application::new(lab.verifier.clone());
    let send = |token: String| {
        let application = application.clone();
        async move { adapter.send(&application, &Ask::get("/user").bearer(&token)).await }
    };
    let (ada, unavailable) = (Answer::text("Ada"), |wait| Answer::unavailable(ErrorKind::KeysUnavailable, wait));

    lab.all(Script::HangUp);
    assert_eq!(send(lab.good().sign()).await, unavailable(1), "a cold start");
    assert_eq!(send(lab.good().of_issuer("x").sign()).await, Answer::refused(ErrorKind::UnknownIssuer));
    lab.all(Script::Well);
    lab.pass(seconds(1));
    assert_eq!(send(lab.good().sign()).await, ada, "recovered");
    assert_eq!(send(lab.good().expired().sign()).await, Answer::refused(ErrorKind::Expired));
    assert_eq!(send(lab.good().unsigned().sign()).await, Answer::refused(ErrorKind::BadSignature));
    assert_eq!(send(lab.good().kid("made-up").unsigned().sign()).await, Answer::refused(ErrorKind::UnknownKey));

    let old = lab.issuer.key();
    lab.issuer.rotate();
    assert_eq!(send(lab.good().sign()).await, ada, "a new key");
    assert_eq!(send(lab.good().signed_by(&old).sign()).await, ada, "the old key");

    for script in [Script::Status(500), Script::LoginPage, Script::EmptySet, Script::HangUp] {
        lab.issuer.script(Document::KeySet, script.clone());
        assert!(lab.verifier.fetch_keys().await.is_err());
        assert_eq!(send(lab.good().sign()).await, ada, "{script:?}");
    }
    lab.pass(seconds(4_199));
    assert_eq!(send(lab.good().sign()).await, ada, "stale keys");
    lab.pass(seconds(60));
    assert_eq!(send(lab.good().sign()).await.status, 503, "expired keys");
    lab.all(Script::Well);
    lab.issuer.withdraw("key-1");
    lab.pass(seconds(60));
    assert_eq!(send(lab.good().sign()).await, ada, "recovered again");
    assert_eq!(send(lab.good().signed_by(&old).sign()).await, Answer::refused(ErrorKind::UnknownKey));
}

#[tokio::test]
async fn axum_on_tokio_recovers_with_its_issuer() {
    recovers_with_its_issuer(Adapter::Axum).await;
}

#[actix_web::test]
async fn actix_web_on_its_runtime_recovers_with_its_issuer() {
    recovers_with_its_issuer(Adapter::Actix).await;
}

#[actix_web::test]
async fn g13_concurrent_requests_survive_the_first_client_disconnecting() {
    for adapter in Adapter::ALL {
        let lab = Lab::new().await;
        lab.issuer.script(Document::KeySet, Script::Slow);
        let start = || {
            let (application, token) = (Application::new(lab.verifier.clone()), lab.good().sign());
            actix_web::rt::spawn(async move { adapter.send(&application, &Ask::get("/user").bearer(&token)).await })
        };
        let first = start();
        lab.issuer.until_requests(Document::KeySet, 1).await;
        let others: Vec<_> = (0..100).map(|_| start()).collect();
        first.abort();
        assert!(first.await.expect_err("the request was cancelled").is_cancelled());
        lab.issuer.release();
        for request in others {
            assert_eq!(request.await.expect("no panic"), Answer::text("Ada"));
        }
        assert_eq!((lab.sets(), lab.told()), (1, vec!["loaded"]));
    }
}
