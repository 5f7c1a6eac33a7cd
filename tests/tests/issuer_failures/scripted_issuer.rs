//! The scripted issuer itself, on which applications rely in their own tests.

use jwt_core::keys::FetchErrorKind;
use jwt_core::testing::{AUDIENCE, Document, Script, ScriptedIssuer};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};

use super::lab::{Lab, seconds, within};

#[tokio::test]
async fn each_method_of_a_draft_breaks_one_thing() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let trusted = TrustedIssuer::discover(issuer.name()).access_token_profile();
    let lab = Lab::of(issuer, trusted).loaded().await;
    let stranger = lab.issuer.stranger();
    for (draft, expected) in [
        (lab.good(), Ok(())),
        (lab.good().without_header("kid"), Ok(())),
        (lab.good().expired(), Err(ErrorKind::Expired)),
        (lab.good().not_yet_valid(), Err(ErrorKind::NotYetValid)),
        (lab.good().valid_from(seconds(1_000)), Err(ErrorKind::Expired)),
        (lab.good().of_issuer("https://id.example"), Err(ErrorKind::UnknownIssuer)),
        (lab.good().for_audience("https://other.example"), Err(ErrorKind::WrongAudience)),
        (lab.good().header("typ", "JWT"), Err(ErrorKind::WrongType)),
        (lab.good().without_header("typ"), Err(ErrorKind::WrongType)),
        (lab.good().without("client_id"), Err(ErrorKind::MissingClaim)),
        (lab.good().forged_with(&stranger), Err(ErrorKind::BadSignature)),
        (lab.good().unsigned(), Err(ErrorKind::BadSignature)),
        (lab.good().signed_by(&stranger), Err(ErrorKind::UnknownKey)),
        (lab.good().kid("key-2"), Err(ErrorKind::UnknownKey)),
    ] {
        assert_eq!(lab.ask(&draft).await, expected, "{draft:?}");
    }
    let ids = [lab.good(), lab.good()].map(|draft| draft.sign());
    assert_ne!(ids[0].split('.').nth(1), ids[1].split('.').nth(1), "each token has its own `jti`");
}

#[tokio::test]
async fn a_dropped_issuer_no_longer_answers() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.script(Document::OpenIdMetadata, Script::Slow);
    let trusted = TrustedIssuer::discover(issuer.name()).audience(AUDIENCE);
    let verifier = Verifier::builder().issuer(trusted).clock(issuer.clock()).build().expect("a verifier");
    let waiting = tokio::spawn({
        let verifier = verifier.clone();
        async move { verifier.fetch_keys().await }
    });
    issuer.until_requests(Document::OpenIdMetadata, 1).await;
    drop(issuer);
    assert!(within(waiting).await.expect("no panic").is_err(), "its connections are closed");
    assert!(within(verifier.fetch_keys()).await.is_err(), "its port is closed");
    assert_eq!(verifier.key_set_status()[0].1.last_error, Some(FetchErrorKind::Transport.into()));
}

#[tokio::test]
async fn an_unpublished_document_is_answered_404_and_still_recorded() {
    let lab = Lab::new().await;
    let issuer = lab.issuer.name();
    let trusted = TrustedIssuer::jwks(issuer, format!("{issuer}/jwks?v=2")).audience(AUDIENCE);
    let verifier = Verifier::builder().issuer(trusted).build().expect("a verifier");
    let error = within(verifier.fetch_keys()).await.expect_err("the document is missing");
    assert_eq!(error.issuers().collect::<Vec<_>>(), [(Some(issuer), FetchErrorKind::Status)]);
    let received = lab.issuer.received();
    assert_eq!((received[0].target.as_str(), received[0].document, lab.sets()), ("/jwks?v=2", None, 0));
}
