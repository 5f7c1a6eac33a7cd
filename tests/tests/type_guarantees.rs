//! The types' guarantees: `Send`, `Sync`, `Clone`, and `Debug` output without secrets.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jwt_core::authorize::{
    RequiredLogin, RequiredScopes, Requirement, Routes, all, any, check, check_async, claim, fresh, named, not,
    of_issuer, roles, scopes,
};
use jwt_core::claims::{ClaimPath, RegisteredClaims};
use jwt_core::crypto::{Backend, PreparedKey, SigningKey};
use jwt_core::gate::{Admission, Answer, Gate as _, RequestState};
use jwt_core::gate::{ProtectedResource, ResourceMetadata};
use jwt_core::http::RequestView;
use jwt_core::http::{Challenge, Rejection, Rendered, problem_json};
use jwt_core::http::{TokenSource, TokenSources};
use jwt_core::keys::{
    Fetch, FetchError, Fetched, HttpFetch, Key, KeyError, KeySet, KeySource, KeyTable, Lookup, Wanted, fetch_fn,
};
use jwt_core::observe::Observer;
use jwt_core::testing::BareRequest;
use jwt_core::testing::ManualClock;
use jwt_core::verify::{Authenticator, IssuerResolver};
use jwt_core::{
    Algorithm, BuildError, Error, ErrorKind, Pending, Step, TrustedIssuer, Verified, Verifier, VerifierBuilder,
};
use jwt_core::{Clock, SystemClock};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW, encode};
use jwt_tests::issuing::Shop;
use jwt_tower::{Gated, JwtLayer, RequireLayer, ResponseFuture};
use serde_json::json;

fn shared<T: Send + Sync + Clone + Unpin + 'static>() {}
fn shared_value<T: Send + Sync + Clone + Unpin + 'static>(_: &T) {}
fn sent<T: Send + Unpin + 'static>() {}
fn error<T: std::error::Error + Send + Sync + Clone + 'static>() {}
fn seam<T: ?Sized + Send + Sync>() {}

#[test]
fn shared_types_are_send_sync_and_clone() {
    shared::<Verifier>();
    shared::<Authenticator>();
    shared::<TrustedIssuer>();
    shared::<TokenSources>();
    shared::<Key>();
    shared::<KeySet>();
    shared::<KeyTable>();
    shared::<HttpFetch>();
    shared::<Fetched>();
    shared::<SigningKey>();
    shared::<Backend>();
    shared::<Algorithm>();
    shared::<Verified>();
    shared::<RequestState>();
    shared::<Answer>();
    shared::<Challenge>();
    shared::<Rejection>();
    shared_value(&problem_json());
    shared::<ProtectedResource>();
    shared::<ResourceMetadata>();
    shared::<Arc<Routes>>();
    shared::<Rendered>();
    shared::<RegisteredClaims<'static>>();
    shared::<RequiredScopes>();
    shared::<RequiredLogin>();
    shared_value(&roles("/roles", ["a"]));
    shared_value(&claim("/a").is_present());
    shared_value(&fresh());
    shared_value(&check("a", |_| true));
    shared_value(&check_async("a", |_| async { Ok(true) }));
    shared_value(&named(&*String::from("a"), not(scopes(["a"]))));
    shared_value(&of_issuer(&*String::from("a"), scopes(["a"])));
    shared_value(&all((scopes(["a"]), ())));
    shared_value(&any((scopes(["a"]), ())));
    shared::<ClaimPath>();
    shared::<ManualClock>();
    shared::<SystemClock>();
    shared::<BareRequest>();
    shared::<Arc<PreparedKey>>();
}

#[test]
fn values_that_are_used_up_are_send() {
    sent::<VerifierBuilder>();
    sent::<IssuerResolver>();
    sent::<Step<Result<Verified, Error>>>();
    sent::<Pending<Result<Verified, Error>>>();
    sent::<Admission>();
    sent::<Lookup>();
}

#[test]
fn errors_implement_error_and_are_send_and_sync() {
    error::<Error>();
    error::<BuildError>();
    error::<KeyError>();
    sent::<FetchError>();
    sent::<jwt_tower::Rejection>();
}

