//! Requirements on roles and other claims.

use jwt_core::ErrorKind;
use jwt_core::authorize::{Requirement, all, any, any_role, any_scope, claim, named, not, roles, scopes};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::setup::{application, good};
use serde_json::{Value, json};

async fn allowed(requirement: impl Requirement + 'static, token: &Forge) -> Answer {
    application().requiring(requirement).send(&Ask::get("/allowed").bearer(&token.sign())).await
}

#[actix_web::test]
async fn roles_are_found_in_the_claims_of_well_known_providers() {
    for (path, name, value) in [
        ("/roles", "roles", json!(["admin"])),
        ("/role", "role", json!("admin")),
        ("/permissions", "permissions", json!(["x", "admin", 5])),
        ("/realm_access/roles", "realm_access", json!({"roles": ["user", "admin"]})),
        ("/resource_access/reports.api/roles", "resource_access", json!({"reports.api": {"roles": ["admin"]}})),
        ("/https:~1~1api.example~1roles", "https://api.example/roles", json!(["admin"])),
        ("/cognito:groups", "cognito:groups", json!(["admin"])),
        ("/tenants/0/role", "tenants", json!([{"role": "admin"}])),
    ] {
        let token = good().claim(name, value.clone());
        assert_eq!(allowed(roles(path, ["admin"]), &token).await, Answer::text("Ada"), "{path}");
        assert_eq!(allowed(any_role(path, ["root", "admin"]), &token).await, Answer::text("Ada"), "{path}");
        let refused: [Box<dyn Requirement>; 3] = [
            Box::new(roles(path, ["admin", "root"])),
            Box::new(any_role(path, ["root", "adm"])),
            Box::new(roles(path, ["admin "])),
        ];
        for requirement in refused {
            let answer = allowed(requirement, &token).await;
            assert_eq!(answer, Answer::not_allowed(ErrorKind::InsufficientRole), "{path}");
        }
        assert_eq!(
            allowed(roles(path, ["admin"]), &good()).await,
            Answer::not_allowed(ErrorKind::InsufficientRole),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn values_that_only_resemble_a_role_do_not_count() {
    for value in [
        json!("admin user"),
        json!("user,admin"),
        json!("notadmin"),
        json!("admin:read"),
        json!("ADMIN"),
        json!("admin\u{a0}"),
        json!("admin\u{0}"),
        json!(["admin user"]),
        json!([["admin"]]),
        json!([{"name": "admin"}]),
        json!({"admin": true}),
        json!({"roles": ["admin"]}),
        json!(5),
        json!(true),
        json!([]),
        json!(""),
        Value::Null,
    ] {
        let token = good().claim("roles", value.clone());
        let answer = allowed(roles("/roles", ["admin"]), &token).await;
        assert_eq!(answer, Answer::not_allowed(ErrorKind::InsufficientRole), "{value}");
    }
}

#[actix_web::test]
async fn duplicate_roles_in_one_object_make_the_token_malformed() {
    for payload in [
        r#"{"iss":"https://id.example","aud":"https://api.example","exp":1800000300,"roles":["a"],"roles":["admin"]}"#,
        r#"{"iss":"https://id.example","aud":"https://api.example","exp":1800000300,"x":{"roles":"a","r\u006fles":"admin"}}"#,
    ] {
        let application = application().requiring(any_role("/roles", ["admin"]));
        let answer = application.send(&Ask::get("/allowed").bearer(&good().sign_payload(payload))).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MalformedClaims));
    }
    let twice = good().claim("roles", json!(["admin", "admin"]));
    assert_eq!(allowed(roles("/roles", ["admin"]), &twice).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn with_any_one_scope_is_enough_and_all_are_named() {
    let requirement = || any_scope(["admin", "reports:write", "reports:read"]);
    assert_eq!(allowed(requirement(), &good()).await, Answer::text("Ada"));
    for scope in [
        json!("reports:reader"),
        json!("administrator notadmin admin:read"),
        json!("x\tadmin"),
        json!("x\u{a0}admin"),
        json!(["x admin"]),
        json!(5),
        json!(""),
        Value::Null,
    ] {
        for claim in ["scope", "scp"] {
            let token = good().without("scope").claim(claim, scope.clone());
            let answer = allowed(requirement(), &token).await;
            assert_eq!(answer, Answer::forbidden("admin reports:write reports:read"), "{claim} {scope}");
        }
    }
    for scope in [json!("  admin  x "), json!(["admin", 5])] {
        let token = good().claim("scope", scope.clone());
        assert_eq!(allowed(requirement(), &token).await, Answer::text("Ada"), "{scope}");
    }
}

#[actix_web::test]
async fn a_claim_is_compared_exactly() {
    let token = || good().claim("verified", true).claim("org", json!({"id": 7, "tags": ["a", "b"]}));
    let cases: [(Box<dyn Requirement>, bool); 13] = [
        (Box::new(claim("/verified").equals(true)), true),
        (Box::new(claim("/verified").equals("true")), false),
        (Box::new(claim("/org/id").equals(7)), true),
        (Box::new(claim("/org/id").equals("7")), false),
        (Box::new(claim("/org").equals(json!({"tags": ["a", "b"], "id": 7}))), true),
        (Box::new(claim("/org").equals(json!({"id": 7}))), false),
        (Box::new(claim("/org/tags").contains("b")), true),
        (Box::new(claim("/org/tags").contains("c")), false),
        (Box::new(claim("/name").contains("Ada")), true),
        (Box::new(claim("/name").contains("Ad")), false),
        (Box::new(claim("/org/id").is_present()), true),
        (Box::new(claim("/org/none").is_present()), false),
        (Box::new(claim("/org/id/deeper").is_present()), false),
    ];
    for (requirement, met) in cases {
        let expected = if met { Answer::text("Ada") } else { Answer::not_allowed(ErrorKind::RequirementNotMet) };
        let shown = format!("{requirement:?}");
        assert_eq!(allowed(requirement, &token()).await, expected, "{shown}");
    }
}

#[actix_web::test]
async fn an_invalid_path_lets_no_request_pass_however_it_is_combined() {
    let token = good().claim("roles", json!(["admin"]));
    let trees: Vec<Box<dyn Requirement>> = vec![
        Box::new(roles("roles", ["admin"])),
        Box::new(claim("/roles/~").is_present()),
        Box::new(not(roles("roles", ["admin"]))),
        Box::new(all((scopes(["profile"]), roles("roles", ["admin"])))),
        Box::new(any((roles("roles", ["admin"]), scopes(["admin"])))),
        Box::new(named("n", not(claim("").equals(1)))),
    ];
    for tree in trees {
        let shown = format!("{tree:?}");
        assert_eq!(allowed(tree, &token).await, Answer::fault(ErrorKind::Misconfigured), "{shown}");
    }
}

#[actix_web::test]
async fn combined_requirements_are_evaluated_as_written() {
    let tree = || {
        all((
            scopes(["reports:read"]),
            any((roles("/roles", ["auditor", "staff"]), claim("/owner").equals(true))),
            not(roles("/roles", ["suspended"])),
        ))
    };
    for (token, expected) in [
        (good().claim("roles", json!(["auditor", "staff"])), Answer::text("Ada")),
        (good().claim("owner", true), Answer::text("Ada")),
        (good().without("scope").claim("owner", true), Answer::forbidden("reports:read")),
        (good().claim("roles", json!(["auditor"])), Answer::not_allowed(ErrorKind::RequirementNotMet)),
        (
            good().claim("roles", json!(["suspended"])).claim("owner", true),
            Answer::not_allowed(ErrorKind::RequirementNotMet),
        ),
    ] {
        assert_eq!(allowed(tree(), &token).await, expected, "{:?}", token.claims);
    }
}
