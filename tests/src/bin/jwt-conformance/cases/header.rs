//! Members of the header.

use jwt_core::crypto::SigningKey;
use serde_json::{Value, json};

use super::Expected::{Accepted, Refused};
use super::{Case, case};
use crate::issuer::Issuer;
use crate::server::Request;

pub(super) const CASES: [Case; 15] = [
    case("header/unknown-member", "RFC 7515 4", Accepted, "a header member that nobody knows is ignored", |issuer| {
        Request::bearer(issuer.token().header("x-future", json!({"a": [1]})).sign())
    }),
    case("header/crit-unknown", "RFC 7515 4.1.11", Refused, "`crit` names an extension that nobody knows", |issuer| {
        with(issuer, &[("crit", json!(["x-future"])), ("x-future", json!(true))])
    }),
    case("header/crit-empty", "RFC 7515 4.1.11", Refused, "`crit` is an empty list", |issuer| {
        with(issuer, &[("crit", json!([]))])
    })
    .should(),
    case("header/b64", "RFC 7797 7", Refused, "an unencoded payload, named in `crit`", |issuer| {
        with(issuer, &[("crit", json!(["b64"])), ("b64", json!(false))])
    }),
    case("header/own-jwk", "RFC 8725 2.4", Refused, "the key comes with the token in `jwk`", |issuer| {
        by_stranger(issuer, "jwk", issuer.stranger.public_jwk().unwrap_or_default())
    }),
    case("header/own-jku", "RFC 8725 3.10", Refused, "the token names its own key set in `jku`", |issuer| {
        by_stranger(issuer, "jku", format!("{}/stolen/jku", issuer.name()).into())
    }),
    case("header/own-x5u", "RFC 8725 3.10", Refused, "the token names its own certificate in `x5u`", |issuer| {
        by_stranger(issuer, "x5u", format!("{}/stolen/x5u", issuer.name()).into())
    }),
    case("header/own-x5c", "RFC 7515 4.1.6", Refused, "the token brings its own certificate in `x5c`", |issuer| {
        by_stranger(issuer, "x5c", json!(["MIIB"]))
    }),
    case("header/kid-path", "RFC 8725 3.10", Refused, "`kid` is a path to a file", |issuer| {
        by_stranger(issuer, "kid", "../../../../dev/null".into())
    }),
    case("header/kid-sql", "RFC 8725 3.10", Refused, "`kid` is a piece of SQL", |issuer| {
        by_stranger(issuer, "kid", "x' UNION SELECT 'secret' --".into())
    }),
    case("header/kid-number", "RFC 7515 4.1.4", Refused, "`kid` is a number", |issuer| {
        with(issuer, &[("kid", json!(1))])
    }),
    case("header/alg-object", "RFC 7515 4.1.1", Refused, "`alg` is an object", |issuer| {
        with(issuer, &[("alg", json!({"RS256": null}))])
    }),
    case("header/nested", "RFC 7519 5.2", Refused, "`cty` says that the payload is a JWT", |issuer| {
        with(issuer, &[("cty", json!("JWT"))])
    })
    .should(),
    case("header/not-an-object", "RFC 7515 4", Refused, "the header is a list", |issuer| {
        Request::bearer(issuer.token().sign_header(r#"["RS256"]"#))
    }),
    case("header/twice", "RFC 7515 4", Refused, "`alg` is there twice", |issuer| {
        Request::bearer(issuer.token().sign_header(r#"{"alg":"none","kid":"rs-1","typ":"at+jwt","alg":"RS256"}"#))
    })
    .should(),
];

fn with(issuer: &Issuer, members: &[(&str, Value)]) -> Request {
    let token = members.iter().fold(issuer.token(), |token, (name, value)| token.header(name, value.clone()));
    Request::bearer(token.sign())
}

/// A token signed by a key that isn't the issuer's, with a header that leads to the key.
fn by_stranger(issuer: &Issuer, name: &str, value: Value) -> Request {
    let stranger: &SigningKey = &issuer.stranger;
    Request::bearer(issuer.token_by(stranger).header("kid", "stranger").header(name, value).sign())
}
