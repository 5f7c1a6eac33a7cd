//! Tokens that a test puts into the request's extensions: everything but their signature is checked.

use std::time::Duration;

use jwt_core::authorize::scopes;
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings, Standing};
use jwt_core::testing::{ScriptedRevocations, TestAuth, TestToken};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::behind;

const ISSUER: &str = "https://issuer.test";

/// A verifier that trusts only a provider whose keys cannot be fetched, and the time of the tokens.
fn builder(auth: &TestAuth) -> VerifierBuilder {
    let provider = TrustedIssuer::jwks(ISSUER, JWKS).audience(jwt_core::testing::AUDIENCE);
    Verifier::builder().issuer(provider).clock(auth.clock()).fetch(Remote::failing().fetch())
}

fn holding(auth: &TestAuth, token: &TestToken) -> Application {
    behind(builder(auth)).planted(token.extension())
}

#[actix_web::test]
async fn a_token_in_the_extensions_needs_no_key() {
    let auth = TestAuth::new();
    let token = auth.token("ada").claim("name", "Ada");
    for route in ["/user", "/shared", "/optional", "/optional-authorized-later"] {
        let token = token.clone().scope(["profile"]).claim("sub", "user-1815");
        assert_eq!(holding(&auth, &token).send(&Ask::get(route)).await, Answer::text("Ada"), "{route}");
    }
    // The issuer allows only RS256.
    let provider = TrustedIssuer::jwks(ISSUER, JWKS).audience(jwt_core::testing::AUDIENCE);
    let provider = provider.algorithms([jwt_core::Algorithm::RS256]);
    let builder = Verifier::builder().issuer(provider).clock(auth.clock()).fetch(Remote::failing().fetch());
    assert_eq!(behind(builder).planted(token.extension()).send(&Ask::get("/user")).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn its_claims_are_checked_like_those_of_any_token() {
    let auth = TestAuth::new();
    let good = || auth.token("ada").claim("name", "Ada");
    for (token, kind) in [
        (good().expired(), ErrorKind::Expired),
        (good().not_yet_valid(), ErrorKind::NotYetValid),
        (good().without("exp"), ErrorKind::MissingClaim),
        (good().of_issuer("https://else.example"), ErrorKind::UnknownIssuer),
        (good().for_audience("https://else.example"), ErrorKind::WrongAudience),
        (good().header("typ", "logout+jwt"), ErrorKind::WrongType),
        (good().claim("sub", 7), ErrorKind::MalformedClaims),
        (good().claim("name", 7), ErrorKind::ClaimsMismatch),
        (good().claim("cnf", serde_json::json!({"jkt": "a"})), ErrorKind::UnsupportedConfirmation),
    ] {
        let answer = holding(&auth, &token).send(&Ask::get("/user")).await;
        assert_eq!(answer, Answer::refused(kind));
    }
    let application = holding(&auth, &good());
    auth.clock().advance(Duration::from_secs(3600));
    assert_eq!(application.send(&Ask::get("/user")).await, Answer::refused(ErrorKind::Expired));
}

#[actix_web::test]
async fn revocations_and_requirements_apply_to_it() {
    let auth = TestAuth::new();
    let token = auth.token("ada").claim("name", "Ada");
    let revocations = MemoryRevocations::with_settings(RevocationSettings::new().clock(auth.clock()));
    revocations.revoke(&Revocation::token(&auth.verified(&token).expect("valid"))).expect("revoked");
    let application = behind(builder(&auth).revocations(revocations)).planted(token.extension());
    assert_eq!(application.send(&Ask::get("/user")).await, Answer::refused(ErrorKind::Revoked));

    let down = ScriptedRevocations::default();
    down.answer_later(Standing::Unavailable);
    let application = behind(builder(&auth).revocations(down)).planted(token.extension());
    let unavailable = Answer::unavailable(ErrorKind::RevocationUnavailable, 5);
    assert_eq!(application.send(&Ask::get("/user")).await, unavailable);

    let application = holding(&auth, &token).requiring(scopes(["audit"]));
    assert_eq!(application.send(&Ask::get("/allowed")).await, Answer::forbidden("audit"));
    assert_eq!(holding(&auth, &token).send(&Ask::get("/policy")).await, Answer::forbidden("reports:read"));
}

#[actix_web::test]
async fn the_token_of_the_request_counts_if_there_is_one() {
    let auth = TestAuth::new();
    let application = holding(&auth, &auth.token("ada").claim("name", "Ada"));
    let answer = application.send(&Ask::get("/user").bearer("a")).await;
    assert_eq!(answer, Answer::refused(ErrorKind::MalformedToken));
    let answer = application.send(&Ask::get("/user").bearer("a").bearer("b")).await;
    assert_eq!(answer, Answer::malformed(ErrorKind::MultipleCredentials));
}

#[actix_web::test]
async fn it_is_not_remembered_and_needs_a_layer() {
    let auth = TestAuth::new();
    let token = auth.token("ada").claim("name", "Ada");
    let verifier = auth.builder().build().expect("a verifier");
    let application = Application::new(verifier.clone()).planted(token.extension());
    assert_eq!(application.send(&Ask::get("/user")).await, Answer::text("Ada"));
    let sent = Ask::get("/user").bearer(&token.clone().unsigned().sign());
    assert_eq!(Application::new(verifier).send(&sent).await, Answer::refused(ErrorKind::BadSignature));
    for route in ["/bare", "/bare-require", "/bare-policy"] {
        assert_eq!(application.send(&Ask::get(route)).await, Answer::misuse(), "{route}");
    }
}
