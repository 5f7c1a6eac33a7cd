//! The documented table of requirements, compared with the responses of both adapters.

use std::fmt::Write as _;
use std::time::Duration;

use jwt_core::authorize::{
    Requirement, acr, acted_by, all, any, any_role, any_scope, authorization_detail, check, check_async, claim, fresh,
    max_auth_age, named, no_delegation, not, of_issuer, roles, scopes,
};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{application, good};
use serde_json::json;

/// Each requirement as it's written in Rust, and its value.
macro_rules! written {
    ($($requirement:expr),+ $(,)?) => {
        [$((stringify!($requirement), Box::new($requirement) as Box<dyn Requirement>)),+]
    };
}

#[actix_web::test]
async fn the_documented_table_of_requirements_is_correct() {
    let requirements = written![
        scopes(["a", "b"]),
        any_scope(["a", "b"]),
        roles("/roles", ["a", "b"]),
        any_role("/roles", ["a", "b"]),
        claim("/a").is_present(),
        claim("/a").equals(true),
        claim("/a").contains("b"),
        acr(["a", "b"]),
        max_auth_age(Duration::from_secs(300)),
        acr(["a"]).max_auth_age(Duration::from_secs(300)),
        fresh(),
        check("name", |_| false),
        check_async("name", |_| async { Ok(false) }),
        check_async("name", |_| async { Err("down".into()) }),
        all((scopes(["a"]), roles("/roles", ["b"]))),
        any((scopes(["a"]), scopes(["b"]))),
        any((scopes(["a"]), roles("/roles", ["b"]))),
        not(scopes(["profile"])),
        named("name", scopes(["a"])),
        of_issuer("https://other.example", scopes(["a"])),
        roles("no path", ["a"]),
        scopes::<&str>([]),
        roles("/roles", ["a"]).as_members(),
        roles("/roles", ["a"]).separated_by(','),
        acted_by(["desk"]),
        no_delegation(),
        authorization_detail("payment", |_| true),
    ];
    // Another service acts for the user.
    let token = good().claim("act", json!({"sub": "other"})).sign();
    let mut table = "| requirement | status | challenge | code |\n| --- | --- | --- | --- |\n".to_owned();
    for (written, requirement) in requirements {
        let application = application().requiring(requirement);
        let answer = application.send(&Ask::get("/allowed").bearer(&token)).await;
        for route in ["/scoped/allowed", "/optional-allowed"] {
            let other = application.send(&Ask::get(route).bearer(&token)).await;
            assert_eq!(other, answer, "{written} on {route}");
        }
        let challenge = answer.header("www-authenticate").map_or_else(|| "–".to_owned(), |value| format!("`{value}`"));
        // A `|` would end the cell.
        let written = written.replace('|', "\\|");
        let _ = writeln!(table, "| `{written}` | {} | {challenge} | `{}` |", answer.status, answer.code.unwrap_or("–"));
    }
    let documented = include_str!("../../../jwt-core/doc/requirements.md");
    assert!(documented.contains(&table), "doc/requirements.md should hold:\n{table}");
}

/// The same requirements with tokens that meet them, so that none of them refuses too much.
#[actix_web::test]
async fn each_requirement_accepts_a_token_that_meets_it() {
    let forge = good().claim("scope", "a b").claim("roles", vec!["a", "b"]).claim("a", true).claim("acr", "a");
    let forge = forge.claim("map", json!({"a": {"1": "x"}})).claim("list", "a, b").claim("act", json!({"sub": "desk"}));
    let forge = forge.claim("authorization_details", json!([{"type": "payment", "amount": 5}]));
    let token = forge.claim("auth_time", NOW).claim("fresh", true).sign();
    let undelegated = application().requiring(no_delegation());
    assert_eq!(undelegated.send(&Ask::get("/allowed").bearer(&good().sign())).await, Answer::text("Ada"));
    for (written, requirement) in written![
        scopes(["a", "b"]),
        any_scope(["x", "b"]),
        roles("/roles", ["a", "b"]),
        any_role("/roles", ["x", "b"]),
        claim("/a").is_present(),
        claim("/a").equals(true),
        claim("/roles").contains("b"),
        acr(["a", "b"]),
        max_auth_age(Duration::from_secs(300)),
        acr(["a"]).max_auth_age(Duration::from_secs(300)),
        fresh(),
        check("name", |_| true),
        check_async("name", |_| async { Ok(true) }),
        all((scopes(["a"]), roles("/roles", ["b"]))),
        any((scopes(["x"]), roles("/roles", ["b"]))),
        not(scopes(["profile"])),
        named("name", scopes(["a"])),
        of_issuer("https://id.example", scopes(["a"])),
        roles("/map", ["a"]).as_members(),
        roles("/list", ["a", "b"]).separated_by(','),
        acted_by(["desk"]),
        not(no_delegation()),
        authorization_detail("payment", |_| true),
        authorization_detail("payment", |detail| detail.get("amount") == Some(&json!(5))),
    ] {
        let application = application().requiring(requirement);
        for route in ["/allowed", "/scoped/allowed", "/optional-allowed"] {
            let answer = application.send(&Ask::get(route).bearer(&token)).await;
            assert_eq!(answer, Answer::text("Ada"), "{written} on {route}");
        }
    }
}

/// An anonymous request gets 401 rather than 403, and without a layer it's an error of the program.
#[actix_web::test]
async fn every_requirement_first_requires_a_token_and_a_layer() {
    for (written, requirement) in written![
        (),
        scopes(["a"]),
        roles("/roles", ["a"]),
        roles("no path", ["a"]),
        not(roles("/roles", ["a"])),
        acr(["a"]),
        check("name", |_| true),
        check_async("name", |_| async { Ok(true) }),
        check_async("name", |_| async { Err("down".into()) }),
        all(Vec::<()>::new()),
        any((scopes(["a"]), check_async("name", |_| async { Ok(true) }))),
    ] {
        let scope = requirement.scope();
        let application = application().requiring(requirement);
        for route in ["/allowed", "/scoped/allowed"] {
            let answer = application.send(&Ask::get(route)).await;
            assert_eq!(answer, Answer::missing(), "{written} on {route}");
        }
        // Inside an optional layer, the requirement itself answers.
        let answer = application.send(&Ask::get("/optional-allowed")).await;
        let expected = scope.as_deref().map_or_else(Answer::missing, Answer::missing_for);
        assert_eq!(answer, expected, "{written}");
        for ask in [Ask::get("/bare-allowed"), Ask::get("/bare-allowed").bearer(&good().sign())] {
            assert_eq!(application.send(&ask).await, Answer::misuse(), "{written}");
        }
    }
}
