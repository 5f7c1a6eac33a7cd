//! The metadata of a protected resource, and the challenges that point to it (RFC 9728).

use jwt_core::authorize::Routes;
use jwt_core::gate::ProtectedResource;
use jwt_core::http::TokenSources;
use jwt_core::{ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::setup::{behind, builder, good, key, trusting};

const PATH: &str = "/.well-known/oauth-protected-resource/reports";
const URL: &str = "https://api.example/.well-known/oauth-protected-resource/reports";
const RESOURCE: &str = "https://api.example/reports";

fn resource() -> ProtectedResource {
    ProtectedResource::new(RESOURCE).scopes(["reports:read"]).name("Reports")
}

fn application() -> Application {
    behind(builder().resource(resource()))
}

fn empty(status: u16) -> Answer {
    Answer::new(status, [], Vec::new(), None).with_header("access-control-allow-origin", "*")
}

#[actix_web::test]
async fn the_metadata_is_public_in_every_application() {
    let body = r#"{"resource":"https://api.example/reports","authorization_servers":["https://id.example"],"scopes_supported":["reports:read"],"bearer_methods_supported":["header"],"resource_name":"Reports"}"#;
    let published = Answer::new(200, [], Vec::new(), None)
        .with_body("application/json", body)
        .with_header("access-control-allow-origin", "*")
        .with_header("cache-control", "public, max-age=3600");
    let preflight = empty(204)
        .with_header("access-control-allow-headers", "*")
        .with_header("access-control-allow-methods", "GET")
        .with_header("allow", "GET, HEAD, OPTIONS");
    let guarded = application().guarded(Routes::new());
    for ask in [
        Ask::get(PATH),
        Ask::get(format!("{PATH}?a=b")),
        Ask::get(PATH).bearer(&good().sign()),
        Ask::get(PATH).bearer("a").bearer("b"),
    ] {
        assert_eq!(guarded.send(&ask).await, published, "{ask:?}");
    }
    let ask = Ask::new("OPTIONS", PATH).header("origin", "https://app.example");
    assert_eq!(guarded.send(&ask.header("access-control-request-method", "GET")).await, preflight);
    assert_eq!(guarded.send(&Ask::post(PATH)).await, empty(405).with_header("allow", "GET, HEAD, OPTIONS"));
}

#[actix_web::test]
async fn the_metadata_is_the_same_if_the_application_mounts_it_itself() {
    let (guarded, application) = (application().guarded(Routes::new()), application());
    for method in ["GET", "OPTIONS"] {
        let by_layer = guarded.send(&Ask::new(method, PATH)).await;
        assert!(by_layer.status < 300, "{by_layer:?}");
        for ask in [Ask::new(method, "/metadata"), Ask::new(method, "/metadata").bearer("a")] {
            assert_eq!(application.send(&ask).await, by_layer);
        }
    }
    let answer = application.send(&Ask::post("/metadata")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(behind(builder()).send(&Ask::get("/metadata")).await.status, 404);
}

#[actix_web::test]
async fn no_other_path_is_public() {
    let guarded = application().guarded(Routes::new());
    for path in [
        format!("{PATH}/"),
        format!("/{PATH}"),
        format!("{PATH}/x"),
        format!("{PATH};x"),
        PATH.to_uppercase(),
        PATH.replace("reports", "report%73"),
        "/.well-known/oauth-protected-resource".to_owned(),
        "/reports".to_owned(),
    ] {
        let answer = guarded.send(&Ask::get(&path)).await;
        assert_eq!((answer.status, answer.body.len()), (401, 0), "{path}");
    }
    let without = behind(builder()).guarded(Routes::new());
    assert_eq!(without.send(&Ask::get(PATH)).await, Answer::missing());
}

#[actix_web::test]
async fn every_challenge_points_to_the_metadata() {
    let token = good().sign();
    let poor = good().without("scope").sign();
    let application = application();
    for (ask, status, challenge) in [
        (Ask::get("/me"), 401, ""),
        (Ask::get("/optional-me"), 401, ""),
        (Ask::get("/me").bearer("a").bearer("b"), 400, r#", error="invalid_request""#),
        (Ask::get("/me").bearer("a"), 401, r#", error="invalid_token""#),
        (Ask::get("/number").bearer(&token), 401, r#", error="invalid_token""#),
        (Ask::get("/reports").bearer(&poor), 403, r#", error="insufficient_scope", scope="reports:read""#),
        (Ask::get("/policy").bearer(&poor), 403, r#", error="insufficient_scope", scope="reports:read""#),
    ] {
        let answer = application.send(&ask).await;
        let expected = format!(r#"Bearer realm="api"{challenge}, resource_metadata="{URL}""#);
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, Some(&*expected)), "{ask:?}");
    }
    // Without a layer, the resource is unknown.
    assert_eq!(application.send(&Ask::get("/bare")).await, Answer::misuse());
}

#[actix_web::test]
async fn the_resource_is_the_audience_unless_another_is_set() {
    let issuer = || TrustedIssuer::new(ISSUER).key(key().verification_key());
    let user = |audience: &str| Ask::get("/user").bearer(&good().claim("aud", audience).sign());
    let undecided = behind(trusting(issuer()).resource(resource()));
    assert_eq!(undecided.send(&user(RESOURCE)).await, Answer::text("Ada"));
    let decided = behind(trusting(issuer().audience(AUDIENCE)).resource(resource()));
    assert_eq!(decided.send(&user(AUDIENCE)).await, Answer::text("Ada"));
    for (application, audience) in [
        (&undecided, AUDIENCE),
        (&undecided, "https://api.example/reports/"),
        (&undecided, "https://api.example/Reports"),
        (&undecided, "https://api.example"),
        (&undecided, ""),
        (&decided, RESOURCE),
    ] {
        let answer = application.send(&user(audience)).await;
        assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::WrongAudience.code())), "{audience}");
    }
}

#[actix_web::test]
async fn the_metadata_lists_the_token_sources() {
    for (sources, expected) in [
        (TokenSources::new(), r#","bearer_methods_supported":["header"]"#),
        (
            TokenSources::new().query("access_token").cookie("session"),
            r#","bearer_methods_supported":["header","query"]"#,
        ),
        (TokenSources::new().query("token"), r#","bearer_methods_supported":["header"]"#),
        (TokenSources::none().cookie("session"), ""),
    ] {
        let verifier = builder().sources(sources).resource(ProtectedResource::new(RESOURCE)).build();
        let verifier = verifier.expect("a verifier");
        let metadata = verifier.resource_metadata().expect("a resource");
        let expected = format!(r#"{{"resource":"{RESOURCE}","authorization_servers":["{ISSUER}"]{expected}}}"#);
        assert_eq!((metadata.json(), metadata.url()), (&*expected, URL));
    }
}
