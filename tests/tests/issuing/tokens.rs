//! The claims of issued access tokens, and the claims that an application cannot set.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::BuildErrorKind;
use jwt_core::issue::{AccessToken, KeyRing, TokenIssuer};
use jwt_core::{Error, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::issuing::Shop;
use jwt_tests::log::Log;
use jwt_tests::setup::{KID, key};
use serde_json::{Value, json};

fn part(token: &str, index: usize) -> Value {
    let segment = token.split('.').nth(index).expect("a segment");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).expect("base64url")).expect("JSON")
}

/// All claims except `jti`, which is checked here.
fn claims(token: AccessToken) -> Value {
    let issued = token.issue().expect("a token");
    let mut claims = part(&issued.token, 1);
    assert_eq!(claims["jti"], issued.jwt_id.as_str());
    assert_eq!(claims["exp"], issued.expires_at.seconds());
    claims.as_object_mut().expect("an object").remove("jti");
    claims
}

fn fault(token: AccessToken) -> Option<(BuildErrorKind, String)> {
    token.issue().err().map(|error| (error.kind(), error.setting().to_owned()))
}

#[test]
fn an_access_token_has_the_claims_of_rfc_7519_and_a_use() {
    let shop = Shop::usual();
    let issued = shop.tokens.access("joe").issue().expect("a token");
    assert_eq!(part(&issued.token, 0), json!({"alg": "ES256", "typ": "JWT", "kid": KID}));
    let expected = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "joe", "iat": NOW, "exp": NOW + 900, "token_use": "access",
    });
    assert_eq!(claims(shop.tokens.access("joe")), expected);
    assert_eq!((issued.lifetime.as_secs(), &issued.csrf), (900, &None));
    assert_eq!(URL_SAFE_NO_PAD.decode(&issued.jwt_id).expect("base64url").len(), 16);
    assert_ne!(shop.tokens.access("joe").issue().expect("a token").jwt_id, issued.jwt_id);
    assert_eq!(issued.len(), issued.token.len());
}

