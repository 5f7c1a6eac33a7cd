//! Every response that isn't a key set: the old set stays, and the error is reported.

use jwt_core::ErrorKind;
use jwt_core::keys::{FetchErrorKind, KeySetState};
use jwt_core::testing::{Document, Script};

use super::lab::{Lab, hasty, seconds};

/// A bad response to a request for one document, and the error that it causes.
type Case = (Document, Script, FetchErrorKind);

/// Sends each response in place of a good set, and in place of the first set. The cases run concurrently, because some
/// take until a fetch times out.
async fn refuse(cases: impl IntoIterator<Item = Case>) {
    let cases = cases.into_iter().map(|case| {
        tokio::spawn(async move {
            keep_the_good_set(case.clone()).await;
            start_without_any(case).await;
        })
    });
    for case in cases.collect::<Vec<_>>() {
        case.await.expect("the case passes");
    }
}

/// Only fetches that must time out have a short timeout: on a busy machine, good ones may be slow.
async fn lab(kind: FetchErrorKind) -> Lab {
    if kind == FetchErrorKind::Timeout { Lab::with(hasty()).await } else { Lab::new().await }
}

async fn keep_the_good_set((document, script, kind): Case) {
    let lab = lab(kind).await.loaded().await;
    lab.issuer.script(document, script.clone());
    let error = lab.verifier.fetch_keys().await.expect_err("a bad answer");
    assert_eq!(error.issuers().collect::<Vec<_>>(), [(Some(lab.issuer.name()), kind)], "{script:?}");
    let status = lab.status();
    assert_eq!(
        (status.state, status.last_error, status.keys),
        (KeySetState::Fresh, Some(kind.into()), 1),
        "{script:?}"
    );
    assert_eq!((lab.at_once(&lab.good()), lab.told()), (Ok(()), vec![kind.code()]), "{script:?}");
    lab.issuer.script(document, Script::Well);
    assert_eq!(lab.verifier.fetch_keys().await, Ok(()), "{script:?}");
    assert_eq!((lab.at_once(&lab.good()), lab.status().last_error), (Ok(()), None), "{script:?}");
}

async fn start_without_any((document, script, kind): Case) {
    let lab = lab(kind).await;
    lab.issuer.script(document, script.clone());
    assert_eq!(lab.ask(&lab.good()).await, Err(ErrorKind::KeysUnavailable), "{script:?}: no verdict");
    assert_eq!(lab.status().last_error, Some(kind.into()), "{script:?}");
    lab.issuer.script(document, Script::Well);
    lab.pass(seconds(1));
    assert_eq!(lab.ask(&lab.good()).await, Ok(()), "{script:?}: recovered");
}

#[tokio::test]
async fn g06_a_byte_order_mark_does_not_hide_a_set() {
    let lab = Lab::new().await;
    lab.issuer.script(Document::KeySet, Script::ByteOrderMark);
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!(lab.status().last_error, None);
}

#[tokio::test]
async fn g06_a_response_without_a_key_set_never_replaces_one() {
    let body = |text: &str| Script::Body(text.into());
    refuse(
        [
            (Script::HangUp, FetchErrorKind::Transport),
            (Script::Status(500), FetchErrorKind::Status),
            (Script::Status(503), FetchErrorKind::Status),
            (Script::Status(204), FetchErrorKind::Status),
            (Script::Status(404), FetchErrorKind::Status),
            // The request was not conditional.
            (Script::Status(304), FetchErrorKind::Status),
            (Script::LoginPage, FetchErrorKind::Content),
            (Script::InvalidUtf8, FetchErrorKind::Content),
            (Script::KeysTwice, FetchErrorKind::Content),
            (Script::EmptySet, FetchErrorKind::NoUsableKey),
            (body(""), FetchErrorKind::Content),
            (body("{}"), FetchErrorKind::Content),
            (body("[]"), FetchErrorKind::Content),
            (body("[[]]"), FetchErrorKind::Content),
            (body(r#"{"keys":{}}"#), FetchErrorKind::Content),
            (body(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#), FetchErrorKind::NoUsableKey),
        ]
        .map(|(script, kind)| (Document::KeySet, script, kind)),
    )
    .await;
}

#[tokio::test]
async fn g04_endless_responses_never_replace_a_set() {
    let scripts = [Script::BlackHole, Script::SlowHead, Script::SlowBody];
    refuse(scripts.map(|script| (Document::KeySet, script, FetchErrorKind::Timeout))).await;
    // The HTTP client rejects an endless header.
    refuse([(Document::KeySet, Script::EndlessHead, FetchErrorKind::Transport)]).await;
}

#[tokio::test]
async fn g05_responses_are_read_up_to_the_size_limit() {
    refuse(
        [
            (Script::Oversize, FetchErrorKind::TooLarge),
            (Script::EndlessBody, FetchErrorKind::TooLarge),
            // The request did not accept compression, and the body isn't decompressed, so it isn't UTF-8.
            (Script::GzipBomb, FetchErrorKind::Content),
        ]
        .map(|(script, kind)| (Document::KeySet, script, kind)),
    )
    .await;
}

#[tokio::test]
async fn g15_metadata_of_another_issuer_or_with_an_address_without_tls_is_not_used() {
    let address = |url: &str| Script::KeySetAt(url.into());
    refuse(
        [
            (Script::ForeignIssuer("https://id.example".into()), FetchErrorKind::IssuerMismatch),
            (Script::Body(b"{}".into()), FetchErrorKind::IssuerMismatch),
            (address("http://id.example/jwks"), FetchErrorKind::InsecureUrl),
            (address("http://169.254.169.254/latest/meta-data"), FetchErrorKind::InsecureUrl),
            (address("http://10.0.0.1/jwks"), FetchErrorKind::InsecureUrl),
            (address("file:///etc/passwd"), FetchErrorKind::InsecureUrl),
            (address("/jwks"), FetchErrorKind::Content),
            (Script::LoginPage, FetchErrorKind::Content),
            (Script::InvalidUtf8, FetchErrorKind::Content),
            (Script::Oversize, FetchErrorKind::TooLarge),
            (Script::BlackHole, FetchErrorKind::Timeout),
            (Script::HangUp, FetchErrorKind::Transport),
        ]
        .map(|(script, kind)| (Document::OpenIdMetadata, script, kind)),
    )
    .await;
}

#[tokio::test]
async fn a_set_is_used_whatever_its_content_type_and_without_its_broken_keys() {
    for script in [Script::WrongContentType, Script::HalfBrokenSet] {
        let lab = Lab::new().await;
        lab.issuer.rotate();
        lab.issuer.script(Document::KeySet, script.clone());
        let lab = lab.loaded().await;
        assert_eq!((lab.status().keys, lab.status().last_error), (2, None), "{script:?}");
    }
}

#[tokio::test]
async fn a_failing_key_set_is_reported_differently_from_failing_metadata() {
    let lab = Lab::new().await;
    // Both forms of the metadata address answer 404.
    for document in [Document::OpenIdMetadata, Document::OAuthMetadata] {
        lab.issuer.script(document, Script::Status(404));
    }
    assert!(lab.verifier.fetch_keys().await.is_err());
    assert_eq!((lab.status().last_error, lab.sets()), (Some(FetchErrorKind::Status.into()), 0));
    lab.issuer.script(Document::OAuthMetadata, Script::Well);
    lab.issuer.script(Document::KeySet, Script::LoginPage);
    assert!(lab.verifier.fetch_keys().await.is_err());
    assert_eq!((lab.status().last_error, lab.sets()), (Some(FetchErrorKind::Content.into()), 1));
}
