//! Refusals of gRPC requests, in the form of their own protocol.

use jwt_core::ErrorKind;
use jwt_core::authorize::{acr, check_async};
use jwt_core::challenge::ProblemJson;
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::stage::{behind, builder, good};

/// The same refusal as of HTTP, without a body, in 200.
fn grpc(answer: Answer, status: &str, message: &str) -> Answer {
    let headers = answer.headers.into_iter().filter(|(name, _)| name != "content-type");
    let mut answer = Answer::new(200, headers, Vec::new(), None)
        .with_header("content-type", "application/grpc")
        .with_header("grpc-status", status)
        .with_header("grpc-message", message);
    answer.code = None;
    answer
}

#[actix_web::test]
async fn a_refusal_of_a_layer_or_requirement_is_a_status_of_grpc() {
    let application = || behind(builder().renderer(ProblemJson::new()));
    let down = check_async("down", |_| async { Err("down".into()) });
    let token = good().sign();
    let poor = good().without("scope").sign();
    let usual = application().requiring(acr(["phr"]));
    let cases: [(&Application, Ask, Answer, &str, &str); 7] = [
        (&usual, Ask::post("/me"), Answer::missing(), "16", "no credentials"),
        (
            &usual,
            Ask::post("/me").bearer("a").bearer("b"),
            Answer::malformed(ErrorKind::MultipleCredentials),
            "16",
            "malformed credentials",
        ),
        (&usual, Ask::post("/me").bearer("a"), Answer::refused(ErrorKind::MalformedToken), "16", "invalid token"),
        (&usual, Ask::get("/reports").bearer(&poor), Answer::forbidden("reports:read"), "7", "not allowed"),
        (
            &usual,
            Ask::get("/allowed").bearer(&token),
            Answer::login("acr_values=\"phr\""),
            "16",
            "stronger login needed",
        ),
        (
            &application().requiring(down),
            Ask::get("/allowed").bearer(&token),
            Answer::unavailable(ErrorKind::RuleUnavailable, 5),
            "14",
            "unavailable",
        ),
        (&usual, Ask::get("/bare-require"), Answer::misuse(), "13", "internal error"),
    ];
    for (application, ask, http, status, message) in cases {
        let code = http.code;
        for content_type in ["application/grpc", "application/grpc+proto"] {
            let answer = application.send(&ask.clone().header("content-type", content_type)).await;
            let mut expected = grpc(http.clone(), status, message);
            expected.code = code;
            assert_eq!(answer, expected, "{ask:?}");
        }
        let answer = application.send(&ask.header("content-type", "application/grpc-web")).await;
        assert_eq!((answer.status, answer.header("grpc-status")), (http.status, None));
    }
}
