//! Key rotation.

use jwt_core::ErrorKind;
use jwt_core::testing::Script;

use super::lab::{Lab, seconds};

#[tokio::test]
async fn a_key_missing_from_the_set_is_fetched_once() {
    let lab = Lab::new().await.loaded().await;
    lab.issuer.rotate();
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
}

#[tokio::test]
async fn g18_old_and_new_key_are_both_valid_until_one_is_withdrawn() {
    let lab = Lab::new().await.loaded().await;
    let old = lab.issuer.key();
    let new = lab.issuer.rotate();
    assert_eq!(lab.ask(&lab.good().signed_by(&new)).await, Ok(()));
    assert_eq!(lab.at_once(&lab.good().signed_by(&old)), Ok(()));
    assert_eq!(lab.at_once(&lab.good().signed_by(&old).kid("key-2")), Err(ErrorKind::BadSignature));
    lab.issuer.withdraw("key-1");
    lab.grow_old();
    assert_eq!(lab.at_once(&lab.good().signed_by(&old)), Ok(()), "until the set is renewed");
    lab.ended(3).await;
    // Its name is unknown now, which causes a fetch that does not find it.
    assert_eq!(lab.ask(&lab.good().signed_by(&old)).await, Err(ErrorKind::UnknownKey));
    assert_eq!(lab.at_once(&lab.good().signed_by(&old)), Err(ErrorKind::UnknownKey));
    assert_eq!(lab.at_once(&lab.good().signed_by(&new)), Ok(()));
}

#[tokio::test]
async fn a_key_that_a_fetch_did_not_find_is_not_fetched_again_in_the_same_window() {
    let lab = Lab::new().await.loaded().await;
    let stranger = lab.good().signed_by(&lab.issuer.stranger());
    assert_eq!(lab.ask(&stranger).await, Err(ErrorKind::UnknownKey));
    assert_eq!(lab.sets(), 2);
    lab.pass(seconds(29));
    assert_eq!(lab.at_once(&stranger), Err(ErrorKind::UnknownKey));
    // The window allows two fetches, not three.
    assert_eq!(lab.ask(&lab.good().kid("other")).await, Err(ErrorKind::UnknownKey));
    assert_eq!(lab.at_once(&lab.good().kid("another")), Err(ErrorKind::UnknownKey));
    assert_eq!(lab.sets(), 3);
    lab.pass(seconds(1));
    assert_eq!(lab.ask(&stranger).await, Err(ErrorKind::UnknownKey));
    assert_eq!(lab.sets(), 4);
}

#[tokio::test]
async fn a_failed_fetch_does_not_reject_a_new_key_or_delay_it() {
    let lab = Lab::new().await.loaded().await;
    let old = lab.issuer.key();
    lab.issuer.rotate();
    lab.all(Script::HangUp);
    let error = lab.verify(&lab.good()).await.expect_err("the new key is unavailable");
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    let wait = error.retry_after().expect("a `retry-after`");
    assert_eq!(lab.at_once(&lab.good().signed_by(&old)), Ok(()), "the old key is in the set");
    lab.all(Script::Well);
    assert_eq!(lab.at_once(&lab.good()), Err(ErrorKind::KeysUnavailable));
    lab.pass(wait);
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!(lab.told(), ["transport", "loaded"]);
}
