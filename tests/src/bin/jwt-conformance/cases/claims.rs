//! Claims, and the rules of the access token profile.

use serde_json::{Value, json};

use super::Expected::{Accepted, Refused};
use super::{Case, case};
use crate::issuer::{Issuer, now};
use crate::server::Request;

/// Longer than the "few minutes" of leeway that RFC 7519 allows.
const PAST_ANY_LEEWAY: u64 = 900;

pub(super) const CASES: [Case; 23] = [
    case("claims/unknown", "RFC 7519 4", Accepted, "a claim that nobody knows is ignored", |issuer| {
        with(issuer, "x-future", json!({"a": null}))
    }),
    case("claims/expired", "RFC 7519 4.1.4", Refused, "expired 15 minutes ago", |issuer| {
        lived(issuer, now() - PAST_ANY_LEEWAY - 300, now() - PAST_ANY_LEEWAY)
    }),
    case("claims/exp-text", "RFC 7519 4.1.4", Refused, "`exp` is a string", |issuer| {
        with(issuer, "exp", (now() + 300).to_string().into())
    }),
    case("claims/exp-null", "RFC 7519 4.1.4", Refused, "`exp` is null", |issuer| with(issuer, "exp", Value::Null)),
    case("claims/exp-negative", "RFC 7519 4.1.4", Refused, "`exp` is before 1970", |issuer| {
        with(issuer, "exp", json!(-1))
    }),
    case("claims/exp-fraction", "RFC 7519 2", Accepted, "`exp` is a number with a fraction", |issuer| {
        with(issuer, "exp", json!(now() as f64 + 300.5))
    }),
    case("claims/exp-missing", "RFC 9068 2.2", Refused, "no `exp`: the token would live for ever", |issuer| {
        Request::bearer(issuer.token().without("exp").sign())
    })
    .should(),
    case("claims/not-yet", "RFC 7519 4.1.5", Refused, "valid in 15 minutes", |issuer| {
        let token = issuer.token().claim("nbf", now() + PAST_ANY_LEEWAY).claim("exp", now() + PAST_ANY_LEEWAY + 300);
        Request::bearer(token.sign())
    }),
    case("claims/nbf-text", "RFC 7519 4.1.5", Refused, "`nbf` is a string", |issuer| with(issuer, "nbf", json!("0"))),
    case("claims/other-issuer", "RFC 8725 3.8", Refused, "`iss` is another issuer", |issuer| {
        with(issuer, "iss", json!("https://other.example"))
    }),
    case("claims/issuer-slash", "RFC 9068 4", Refused, "`iss` has one more slash", |issuer| {
        with(issuer, "iss", format!("{}/", issuer.name()).into())
    }),
    case("claims/issuer-list", "RFC 7519 4.1.1", Refused, "`iss` is a list that contains the issuer", |issuer| {
        with(issuer, "iss", json!([issuer.name(), "https://other.example"]))
    }),
    case("claims/issuer-missing", "RFC 8725 3.8", Refused, "no `iss`", |issuer| {
        Request::bearer(issuer.token().without("iss").sign())
    }),
    case("claims/other-audience", "RFC 7519 4.1.3", Refused, "`aud` is another service", |issuer| {
        with(issuer, "aud", json!("https://other.example"))
    }),
    case("claims/other-audiences", "RFC 7519 4.1.3", Refused, "`aud` is a list of other services", |issuer| {
        with(issuer, "aud", json!(["https://other.example", "https://another.example"]))
    }),
    case("claims/audience-list", "RFC 7519 4.1.3", Accepted, "`aud` is a list that contains the server", |issuer| {
        with(issuer, "aud", json!(["https://other.example", issuer.audience()]))
    }),
    case("claims/audience-prefix", "RFC 7519 4.1.3", Refused, "`aud` begins with the server's name", |issuer| {
        with(issuer, "aud", format!("{}.other.example", issuer.audience()).into())
    }),
    case("claims/audience-part", "RFC 7519 4.1.3", Refused, "`aud` is the beginning of the server's name", |issuer| {
        with(issuer, "aud", issuer.audience()[..issuer.audience().len() - 1].into())
    }),
    case("claims/audience-empty", "RFC 7519 4.1.3", Refused, "`aud` is an empty list", |issuer| {
        with(issuer, "aud", json!([]))
    }),
    case("claims/audience-null", "RFC 7519 4.1.3", Refused, "`aud` is null", |issuer| with(issuer, "aud", Value::Null)),
    case("claims/audience-missing", "RFC 8725 3.9", Refused, "no `aud`", |issuer| {
        Request::bearer(issuer.token().without("aud").sign())
    }),
    case("claims/bound-to-a-key", "RFC 9449 7.1", Refused, "a token bound to a key, sent without a proof", |issuer| {
        with(issuer, "cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}))
    }),
    case(
        "claims/bound-to-a-certificate",
        "RFC 8705 3",
        Refused,
        "a token bound to a certificate, sent without it",
        |issuer| with(issuer, "cnf", json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"})),
    ),
];

pub(super) const RFC_9068: [Case; 8] = [
    case("rfc9068/other-type", "RFC 9068 4", Refused, "`typ` is `JWT`", |issuer| {
        Request::bearer(issuer.token().header("typ", "JWT").sign())
    }),
    case("rfc9068/no-type", "RFC 9068 4", Refused, "no `typ`", |issuer| {
        Request::bearer(issuer.token().without_header("typ").sign())
    }),
    case("rfc9068/long-type", "RFC 9068 4", Accepted, "`typ` is `application/at+jwt`", |issuer| {
        Request::bearer(issuer.token().header("typ", "application/at+jwt").sign())
    }),
    case("rfc9068/no-subject", "RFC 9068 2.2", Refused, "no `sub`", |issuer| without(issuer, "sub")),
    case("rfc9068/no-client", "RFC 9068 2.2", Refused, "no `client_id`", |issuer| without(issuer, "client_id")),
    case("rfc9068/no-iat", "RFC 9068 2.2", Refused, "no `iat`", |issuer| without(issuer, "iat")),
    case("rfc9068/no-jti", "RFC 9068 2.2", Refused, "no `jti`", |issuer| without(issuer, "jti")),
    case("rfc9068/no-exp", "RFC 9068 2.2", Refused, "no `exp`", |issuer| without(issuer, "exp")),
];

fn with(issuer: &Issuer, name: &str, value: Value) -> Request {
    Request::bearer(issuer.token().claim(name, value).sign())
}

fn without(issuer: &Issuer, name: &str) -> Request {
    Request::bearer(issuer.token().without(name).sign())
}

fn lived(issuer: &Issuer, from: u64, to: u64) -> Request {
    Request::bearer(issuer.token().claim("iat", from).claim("nbf", from).claim("exp", to).sign())
}