#[test]
fn the_errors_that_a_handler_meets_become_its_response_with_a_question_mark() {
    fn from<E>()
    where
        jwt_tower::Rejection: From<E>,
        jwt_actix::Rejection: From<E>,
    {
    }
    // Of a login or a refresh; of issuing a token or setting a cookie; of a requirement.
    from::<Error>();
    from::<BuildError>();
    from::<Rejection>();
}

#[tokio::test]
async fn a_claim_may_be_anything_that_serde_can_write() {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Role {
        Admin,
    }
    let Shop { tokens, verifier, .. } = Shop::usual();
    let token = tokens.access("ada").claim("roles", vec![Role::Admin]).claim("age", 36).claim("plan", None::<&str>);
    let token = token.claim("nested", json!({"a": [1]})).issue().expect("a token");
    let claims: serde_json::Value =
        verifier.verify(&token.token).await.and_then(|token| token.claims()).expect("a good token");
    assert_eq!(claims["roles"], json!(["admin"]));
    assert_eq!((&claims["age"], &claims["plan"], &claims["nested"]), (&json!(36), &json!(null), &json!({"a": [1]})));
    let keyed_by_bytes = std::collections::BTreeMap::from([(vec![1_u8], 1)]);
    let error = tokens.access("ada").claim("map", keyed_by_bytes).issue().expect_err("no JSON");
    assert_eq!(error.setting(), "claims");
}

#[test]
fn traits_for_applications_can_be_shared_as_trait_objects() {
    seam::<dyn Clock>();
    seam::<dyn Fetch>();
    seam::<dyn KeySource>();
    seam::<dyn Observer>();
    seam::<dyn Requirement>();
    seam::<dyn TokenSource>();
    fn object(_: &dyn RequestView) {}
    object(&BareRequest::new("GET", "/"));
}

/// A service whose type a test can name, with futures that are `Send`.
type Inner = axum::routing::Route;

jwt_core::policy! {
    Everybody = ();
}

#[test]
fn the_tower_services_are_send_sync_and_clone_if_the_inner_service_is() {
    shared::<JwtLayer>();
    shared::<Gated<axum::Router, Authenticator>>();
    shared::<RequireLayer<RequiredScopes>>();
    shared::<Gated<axum::Router, RequiredScopes>>();
    shared::<jwt_tower::Claims<String>>();
    shared::<jwt_tower::OptionalClaims<String>>();
    shared::<jwt_tower::Authorized<String, Everybody>>();
    shared::<jwt_tower::Verified>();
    fn future<T: Send>() {}
    future::<ResponseFuture<Inner, axum::body::Body>>();
}

#[test]
fn the_actix_middleware_can_be_moved_into_the_factory_of_the_workers() {
    shared::<jwt_actix::JwtMiddleware>();
    shared::<jwt_actix::RequireMiddleware<RequiredScopes>>();
    shared::<jwt_actix::Claims<String>>();
    shared::<jwt_actix::OptionalClaims<String>>();
    shared::<jwt_actix::Authorized<String, Everybody>>();
    shared::<jwt_actix::Verified>();
}

/// Parts of secrets, tokens and claims that must not be visible, in every spelling that `Debug` may use.
struct Secrets(Vec<String>);

impl Secrets {
    fn assert_absent(&self, what: &dyn Debug) {
        for text in [format!("{what:?}"), format!("{what:#?}")] {
            for secret in &self.0 {
                assert!(!text.contains(secret), "`{secret}` is seen in {text}");
            }
        }
    }
}