#[test]
fn each_method_changes_one_thing() {
    let shop = Shop::usual();
    let plain = claims(shop.tokens.access("joe"));
    let access = || shop.tokens.access("joe");
    #[derive(serde::Serialize)]
    struct Extra {
        plan: &'static str,
        roles: [&'static str; 2],
    }
    for (token, name, value) in [
        (access().scope(["a", "b"]), "scope", json!("a b")),
        (access().scope(["a"]).scope(["c"]), "scope", json!("c")),
        (access().claim("plan", 1), "plan", json!(1)),
        (access().audience("x"), "aud", json!("x")),
        (access().audience("x").audience("y"), "aud", json!(["x", "y"])),
        (access().lifetime(Duration::from_secs(60)), "exp", json!(NOW + 60)),
        (access().valid_after(Duration::from_secs(60)), "nbf", json!(NOW + 60)),
        (access().client_id("app"), "client_id", json!("app")),
        (access().fresh(), "fresh", json!(true)),
        (access().fresh_for(Duration::from_secs(60)), "fresh", json!(NOW + 60)),
    ] {
        let mut expected = plain.clone();
        expected[name] = value;
        if name == "fresh" {
            expected["auth_time"] = NOW.into();
        }
        assert_eq!(claims(token), expected, "{name}");
    }
    let mut expected = plain.clone();
    expected["plan"] = "gold".into();
    expected["roles"] = json!(["a", "b"]);
    assert_eq!(claims(access().claims(&Extra { plan: "gold", roles: ["a", "b"] })), expected);
    assert_eq!(claims(access().scope(["a"]).scope::<&str>([])), plain);

    let with_csrf = access().csrf().issue().expect("a token");
    let csrf = with_csrf.csrf.clone().expect("a value");
    assert_eq!(part(&with_csrf.token, 1)["csrf"], csrf.as_str());
    assert_eq!(URL_SAFE_NO_PAD.decode(&csrf).expect("base64url").len(), 16);
    assert_ne!(csrf, with_csrf.jwt_id);
    let with_header = access().header("x-region", "eu").issue().expect("a token");
    assert_eq!(part(&with_header.token, 0)["x-region"], "eu");
}

#[test]
fn claims_of_the_issuer_cannot_be_overridden() {
    let shop = Shop::usual();
    let access = || shop.tokens.access("joe");
    for name in [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "client_id",
        "scope",
        "scp",
        "sid",
        "token_use",
        "fresh",
        "csrf",
        "auth_time",
    ] {
        let expected = Some((BuildErrorKind::Reserved, name.to_owned()));
        assert_eq!(fault(access().claim(name, 1)), expected);
        assert_eq!(fault(access().claims(&json!({ name: 1, "other": 2 }))), expected);
    }
    for name in ["alg", "typ", "kid", "crit", "b64", "cty", "jwk", "jku", "x5u", "x5c", "x5t"] {
        let expected = Some((BuildErrorKind::Reserved, name.to_owned()));
        assert_eq!(fault(access().header(name, "x")), expected);
    }
}

#[test]
fn an_invalid_token_is_an_error_when_it_is_issued() {
    use BuildErrorKind::{Empty, IllegalCharacters, Invalid, OutOfRange, Reserved, TooLarge};
    let shop = Shop::usual();
    let access = || shop.tokens.access("joe");
    let mut deep = json!(1);
    for _ in 0..32 {
        deep = json!([deep]);
    }
    for (token, kind, about) in [
        (shop.tokens.access(""), Empty, "subject"),
        (access().audience(""), Empty, "audience"),
        (access().audience(format!("{ISSUER}#refresh")), Reserved, "audience"),
        (access().client_id(""), Empty, "client_id"),
        (access().scope(["a b"]), IllegalCharacters, "scope"),
        (access().scope([""]), IllegalCharacters, "scope"),
        (access().scope(["a\"b"]), IllegalCharacters, "scope"),
        (access().claims(&[1, 2]), Invalid, "claims"),
        (access().claims(&"text"), Invalid, "claims"),
        (access().claim("deep", deep), Invalid, "claims"),
        (access().lifetime(Duration::from_millis(999)), OutOfRange, "lifetime"),
        (access().lifetime(Duration::from_secs(30 * 86_400 + 1)), OutOfRange, "lifetime"),
        (access().valid_after(Duration::from_secs(900)), OutOfRange, "valid_after"),
        (access().claim("filler", "x".repeat(13_000)), TooLarge, "token"),
    ] {
        assert_eq!(fault(token), Some((kind, about.to_owned())), "{about}");
    }
    // The first of several errors.
    assert_eq!(fault(access().claim("sub", 1).scope([""])), Some((Reserved, "sub".to_owned())));
}

#[test]
fn each_wrong_setting_of_an_issuer_is_named() {
    use BuildErrorKind::{Empty, OutOfRange, Reserved, Undecided};
    let ring = KeyRing::new(key()).expect("a ring");
    let builder = |name: &str| TokenIssuer::builder(name, ring.clone());
    for (builder, expected) in [
        (builder(ISSUER).audience(AUDIENCE), None),
        (builder(ISSUER).audience(ISSUER), None),
        (builder(ISSUER), Some((Undecided, "audience"))),
        (builder("").audience(AUDIENCE), Some((Empty, "issuer"))),
        (builder(ISSUER).audience(""), Some((Empty, "audience"))),
        (builder(ISSUER).audience(AUDIENCE).client_id(""), Some((Empty, "client_id"))),
        (builder(ISSUER).audience(AUDIENCE).token_type(""), Some((Empty, "token_type"))),
        (builder(ISSUER).audience(AUDIENCE).token_type("refresh+jwt"), Some((Reserved, "token_type"))),
        (builder(ISSUER).audience(AUDIENCE).token_type("Application/Refresh+JWT"), Some((Reserved, "token_type"))),
        (builder("a").audience("a#refresh"), Some((Reserved, "audience"))),
        (builder(ISSUER).audience(AUDIENCE).lifetime(Duration::ZERO), Some((OutOfRange, "lifetime"))),
        (builder(ISSUER).audience(AUDIENCE).lifetime(Duration::from_secs(31 * 86_400)), Some((OutOfRange, "lifetime"))),
    ] {
        let error = builder.build().err();
        assert_eq!(error.as_ref().map(|error| (error.kind(), error.setting())), expected);
    }
}

#[tokio::test]
async fn a_token_is_accepted_by_its_issuers_verifier_for_its_lifetime() {
    let shop = Shop::usual();
    let token = shop.tokens.access("joe").issue().expect("a token").token;
    let verify = |shop: &Shop, token: &str| {
        let (verifier, token) = (shop.verifier.clone(), token.to_owned());
        async move { verifier.verify(&token).await.map(|_| ()).map_err(|error| error.kind()) }
    };
    assert_eq!(verify(&shop, &token).await, Ok(()));
    shop.wait(959);
    assert_eq!(verify(&shop, &token).await, Ok(()), "the leeway is a minute");
    shop.wait(1);
    assert_eq!(verify(&shop, &token).await, Err(ErrorKind::Expired));
    let elsewhere = shop.tokens.access("joe").audience("https://other.example").issue().expect("a token");
    assert_eq!(verify(&shop, &elsewhere.token).await, Err(ErrorKind::WrongAudience));
    let later = shop.tokens.access("joe").valid_after(Duration::from_secs(120)).issue().expect("a token").token;
    assert_eq!(verify(&shop, &later).await, Err(ErrorKind::NotYetValid));
    shop.wait(60);
    assert_eq!(verify(&shop, &later).await, Ok(()));
}

#[tokio::test]
async fn another_library_needs_only_the_public_key_to_verify_a_token() {
    let shop = Shop::usual();
    let issuer = TrustedIssuer::new(ISSUER).key(key().verification_key()).audience(AUDIENCE).access_token_profile();
    let verifier = Verifier::builder().issuer(issuer).clock(shop.clock.clone()).build().expect("a verifier");
    let token = |access: AccessToken| access.issue().expect("a token").token;
    assert!(verifier.verify(&token(shop.tokens.access("joe").client_id("app"))).await.is_ok());
    let nameless = verifier.verify(&token(shop.tokens.access("joe"))).await.expect_err("no client");
    assert_eq!(nameless.kind(), ErrorKind::WrongType);
    let second = TokenIssuer::builder(ISSUER, shop.ring.clone()).audience("a").audience("b").client_id("web");
    let second = second.lifetime(Duration::from_secs(5)).build().expect("an issuer");
    let expected = json!({
        "iss": ISSUER, "aud": ["a", "b"], "sub": "joe", "iat": NOW, "exp": NOW + 5, "token_use": "access",
        "client_id": "web",
    });
    assert_eq!(claims(second.access("joe")), expected);
}

#[test]
fn a_token_too_large_for_a_cookie_is_logged_without_its_contents() {
    let shop = Shop::usual();
    let log = Log::start();
    let issued = shop.tokens.access("joe@example.org").claim("filler", "x".repeat(2_000)).issue().expect("a token");
    assert_eq!(log.text(), "");
    assert!(issued.len() < 3_800);
    let issued = shop.tokens.access("joe@example.org").claim("filler", "x".repeat(3_000)).issue().expect("a token");
    let text = log.text();
    assert!(text.contains("too large for a cookie") && text.contains(&issued.len().to_string()), "{text}");
    let printed = format!("{text} {issued:?} {:?}", shop.tokens.access("joe@example.org").claim("plan", "gold"));
    for secret in ["joe", "gold", "xxx", &issued.jwt_id, &issued.token[..20]] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_token_that_cannot_be_issued_is_an_error_of_the_program() {
    let error = Shop::usual().tokens.access("joe").claim("sub", 1).issue().expect_err("reserved");
    assert_eq!(error.to_string(), "`sub` is a claim that the issuer writes itself or that has a method of its own");
    assert_eq!(Error::from(error).kind(), ErrorKind::IssuingFailed);
}
