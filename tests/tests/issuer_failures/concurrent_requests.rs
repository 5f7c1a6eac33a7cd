//! Many requests that need the same keys at the same moment, and clients that disconnect meanwhile.

use jwt_core::Step;
use jwt_core::testing::{Document, Script};
use tokio::task::JoinHandle;

use super::lab::{Lab, within};

/// Starts to verify a hundred tokens, and returns whether each was accepted.
fn a_hundred_requests(lab: &Lab) -> Vec<JoinHandle<bool>> {
    let requests = (0..100).map(|_| {
        let (verifier, token) = (lab.verifier.clone(), lab.good().sign());
        tokio::spawn(async move { verifier.verify(&token).await.is_ok() })
    });
    requests.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g09_a_hundred_first_requests_cause_one_fetch() {
    for script in [Script::Slow, Script::Well] {
        let lab = Lab::new().await;
        lab.issuer.script(Document::KeySet, script.clone());
        let requests = a_hundred_requests(&lab);
        lab.issuer.until_requests(Document::KeySet, 1).await;
        lab.issuer.release();
        for request in requests {
            assert!(within(request).await.expect("no panic"), "{script:?}");
        }
        assert_eq!((lab.issuer.requests(Document::OpenIdMetadata), lab.sets()), (1, 1), "{script:?}");
        assert_eq!(lab.told(), ["loaded"], "{script:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g09_a_hundred_requests_with_a_new_key_cause_one_fetch() {
    let lab = Lab::new().await.loaded().await;
    lab.issuer.rotate();
    let requests = a_hundred_requests(&lab);
    for request in requests {
        assert!(within(request).await.expect("no panic"));
    }
    assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]));
}

#[tokio::test]
async fn g09_a_hundred_first_requests_share_one_failure_too() {
    let lab = Lab::new().await;
    lab.issuer.script(Document::KeySet, Script::Slow);
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (lab.verifier.clone(), lab.good().sign());
            tokio::spawn(async move { verifier.verify(&token).await.map_err(|error| error.retry_after().is_some()) })
        })
        .collect();
    lab.issuer.until_requests(Document::KeySet, 1).await;
    lab.issuer.script(Document::KeySet, Script::Status(500));
    lab.issuer.release();
    for request in requests {
        assert_eq!(within(request).await.expect("no panic").map(drop), Err(true));
    }
    assert_eq!((lab.sets(), lab.told()), (1, vec!["status"]));
}

#[tokio::test]
async fn g13_the_first_client_disconnecting_does_not_cancel_the_fetch() {
    let lab = Lab::new().await;
    lab.issuer.script(Document::KeySet, Script::Slow);
    let start = || {
        let (verifier, token) = (lab.verifier.clone(), lab.good().sign());
        tokio::spawn(async move { verifier.verify(&token).await.is_ok() })
    };
    let first = start();
    lab.issuer.until_requests(Document::KeySet, 1).await;
    let second = start();
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.expect_err("the request was cancelled").is_cancelled());
    lab.issuer.release();
    assert!(within(second).await.expect("no panic"));
    assert_eq!((lab.sets(), lab.told()), (1, vec!["loaded"]));
}

#[tokio::test]
async fn g13_a_fetch_finishes_even_if_all_clients_have_disconnected() {
    let lab = Lab::new().await;
    lab.issuer.script(Document::KeySet, Script::Slow);
    let Step::Pending(pending) = lab.verifier.verify_step(&lab.good().sign(), None) else {
        panic!("there are no keys yet");
    };
    drop(pending);
    lab.issuer.until_requests(Document::KeySet, 1).await;
    lab.issuer.release();
    lab.ended(1).await;
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    assert_eq!((lab.sets(), lab.told()), (1, vec!["loaded"]));
}
