//! Values in a request's extensions from before the layer are not trusted.

use jwt_core::gate::RequestState;
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::gate::enter;
use jwt_tests::setup::{application, builder, good, stranger, trusting};

/// The state of a request whose token another verifier accepted.
fn foreign() -> RequestState {
    let key = stranger(Algorithm::ES256);
    let issuer = TrustedIssuer::new("https://evil.example").key(key.verification_key()).dangerous_any_audience();
    let verifier = trusting(issuer).build().expect("a verifier");
    let token = Forge::new(&key).claim("iss", "https://evil.example").claim("name", "Mallory").sign();
    let request = BareRequest::new("GET", "/").header("authorization", format!("Bearer {token}"));
    enter(&Authenticator::from(verifier), &request).expect("good there").state.expect("a state")
}

/// The state that another layer left in an anonymous request.
fn anonymous() -> RequestState {
    let optional = Authenticator::from(builder().build().expect("a verifier")).optional();
    enter(&optional, &BareRequest::new("GET", "/")).expect("a guest").state.expect("a state")
}

#[actix_web::test]
async fn a_verified_token_from_another_verifier_is_ignored() {
    let application = application().planted(foreign());
    let expired = good().claim("exp", 1).sign();
    for (ask, expected) in [
        (Ask::get("/user"), Answer::missing()),
        (Ask::get("/user").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/user").bearer(&expired), Answer::refused(ErrorKind::Expired)),
        (Ask::get("/optional"), Answer::text("nobody")),
        (Ask::get("/optional").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/optional-me"), Answer::missing()),
        (Ask::get("/optional-reports"), Answer::missing_for("reports:read")),
        (Ask::get("/lenient").bearer(&expired), Answer::text("nobody")),
        (Ask::get("/reports").bearer(&good().sign()), Answer::text("Ada")),
    ] {
        assert_eq!(application.send(&ask).await, expected);
    }
}

#[actix_web::test]
async fn an_anonymous_state_from_another_layer_does_not_hide_a_token() {
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
