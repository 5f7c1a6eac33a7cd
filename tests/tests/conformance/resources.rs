//! Several protected resources behind one verifier: the path decides which of them a token must be for. RFC 9728, RFC 8707.

use jwt_core::authorize::Routes;
use jwt_core::gate::ProtectedResource;
use jwt_core::verify::TokenCacheSettings;
use jwt_core::{ErrorKind, TrustedIssuer, VerifierBuilder};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::setup::{behind, good, key, trusting};

const USER: &str = "https://api.example/user";
const SCOPED: &str = "https://api.example/scoped";

fn two(issuer: TrustedIssuer) -> VerifierBuilder {
    trusting(issuer)
        .resource(ProtectedResource::new(USER).scopes(["profile"]))
        .resource(ProtectedResource::new(SCOPED).scopes(["reports:read"]))
}

fn undecided() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER).key(key().verification_key())
}

fn wrong_audience(answer: &Answer) -> bool {
    (answer.status, answer.code) == (401, Some(ErrorKind::WrongAudience.code()))
}

/// The challenge for a request to a resource.
fn challenge(error: &str, path: &str) -> String {
    format!(
        r#"Bearer realm="api"{error}, resource_metadata="https://api.example/.well-known/oauth-protected-resource{path}""#
    )
}

#[actix_web::test]
async fn a_token_is_accepted_only_at_its_own_resource() {
    for builder in [
        two(undecided()),
        two(undecided()).without_token_cache(),
        two(undecided()).token_cache(TokenCacheSettings::new().digests()),
    ] {
        let application = behind(builder);
        let of = |audience: &str| good().claim("aud", audience).sign();
        let both = good().claim("aud", vec![USER, SCOPED]).sign();
        let (user, scoped) = (of(USER), of(SCOPED));
        // Twice, so that the cache knows every token, and has seen it at the other resource.
        for _ in 0..2 {
            for (path, token, accepted) in [
                ("/user", &user, true),
                ("/scoped/allowed", &user, false),
                ("/scoped/allowed", &scoped, true),
                ("/user", &scoped, false),
                ("/user?x", &scoped, false),
                ("/user", &both, true),
                ("/scoped/allowed", &both, true),
                // Outside of every resource.
                ("/me", &user, false),
                ("/me", &both, false),
                ("/shared", &scoped, false),
            ] {
                let answer = application.send(&Ask::get(path).bearer(token)).await;
                assert!(answer.status == if accepted { 200 } else { 401 }, "{path} {answer:?}");
                assert!(accepted || wrong_audience(&answer), "{path} {answer:?}");
            }
        }
        for audience in [AUDIENCE, "https://api.example/user/", "https://api.example", ""] {
            assert!(wrong_audience(&application.send(&Ask::get("/user").bearer(&of(audience))).await), "{audience}");
        }
    }
}

#[actix_web::test]
async fn an_issuer_with_its_own_audience_is_accepted_at_every_path() {
    let application = behind(two(undecided().audience(AUDIENCE)));
    for path in ["/user", "/scoped/allowed", "/me"] {
        assert_eq!(application.send(&Ask::get(path).bearer(&good().sign())).await.status, 200, "{path}");
        let other = good().claim("aud", USER).sign();
        assert!(wrong_audience(&application.send(&Ask::get(path).bearer(&other)).await), "{path}");
    }
}

#[actix_web::test]
async fn a_challenge_names_the_metadata_of_the_requested_resource() {
    let application = behind(two(undecided())).requiring(jwt_core::authorize::scopes(["admin"]));
    let scoped = good().claim("aud", SCOPED).sign();
    for (ask, status, error, path) in [
        (Ask::get("/user"), 401, "", "/user"),
        (Ask::get("/scoped/allowed"), 401, "", "/scoped"),
        (Ask::get("/user").bearer(&scoped), 401, r#", error="invalid_token""#, "/user"),
        (Ask::get("/user").bearer("a").bearer("b"), 400, r#", error="invalid_request""#, "/user"),
        // A requirement further in, before and after the cache knows the token.
        (Ask::get("/scoped/allowed").bearer(&scoped), 403, r#", error="insufficient_scope", scope="admin""#, "/scoped"),
        (Ask::get("/scoped/allowed").bearer(&scoped), 403, r#", error="insufficient_scope", scope="admin""#, "/scoped"),
    ] {
        let answer = application.send(&ask).await;
        let expected = challenge(error, path);
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, Some(&*expected)), "{ask:?}");
    }
    // No resource, no link.
    assert_eq!(application.send(&Ask::get("/me")).await, Answer::missing());
}

#[actix_web::test]
async fn each_resource_publishes_its_own_metadata() {
    let guarded = behind(two(undecided())).guarded(Routes::new());
    for (path, resource, scope) in [("user", USER, "profile"), ("scoped", SCOPED, "reports:read")] {
        let expected = format!(
            r#"{{"resource":"{resource}","authorization_servers":["{ISSUER}"],"scopes_supported":["{scope}"],"bearer_methods_supported":["header"]}}"#
        );
        let answer = guarded.send(&Ask::get(format!("/.well-known/oauth-protected-resource/{path}"))).await;
        assert_eq!((answer.status, String::from_utf8_lossy(&answer.body).into_owned()), (200, expected));
    }
    for path in ["", "/", "/other", "/user/", "/user/x"] {
        let answer = guarded.send(&Ask::get(format!("/.well-known/oauth-protected-resource{path}"))).await;
        assert_eq!((answer.status, answer.body.len()), (401, 0), "{path}");
    }
}

#[actix_web::test]
async fn a_token_without_a_request_is_for_any_resource_unless_one_is_named() {
    let verifier = two(undecided()).build().expect("a verifier");
    let token = good().claim("aud", USER).sign();
    let at = |resource| verifier.for_resource(resource).expect("declared");
    for _ in 0..2 {
        assert!(verifier.verify(&token).await.is_ok() && at(USER).verify(&token).await.is_ok());
        let error = at(SCOPED).verify(&token).await.expect_err("another resource");
        assert_eq!(error.kind(), ErrorKind::WrongAudience);
        let detail = error.detail().expect("a detail");
        assert!(detail.contains("`https://api.example/scoped`") && !detail.contains(USER), "{detail}");
    }
    assert_eq!(verifier.token_cache_status().map(|cache| cache.entries), Some(1));
}
