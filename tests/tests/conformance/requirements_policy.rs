//! Requirements in a handler's signature.

use jwt_core::ErrorKind;
use jwt_core::authorize::{Policy, named};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, good};

#[actix_web::test]
async fn a_policy_is_checked_before_the_handler_runs() {
    for route in ["/policy", "/optional-policy", "/optional-authorized"] {
        for (token, expected) in [
            (good(), Answer::text("Ada")),
            (good().claim("scope", "profile"), Answer::forbidden("reports:read")),
            (good().claim("name", 5), Answer::refused(ErrorKind::ClaimsMismatch)),
            (good().claim("name", 5).without("scope"), Answer::forbidden("reports:read")),
            (good().claim("exp", 1), Answer::refused(ErrorKind::Expired)),
        ] {
            let answer = application().send(&Ask::get(route).bearer(&token.sign())).await;
            assert_eq!(answer, expected, "{route} {:?}", token.claims);
        }
    }
}

#[actix_web::test]
async fn an_async_policy_is_awaited() {
    for (token, expected) in [
        (good(), Answer::text("Ada")),
        (good().claim("sub", "other"), Answer::not_allowed(ErrorKind::RequirementNotMet)),
        (good().claim("sub", "directory-down"), Answer::unavailable(ErrorKind::RuleUnavailable, 5)),
        (good().claim("sub", "directory-down").without("scope"), Answer::forbidden("profile")),
        (good().claim("name", 5), Answer::refused(ErrorKind::ClaimsMismatch)),
    ] {
        for route in ["/policy-later", "/optional-authorized-later"] {
            let answer = application().send(&Ask::get(route).bearer(&token.sign())).await;
            assert_eq!(answer, expected, "{route} {:?}", token.claims);
        }
    }
}

#[actix_web::test]
async fn a_policy_first_requires_a_token_and_a_layer() {
    for route in ["/policy", "/policy-later"] {
        assert_eq!(application().send(&Ask::get(route)).await, Answer::missing(), "{route}");
    }
    assert_eq!(application().send(&Ask::get("/optional-policy")).await, Answer::missing_for("reports:read"));
    for route in ["/bare-policy", "/bare-optional-authorized"] {
        for ask in [Ask::get(route), Ask::get(route).bearer(&good().sign())] {
            assert_eq!(application().send(&ask).await, Answer::misuse(), "{route}");
        }
    }
}

#[actix_web::test]
async fn an_optional_policy_is_not_checked_for_anonymous_requests() {
    for route in ["/optional-authorized", "/optional-authorized-later"] {
        assert_eq!(application().send(&Ask::get(route)).await, Answer::text("nobody"), "{route}");
        let answer = application().send(&Ask::get(route).bearer("a")).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MalformedToken), "{route}");
    }
}

#[actix_web::test]
async fn a_handler_can_check_a_requirement_that_depends_on_the_request() {
    let poor = || good().without("scope");
    for (body, token, expected) in [
        ("read", good(), Answer::text("done")),
        ("read", poor(), Answer::forbidden("reports:read")),
        ("other", good(), Answer::text("done")),
        ("other", poor(), Answer::forbidden("profile")),
        ("other", good().claim("sub", "other"), Answer::not_allowed(ErrorKind::RequirementNotMet)),
        ("other", good().claim("sub", "directory-down"), Answer::unavailable(ErrorKind::RuleUnavailable, 5)),
    ] {
        let ask = Ask::post("/asks").bearer(&token.sign()).body(body);
        assert_eq!(application().send(&ask).await, expected, "{body} {:?}", token.claims);
    }
    assert_eq!(application().send(&Ask::post("/asks").body("read")).await, Answer::missing());
}

jwt_core::policy! {
    Auditors = jwt_core::authorize::roles("/roles", ["auditor"]);
}

#[actix_web::test]
async fn a_policy_is_a_requirement_for_routes_too() {
    let application = application().requiring(named("audit", Auditors::requirement()));
    let ask = |token: &str| Ask::get("/allowed").bearer(token);
    let answer = application.send(&ask(&good().claim("roles", "auditor").sign())).await;
    assert_eq!(answer, Answer::text("Ada"));
    let answer = application.send(&ask(&good().sign())).await;
    assert_eq!(answer, Answer::not_allowed(ErrorKind::InsufficientRole));
}
