//! Rejections of requests that claim to be gRPC: a body that isn't gRPC's never carries a gRPC status.

use jwt_core::ErrorKind;
use jwt_core::authorize::{acr, check_async};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{behind, builder, good};

#[actix_web::test]
async fn no_content_type_turns_a_rejection_into_200() {
    let application = || behind(builder());
    let down = check_async("down", |_| async { Err("down".into()) });
    let token = good().sign();
    let poor = good().without("scope").sign();
    let usual = application().requiring(acr(["phr"]));
    let cases: [(&Application, Ask, Answer); 8] = [
        (&usual, Ask::get("/me"), Answer::missing()),
        (&usual, Ask::post("/me"), Answer::missing()),
        (&usual, Ask::post("/me").bearer("a").bearer("b"), Answer::malformed(ErrorKind::MultipleCredentials)),
        (&usual, Ask::post("/me").bearer("a"), Answer::refused(ErrorKind::MalformedToken)),
        (&usual, Ask::get("/reports").bearer(&poor), Answer::forbidden("reports:read")),
        (&usual, Ask::get("/allowed").bearer(&token), Answer::login("acr_values=\"phr\"")),
        (
            &application().requiring(down),
            Ask::get("/allowed").bearer(&token),
            Answer::unavailable(ErrorKind::RuleUnavailable, 5),
        ),
        (&usual, Ask::get("/bare-require"), Answer::misuse()),
    ];
    for (application, ask, expected) in cases {
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web"] {
            let answer = application.send(&ask.clone().header("content-type", content_type)).await;
            assert_eq!(answer, expected, "{ask:?}");
        }
    }
}
