//! A table of routes and their requirements: a route that isn't in it is refused.

use jwt_core::authorize::{Routes, check_async, scopes};
use jwt_core::{ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::log::Log;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{application, behind, good, key, keyless, trusting};

fn routes() -> Routes {
    Routes::new()
        .public("/health")
        .optional("/optional")
        .require("/user", ())
        .require("GET /reports/{id}", scopes(["reports:read"]))
        .require("PUT /reports/{id}", scopes(["reports:write"]))
        .require("/policy-later", ())
        .require("/scoped/allowed", scopes(["profile"]))
        .require("/admin", check_async("member", |_| async { Ok(false) }))
}

fn guarded() -> Application {
    application().guarded(routes().checked().expect("a table"))
}

#[actix_web::test]
async fn a_route_requires_what_its_table_says() {
    let token = good().sign();
    let empty = good().without("scope").sign();
    for (ask, expected) in [
        (Ask::get("/health"), Answer::text("everyone")),
        (Ask::get("/optional"), Answer::text("nobody")),
        (Ask::get("/optional").bearer(&token), Answer::text("Ada")),
        (Ask::get("/optional").bearer("a"), Answer::refused(ErrorKind::MalformedToken)),
        (Ask::get("/user"), Answer::missing()),
        (Ask::get("/user").bearer(&token), Answer::text("Ada")),
        (Ask::get("/user").bearer(&empty), Answer::text("Ada")),
        (Ask::get("/reports/1"), Answer::missing_for("reports:read")),
        (Ask::get("/reports/1").bearer(&token), Answer::text("Ada")),
        (Ask::get("/reports/1").bearer(&empty), Answer::forbidden("reports:read")),
        (Ask::new("PUT", "/reports/1").bearer(&token), Answer::forbidden("reports:write")),
        (Ask::get("/policy-later").bearer(&token), Answer::text("Ada")),
        (Ask::get("/scoped/allowed").bearer(&token), Answer::text("Ada")),
        (Ask::get("/scoped/allowed").bearer(&empty), Answer::forbidden("profile")),
        (Ask::get("/scoped/allowed"), Answer::missing_for("profile")),
        (Ask::get("/admin").bearer(&token), Answer::not_allowed(ErrorKind::RequirementNotMet)),
    ] {
        assert_eq!(guarded().send(&ask).await, expected, "{ask:?}");
    }
}

#[actix_web::test]
async fn bad_credentials_do_not_matter_on_public_routes() {
    for value in ["Bearer a", "Bearer", "Bearer a, Bearer b", "Basic eDp5"] {
        let ask = Ask::get("/health").header("authorization", value);
        assert_eq!(guarded().send(&ask).await, Answer::text("everyone"), "{value}");
    }
}

#[actix_web::test]
async fn a_handler_of_a_public_route_gets_no_user() {
    let application = application().guarded(Routes::new().public("/optional").public("/user"));
    for ask in [Ask::get("/optional"), Ask::get("/optional").bearer(&good().sign())] {
        assert_eq!(application.send(&ask).await, Answer::text("nobody"));
    }
    // A handler that requires a token refuses the request.
    assert_eq!(application.send(&Ask::get("/user").bearer(&good().sign())).await, Answer::missing());
}

#[actix_web::test]
async fn a_route_outside_of_the_table_is_refused_and_logged_once() {
    let token = good().sign();
    let application = application().guarded(Routes::new().require("PUT /reports/{id}", ()).public("/forgotten/"));
    let log = Log::start();
    for ask in [Ask::get("/forgotten"), Ask::get("/reports/1"), Ask::get("/no-such-route")] {
        assert_eq!(application.send(&ask).await, Answer::missing());
        assert_eq!(application.send(&ask.clone().bearer("a")).await, Answer::refused(ErrorKind::MalformedToken));
        let answer = application.send(&ask.bearer(&token)).await;
        assert_eq!(answer, Answer::not_allowed(ErrorKind::UndecidedRoute));
    }
    let told = |route: &str| log.text().matches(&format!("route={route}\n")).count();
    assert_eq!((told("/forgotten"), told("/reports/{id}"), told("/no-such-route")), (1, 1, 0), "{}", log.text());
}

#[actix_web::test]
async fn a_fallback_answers_404_to_users_who_meet_its_requirement() {
    let application = application().guarded(routes().fallback(scopes(["profile"])));
    let ask = || Ask::get("/no-such-route");
    assert_eq!(application.send(&ask()).await, Answer::missing_for("profile"));
    assert_eq!(application.send(&ask().bearer(&good().without("scope").sign())).await, Answer::forbidden("profile"));
    assert_eq!(application.send(&ask().bearer(&good().sign())).await.status, 404);
    let answer = application.send(&Ask::get("/forgotten").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::not_allowed(ErrorKind::UndecidedRoute));
}

#[actix_web::test]
async fn an_empty_table_lets_nothing_pass() {
    let application = application().guarded(Routes::new());
    for route in ["/health", "/user", "/optional", "/policy-later", "/scoped/allowed", "/public/a", "/"] {
        assert_eq!(application.send(&Ask::get(route)).await, Answer::missing(), "{route}");
        let answer = application.send(&Ask::get(route).bearer(&good().sign())).await;
        assert_eq!(answer, Answer::not_allowed(ErrorKind::UndecidedRoute), "{route}");
    }
}

#[actix_web::test]
async fn the_table_also_applies_after_keys_were_fetched() {
    let requirement = || {
        check_async("person", |verified| async move {
            match verified.registered().subject() {
                Some("user-1815") => Ok(true),
                Some("directory-down") => Err("down".into()),
                _ => Ok(false),
            }
        })
    };
    let remote = Remote::serving(&[&key()]);
    for (subject, expected) in [
        ("user-1815", Answer::text("Ada")),
        ("other", Answer::not_allowed(ErrorKind::RequirementNotMet)),
        ("directory-down", Answer::unavailable(ErrorKind::RuleUnavailable, 5)),
    ] {
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let fetched = behind(trusting(issuer).fetch(remote.fetch()));
        let at_hand = behind(trusting(keyless().key(key().verification_key())));
        for application in [fetched, at_hand] {
            let application = application.guarded(Routes::new().require("/user", requirement()));
            let ask = Ask::get("/user").bearer(&good().claim("sub", subject).sign());
            assert_eq!(application.send(&ask).await, expected, "{subject}");
            let ask = Ask::get("/user").bearer(&good().claim("exp", 1).sign());
            assert_eq!(application.send(&ask).await, Answer::refused(ErrorKind::Expired));
        }
    }
}