#[tokio::test]
async fn debug_shows_no_secret_token_or_claim() {
    let secret = *b"hunter2-hunter2-hunter2-hunter2!";
    let key = SigningKey::from_secret(Algorithm::HS256, secret).expect("a key").with_kid("kid-of-key");
    let token = Forge::new(&key).claim("scope", "scope-of-token").sign();
    let segments: Vec<String> = token.split('.').map(str::to_owned).collect();
    let decimal = secret.map(|byte| byte.to_string()).join(", ");
    let words = ["hunter2", "user-1815", "Ada", "scope-of-token", "reports-service", "kid-of-key"];
    let secrets = words.into_iter().map(str::to_owned).chain([encode(secret), decimal[..20].to_owned()]);
    let secrets = Secrets(secrets.chain(segments).collect());

    let jwk = json!({"kty": "oct", "k": encode(secret), "alg": "HS256", "kid": "kid-of-key"}).to_string();
    let set = KeySet::from_symmetric_jwks(&format!("{{\"keys\":[{jwk}]}}")).expect("a set");
    let public = KeySet::from_jwks(&format!("{{\"keys\":[{jwk}]}}")).expect("a set without keys");
    let fixed = key.verification_key();
    let trusted = || TrustedIssuer::new(ISSUER).audience(AUDIENCE).key(key.verification_key());
    let builder = || Verifier::builder().issuer(trusted()).clock(ManualClock::at(NOW)).leeway(Duration::ZERO);
    let verifier = builder().build().expect("a verifier");
    let verified = verifier.verify(&token).await.expect("a good token");
    let table = KeyTable::prepare(Backend::aws_lc_rs(), [&fixed], &[Algorithm::HS256]);
    let lookup = table.find_key(&Wanted::new(Some("kid-of-key"), Algorithm::HS256));
    let Lookup::Ready(prepared) = &lookup else { panic!("a key") };
    let request = BareRequest::new("GET", format!("/?access_token={token}"))
        .header("authorization", format!("Bearer {token}"))
        .header("cookie", format!("session={token}"));
    let authenticator = Authenticator::from(verifier.clone());
    let refusal = verified.refuse(ErrorKind::ClaimsMismatch.into());
    let fetch = fetch_fn(|_| async { Ok(Fetched::new("{}")) });
    let registered = verified.registered();
    let admitted = authenticator.enter(&request, &RequestState::missing("JwtLayer"));
    assert!(matches!(admitted, Step::Ready(Ok(_))), "{admitted:?}");
    let started = verifier.verify_step(&token, None);
    let shown: [&dyn Debug; 28] = [
        &key,
        &fixed,
        &set,
        &Key::from_symmetric_jwk(&jwk).expect("a key"),
        &Key::from_jwk(&jwk).expect_err("a secret"),
        &public,
        &table,
        &lookup,
        prepared,
        &Wanted::new(Some("kid-of-key"), Algorithm::HS256),
        &trusted(),
        &builder(),
        &verifier,
        &authenticator,
        &JwtLayer::new(verifier.clone()),
        &jwt_actix::JwtMiddleware::new(verifier.clone()),
        &RequireLayer::new(scopes(["reports:read"])),
        &RequireLayer::new(claim("/sub").equals("user-1815")),
        &verified,
        &registered,
        &registered.scopes(),
        &registered.audience(),
        &request,
        &admitted,
        &started,
        &refusal,
        &fetch,
        &jwt_tower::Verified(verified.clone()),
    ];
    for what in shown {
        secrets.assert_absent(what);
    }
}

#[test]
fn errors_about_a_bad_key_contain_nothing_of_it() {
    let secret = "hunter2-hunter2";
    let errors = [
        Key::from_secret(Algorithm::HS256, secret).expect_err("too short"),
        Key::from_pem(Algorithm::RS256, secret).expect_err("no PEM"),
        Key::from_der(Algorithm::RS256, secret.as_bytes()).expect_err("no DER"),
        Key::from_jwk(secret).expect_err("no JWK"),
        Key::from_jwk(&format!(r#"{{"kty":"{secret}","k":"{secret}","kid":"{secret}"}}"#)).expect_err("no JWK"),
        KeySet::from_jwks(secret).expect_err("no set"),
        SigningKey::from_pem(Algorithm::RS256, secret).expect_err("no PEM"),
    ];
    for error in errors {
        let text = format!("{error} {error:?} {}", error.code());
        assert!(!text.contains("hunter2"), "{text}");
    }
}
