//! The token as text.

use jwt_tests::forge::encode;
use serde_json::Value;

use super::Expected::{Accepted, Refused};
use super::signature::{part, segments};
use super::{Case, case};
use crate::issuer::Issuer;
use crate::server::Request;

pub(super) const CASES: [Case; 15] = [
    case("text/padded-segment", "RFC 7515 2", Refused, "base64url with `=`", |issuer| {
        let [header, payload] = encoded(issuer);
        segments(issuer, &header, &format!("{payload}{}", "=".repeat(4 - payload.len() % 4)))
    }),
    case("text/other-alphabet", "RFC 7515 2", Refused, "base64 with `+` and `/` instead of `-` and `_`", |issuer| {
        // Three question marks and tildes give both characters at every offset.
        let token = issuer.token().claim("x", "???>>>~~~???>>>~~~").header("x", "???>>>~~~");
        let [header, payload] = segments_of(&Value::from(token.header), &Value::from(token.claims));
        let other = |text: &str| text.replace('-', "+").replace('_', "/");
        segments(issuer, &other(&header), &other(&payload))
    }),
    case("text/line-break", "RFC 7515 2", Refused, "a tab inside of the token", |issuer| {
        let token = issuer.token().sign();
        Request::bearer(format!("{}\t{}", &token[..40], &token[40..]))
    }),
    case("text/two-segments", "RFC 7519 7.2", Refused, "two segments", |issuer| {
        let token = issuer.token().sign();
        Request::bearer(format!("{}.{}", part(&token, 0), part(&token, 1)))
    }),
    case("text/four-segments", "RFC 7519 7.2", Refused, "four segments", |issuer| {
        let token = issuer.token().sign();
        Request::bearer(format!("{token}.{}", part(&token, 2)))
    }),
    case("text/five-segments", "RFC 7516 9", Refused, "five segments, as if it was encrypted", |issuer| {
        let token = issuer.token().sign();
        Request::bearer(format!("{token}.{}.{}", part(&token, 1), part(&token, 2)))
    }),
    case("text/opaque", "RFC 7519 7.2", Refused, "not a JWT", |_| Request::bearer("0123456789abcdef0123456789abcdef")),
    case("text/header-not-json", "RFC 7519 7.2", Refused, "the header isn't JSON", |issuer| {
        Request::bearer(issuer.token().sign_header("alg=RS256"))
    }),
    case("text/payload-not-json", "RFC 7519 7.2", Refused, "the payload isn't JSON", |issuer| {
        Request::bearer(issuer.token().sign_payload("sub=ada"))
    }),
    case("text/payload-list", "RFC 7519 7.2", Refused, "the payload is a list", |issuer| {
        let claims = Value::from(issuer.token().claims);
        Request::bearer(issuer.token().sign_payload(format!("[{claims}]")))
    }),
    case("text/payload-trailing", "RFC 7515 10.12", Refused, "there is more after the payload's object", |issuer| {
        let claims = Value::from(issuer.token().claims);
        Request::bearer(issuer.token().sign_payload(format!("{claims}{{}}")))
    }),
    case("text/payload-utf8", "RFC 8725 3.7", Refused, "the payload isn't UTF-8", |issuer| {
        let claims = Value::from(issuer.token().claim("x", "?").claims).to_string();
        let (before, after) = claims.split_once('?').unwrap_or_default();
        Request::bearer(issuer.token().sign_payload([before.as_bytes(), &[0xff], after.as_bytes()].concat()))
    }),
    case("text/claim-twice", "RFC 7519 4", Refused, "`aud` is there twice, the last one is right", |issuer| {
        let claims = Value::from(issuer.token().claims).to_string();
        Request::bearer(issuer.token().sign_payload(format!(r#"{{"aud":"other",{}"#, &claims[1..])))
    })
    .should(),
    case(
        "text/claim-twice-wrong-last",
        "RFC 7519 4",
        Refused,
        "`aud` is there twice, the last one is wrong",
        |issuer| {
            let claims = Value::from(issuer.token().claims).to_string();
            Request::bearer(issuer.token().sign_payload(format!(r#"{},"aud":"other"}}"#, &claims[..claims.len() - 1])))
        },
    ),
    case("text/white-space-in-json", "RFC 8259 2", Accepted, "JSON with white space between its parts", |issuer| {
        let claims = Value::from(issuer.token().claims);
        Request::bearer(issuer.token().sign_payload(format!("{claims:#}\n")))
    }),
];

fn encoded(issuer: &Issuer) -> [String; 2] {
    let token = issuer.token();
    segments_of(&Value::from(token.header), &Value::from(token.claims))
}

fn segments_of(header: &Value, claims: &Value) -> [String; 2] {
    [header, claims].map(|object| encode(object.to_string()))
}
