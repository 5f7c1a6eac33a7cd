//! What stood in a request's extensions before the layer ran is not believed.

use jwt_core::request::BareRequest;
use jwt_core::verify::{Admission, Authentication, Authenticator, Identity};
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verified};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::stage::{application, builder, good, stranger, trusting};

/// A token that another verifier accepted.
async fn foreign() -> Verified {
    let key = stranger(Algorithm::ES256);
    let issuer = TrustedIssuer::new("https://evil.example").key(key.verification_key()).dangerous_any_audience();
    let verifier = trusting(issuer).build().expect("a verifier");
    let token = Forge::new(&key).claim("iss", "https://evil.example").claim("name", "Mallory").sign();
    verifier.verify(&token).await.expect("good there")
}

/// The trace of another layer that let an anonymous request pass.
fn anonymous() -> Identity {
    let optional = Authenticator::from(builder().build().expect("a verifier")).optional();
    match optional.authenticate(&BareRequest::new("GET", "/")) {
        Authentication::Ready(Ok(Admission { identity, .. })) => identity,
        outcome => panic!("{outcome:?}"),
    }
}

#[actix_web::test]
async fn a_verified_token_from_elsewhere_admits_nobody() {
    let application = application().planted(Identity::Verified(foreign().await));
    let expired = good().claim("exp", 1).sign();
    for (ask, expected) in [
        (Ask::get("/user"), Answer::missing()),
        (Ask::get("/user").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/user").bearer(&expired), Answer::refused(ErrorKind::Expired)),
        (Ask::get("/optional"), Answer::text("nobody")),
        (Ask::get("/optional").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/optional-me"), Answer::missing()),
        (Ask::get("/optional-reports"), Answer::missing()),
        (Ask::get("/lenient").bearer(&expired), Answer::text("nobody")),
        (Ask::get("/reports").bearer(&good().sign()), Answer::text("Ada")),
    ] {
        assert_eq!(application.send(&ask).await, expected);
    }
}

#[actix_web::test]
async fn an_anonymous_trace_from_elsewhere_hides_no_token() {
    let application = application().planted(anonymous());
    for (ask, expected) in [
        (Ask::get("/user"), Answer::missing()),
        (Ask::get("/user").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/optional").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/optional-reports").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/optional"), Answer::text("nobody")),
    ] {
        assert_eq!(application.send(&ask).await, expected);
    }
}
