//! The scopes in challenges: in the 401 of a request without a token, and with scopes that imply others.

use jwt_core::ErrorKind;
use jwt_core::authorize::{
    Requirement, Routes, all, any, any_scope, check, claim, named, not, of_issuer, roles, scopes,
};
use jwt_core::verify::Authenticator;
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::ISSUER;
use jwt_tests::setup::{application, behind, builder, good};

/// Requirements, and the scopes that a client without a token should request.
fn requirements() -> Vec<(Box<dyn Requirement>, Option<&'static str>)> {
    fn boxed(requirement: impl Requirement + 'static) -> Box<dyn Requirement> {
        Box::new(requirement)
    }
    vec![
        (boxed(scopes(["a"])), Some("a")),
        (boxed(scopes(["a", "b"])), Some("a b")),
        (boxed(scopes(["a", "b"]).naming_all()), Some("a b")),
        (boxed(any_scope(["a", "b"])), Some("a b")),
        (boxed(all((scopes(["a", "b"]), roles("/roles", ["r"]), scopes(["b", "c"])))), Some("a b c")),
        (boxed(any((scopes(["a"]), scopes(["b"])))), Some("a b")),
        (boxed(any((scopes(["a"]), roles("/roles", ["r"])))), None),
        (boxed(named("n", of_issuer(ISSUER, scopes(["a"])))), Some("a")),
        (boxed(not(scopes(["a"]))), None),
        (boxed(()), None),
        (boxed(roles("/roles", ["r"])), None),
        (boxed(claim("/a").is_present()), None),
        (boxed(check("n", |_| true)), None),
        (boxed(scopes::<&str>([])), None),
        (boxed(scopes(["a\"b"])), None),
        (boxed(scopes(["a\r\nset-cookie: b"])), None),
    ]
}

fn missing(scope: Option<&str>) -> Answer {
    scope.map_or_else(Answer::missing, Answer::missing_for)
}

async fn answers(application: &Application, route: &'static str, expected: &Answer) {
    for ask in [Ask::get(route), Ask::get(route).header("authorization", "Basic eDp5")] {
        assert_eq!(&application.send(&ask).await, expected, "{route} {ask:?}");
    }
}

#[actix_web::test]
async fn a_table_of_routes_names_the_scopes_of_the_route_in_a_401_without_a_token() {
    for (requirement, scope) in requirements() {
        let routes = Routes::new().require("/user", requirement).optional("/optional").public("/health");
        let application = application().guarded(routes);
        answers(&application, "/user", &missing(scope)).await;
        answers(&application, "/optional", &Answer::text("nobody")).await;
        answers(&application, "/health", &Answer::text("everyone")).await;
        answers(&application, "/forgotten", &Answer::missing()).await;
        // A refused token isn't a missing one.
        let refused = application.send(&Ask::get("/user").bearer("a.b.c")).await;
        assert_eq!(refused, Answer::refused(ErrorKind::MalformedToken));
    }
}

#[actix_web::test]
async fn a_layer_with_a_requirement_names_its_scopes_in_a_401_without_a_token() {
    for (requirement, scope) in requirements() {
        let application = application().requiring_everywhere(requirement);
        answers(&application, "/user", &missing(scope)).await;
        answers(&application, "/reports", &missing(scope)).await;
    }
    let application = application().requiring_everywhere(scopes(["reports:read"]));
    let send = |scope: &str| Ask::get("/user").bearer(&good().claim("scope", scope).sign());
    assert_eq!(application.send(&send("reports:read")).await, Answer::text("Ada"));
    assert_eq!(application.send(&send("other")).await, Answer::forbidden("reports:read"));
}

#[actix_web::test]
async fn a_requirement_inside_an_optional_layer_names_its_scopes() {
    for (requirement, scope) in requirements() {
        answers(&application().requiring(requirement), "/optional-allowed", &missing(scope)).await;
    }
    answers(&application(), "/optional-reports", &Answer::missing_for("reports:read")).await;
    // Inside a layer that requires tokens, the outer one has answered before.
    answers(&application(), "/reports", &Answer::missing()).await;
}

#[actix_web::test]
async fn the_requirement_of_a_layer_applies_beside_those_of_a_table() {
    let routes = Routes::new().require("/user", scopes(["b"])).optional("/optional").public("/health");
    let application = application().requiring_everywhere(scopes(["a"])).guarded(routes);
    answers(&application, "/user", &Answer::missing_for("a b")).await;
    answers(&application, "/optional", &Answer::text("nobody")).await;
    answers(&application, "/health", &Answer::text("everyone")).await;
    for (scope, expected) in
        [("a b", Answer::text("Ada")), ("a", Answer::forbidden("b")), ("b", Answer::forbidden("a"))]
    {
        let ask = Ask::get("/user").bearer(&good().claim("scope", scope).sign());
        assert_eq!(application.send(&ask).await, expected, "{scope}");
    }
}

#[test]
fn an_optional_authenticator_with_a_requirement_lets_no_guest_pass() {
    use jwt_core::gate::{Gate as _, RequestState};
    use jwt_core::testing::BareRequest;
    let verifier = builder().build().expect("a verifier");
    let authenticator = Authenticator::from(verifier).optional().require(scopes(["a"])).require(scopes(["b"]));
    let outcome = authenticator.enter(&BareRequest::new("GET", "/"), &RequestState::missing("JwtLayer"));
    let answer = outcome.ready().expect("no wait").expect_err("no guest");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.error.and_then(|error| error.scope().map(str::to_owned)).as_deref(), Some("a b"));
}

#[actix_web::test]
async fn a_scope_that_implies_another_is_enough_in_decisions_and_challenges() {
    let verifier = || builder().scope_implies("admin", ["write", "audit"]).scope_implies("write", ["read"]);
    for (scope, required, expected) in [
        ("admin", &["read"][..], Answer::text("Ada")),
        ("write", &["read"], Answer::text("Ada")),
        ("read", &["read"], Answer::text("Ada")),
        ("admin", &["write", "read", "audit"], Answer::text("Ada")),
        ("read", &["write"], Answer::forbidden("write")),
        ("audit", &["read"], Answer::forbidden("read")),
        ("write", &["read", "audit"], Answer::forbidden("audit")),
        ("administrator", &["read"], Answer::forbidden("read")),
        ("", &["admin"], Answer::forbidden("admin")),
    ] {
        let token = good().claim("scope", scope).sign();
        let required = required.iter().copied();
        let answer = behind(verifier()).scopes(required.clone()).send(&Ask::get("/reports").bearer(&token)).await;
        assert_eq!(answer, expected, "{scope}");
        let guarded = behind(verifier()).guarded(Routes::new().require("/user", scopes(required)));
        assert_eq!(guarded.send(&Ask::get("/user").bearer(&token)).await, expected, "{scope}");
    }
    let any = behind(verifier()).requiring(any_scope(["read", "other"]));
    let token = good().claim("scope", "admin").sign();
    assert_eq!(any.send(&Ask::get("/allowed").bearer(&token)).await, Answer::text("Ada"));
    // Without a table of implications, a name is only a name.
    let plain = application().scopes(["read"]).send(&Ask::get("/reports").bearer(&token)).await;
    assert_eq!(plain, Answer::forbidden("read"));
    let verified = verifier().build().expect("a verifier").verify(&token).await.expect("a token");
    assert!(verified.has_scope("read") && verified.has_scope("admin") && !verified.has_scope("other"));
    assert!(!verified.registered().scopes().contains("read"));
}
