//! Rejection bodies, written by renderers for layers, requirements and extractors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jwt_core::http::{Rendered, RequestView, problem_json, problem_json_under};
use jwt_core::{ErrorKind, TrustedIssuer, authorize};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::directory::Directory;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{behind, builder, good, trusting};

use crate::rejections::refused_tokens;

const PROBLEM: &str = "application/problem+json";

fn problems() -> Application {
    behind(builder().renderer(problem_json()))
}

fn problem(status: u16, code: &str, title: &str) -> String {
    format!(r#"{{"code":"{code}","status":{status},"title":"{title}","type":"about:blank"}}"#)
}

#[actix_web::test]
async fn every_refused_token_gets_the_same_problem() {
    for (token, kind) in refused_tokens() {
        let answer = problems().send(&Ask::get("/me").bearer(&token)).await;
        let expected = Answer::refused(kind).with_body(PROBLEM, problem(401, "invalid_token", "Unauthorized"));
        assert_eq!(answer, expected);
    }
}

#[actix_web::test]
async fn layers_requirements_and_extractors_write_problems() {
    let unauthorized = |code| problem(401, code, "Unauthorized");
    let forbidden = |code| problem(403, code, "Forbidden");
    let unavailable = problem(503, "unavailable", "Service Unavailable");
    let token = good().sign();
    for (ask, expected, body) in [
        (Ask::get("/me"), Answer::missing(), unauthorized("no_credentials")),
        (Ask::get("/optional-me"), Answer::missing(), unauthorized("no_credentials")),
        (Ask::get("/optional-reports"), Answer::missing_for("reports:read"), unauthorized("no_credentials")),
        (
            Ask::get("/me").bearer("a").bearer("b"),
            Answer::malformed(ErrorKind::MultipleCredentials),
            problem(400, "multiple_credentials", "Bad Request"),
        ),
        (Ask::get("/number").bearer(&token), Answer::refused(ErrorKind::ClaimsMismatch), unauthorized("invalid_token")),
        (
            Ask::get("/reports").bearer(&good().without("scope").sign()),
            Answer::forbidden("reports:read"),
            forbidden("insufficient_scope"),
        ),
        (
            Ask::get("/policy").bearer(&good().without("scope").sign()),
            Answer::forbidden("reports:read"),
            forbidden("insufficient_scope"),
        ),
        (
            Ask::get("/policy-later").bearer(&good().claim("sub", "other").sign()),
            Answer::not_allowed(ErrorKind::RequirementNotMet),
            forbidden("requirement_not_met"),
        ),
        (
            Ask::get("/policy-later").bearer(&good().claim("sub", "directory-down").sign()),
            Answer::unavailable(ErrorKind::RuleUnavailable, 5),
            unavailable.clone(),
        ),
    ] {
        assert_eq!(problems().send(&ask).await, expected.with_body(PROBLEM, body), "{ask:?}");
    }

    let misspelt = problems().requiring(authorize::roles("no path", ["a"]));
    let expected = Answer::fault(ErrorKind::Misconfigured)
        .with_body(PROBLEM, problem(500, "server_error", "Internal Server Error"));
    assert_eq!(misspelt.send(&Ask::get("/allowed").bearer(&token)).await, expected);

    let remote = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let down = behind(trusting(remote).fetch(Remote::failing().fetch()).renderer(problem_json()));
    let expected = Answer::unavailable(ErrorKind::KeysUnavailable, 1).with_body(PROBLEM, unavailable);
    assert_eq!(down.send(&Ask::get("/me").bearer(&token)).await, expected);
}

#[actix_web::test]
async fn responses_of_the_application_get_no_problem_body() {
    let token = good().sign();
    assert_eq!(problems().send(&Ask::get("/user").bearer(&token)).await, Answer::text("Ada"));
    assert_eq!(problems().send(&Ask::get("/optional")).await, Answer::text("nobody"));
    for route in ["/bare", "/bare-require", "/bare-policy"] {
        assert_eq!(problems().send(&Ask::get(route).bearer(&token)).await, Answer::misuse(), "{route}");
    }
}

#[actix_web::test]
async fn problem_types_are_named_under_a_base_address() {
    let application = behind(builder().renderer(problem_json_under("https://api.example/problems/")));
    let body = r#"{"code":"insufficient_role","status":403,"title":"The token does not allow this","type":"https://api.example/problems/insufficient_role"}"#;
    let application = application.requiring(authorize::roles("/roles", ["admin"]));
    let answer = application.send(&Ask::get("/allowed").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::not_allowed(ErrorKind::InsufficientRole).with_body(PROBLEM, body));
}

#[actix_web::test]
async fn a_closure_writes_bodies_and_headers_by_the_typed_error() {
    let application = behind(builder().renderer(|error, challenge, _request| {
        match error.kind() {
            ErrorKind::NoCredentials => Rendered::json(r#"{"msg":"Missing Authorization Header"}"#)
                .header("x-reason", error.code())
                .header("www-authenticate", "Basic realm=\"theirs\""),
            ErrorKind::InsufficientScope => {
                Rendered::text(format!("{} {}", challenge.status, error.scope().unwrap_or_default()))
            }
            _ => Rendered::empty(),
        }
    }));
    let missing = Answer::missing().with_header("x-reason", "no_credentials");
    let missing = missing.with_body("application/json", r#"{"msg":"Missing Authorization Header"}"#);
    assert_eq!(application.send(&Ask::get("/me")).await, missing);
    let answer = application.send(&Ask::get("/reports").bearer(&good().without("scope").sign())).await;
    let expected = Answer::forbidden("reports:read").with_body("text/plain; charset=utf-8", "403 reports:read");
    assert_eq!(answer, expected);
    let answer = application.send(&Ask::get("/me").bearer("a")).await;
    assert_eq!(answer, Answer::refused(ErrorKind::MalformedToken));
}

/// Writes the parts of the request that the renderer saw.
fn seen(request: &dyn RequestView) -> String {
    let id = request.header_value("x-request-id").unwrap_or("unknown");
    format!("{id}: {} {}", request.method(), request.original_target())
}

#[actix_web::test]
async fn a_renderer_sees_the_request_that_layers_requirements_and_extractors_reject() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let verifier = builder().renderer(move |_, _, request| {
        counter.fetch_add(1, Ordering::SeqCst);
        Rendered::text(seen(request)).header("x-request-id", "given")
    });
    let application = behind(verifier).directory(&Directory::default()).requiring(authorize::scopes(["audit"]));
    let token = good().sign();
    for (target, token, expected) in [
        ("/me", None, Answer::missing()),
        ("/me", Some("a"), Answer::refused(ErrorKind::MalformedToken)),
        ("/optional-me", None, Answer::missing()),
        ("/optional-policy", None, Answer::missing_for("reports:read")),
        ("/optional-principal?page=2", Some("a"), Answer::refused(ErrorKind::MalformedToken)),
        ("/number", Some(&*token), Answer::refused(ErrorKind::ClaimsMismatch)),
        ("/shared-number", Some(&token), Answer::refused(ErrorKind::ClaimsMismatch)),
        ("/reports", Some(&good().without("scope").sign()), Answer::forbidden("reports:read")),
        ("/scoped/allowed", Some(&token), Answer::forbidden("audit")),
        ("/policy?page=2", Some(&good().without("scope").sign()), Answer::forbidden("reports:read")),
        (
            "/policy-later",
            Some(&good().claim("sub", "other").sign()),
            Answer::not_allowed(ErrorKind::RequirementNotMet),
        ),
        (
            "/optional-authorized-later",
            Some(&good().claim("sub", "other").sign()),
            Answer::not_allowed(ErrorKind::RequirementNotMet),
        ),
    ] {
        let before = calls.load(Ordering::SeqCst);
        let ask = Ask::get(target).header("x-request-id", "r-7");
        let ask = if let Some(token) = token { ask.bearer(token) } else { ask };
        let expected = expected.with_header("x-request-id", "given");
        let expected = expected.with_body("text/plain; charset=utf-8", format!("r-7: GET {target}"));
        assert_eq!(application.send(&ask).await, expected, "{target}");
        let adapters = Adapter::ALL.len();
        assert_eq!(calls.load(Ordering::SeqCst) - before, adapters, "{target} is rendered once by each adapter");
    }

    let before = calls.load(Ordering::SeqCst);
    assert_eq!(application.send(&Ask::get("/user").bearer(&token)).await, Answer::text("Ada"));
    assert_eq!(calls.load(Ordering::SeqCst), before, "nothing is rendered for a request that is let through");
}

#[actix_web::test]
async fn a_handler_rejects_without_the_request() {
    let application = behind(builder().renderer(|_, _, request| Rendered::text(seen(request))));
    let ask = Ask::post("/asks").header("x-request-id", "r-7").bearer(&good().without("scope").sign()).body("read");
    let expected = Answer::forbidden("reports:read").with_body("text/plain; charset=utf-8", "unknown:  ");
    assert_eq!(application.send(&ask).await, expected);
}

#[actix_web::test]
async fn a_repeated_or_unreadable_header_has_no_value() {
    let application = behind(builder().renderer(|_, _, request| Rendered::text(seen(request))));
    for ids in [&[&b"a"[..], b"b"][..], &[b"\xff"], &[]] {
        let ask = ids.iter().fold(Ask::get("/me"), |ask, id| ask.header("x-request-id", *id));
        let expected = Answer::missing().with_body("text/plain; charset=utf-8", "unknown: GET /me");
        assert_eq!(application.send(&ask).await, expected, "{ids:?}");
    }
}
