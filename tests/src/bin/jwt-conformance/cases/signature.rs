//! Signatures and algorithms.

use aws_lc_rs::hmac;
use jwt_tests::forge::{encode, sign_segments};
use serde_json::Value;

use super::Expected::{Accepted, Refused};
use super::{Case, case};
use crate::issuer::Issuer;
use crate::keys;
use crate::server::Request;

pub(super) const CASES: [Case; 20] = [
    case("signature/rs256", "RFC 9068 2.1", Accepted, "RS256 is supported", |issuer| {
        Request::bearer(issuer.token().sign())
    }),
    case("signature/es256", "RFC 7518 3.1", Accepted, "ES256 is supported", |issuer| {
        Request::bearer(issuer.token_by(&issuer.es256).sign())
    })
    .should(),
    case("signature/changed-payload", "RFC 7515 5.2", Refused, "another payload under the signature", |issuer| {
        let (good, other) = (issuer.token().sign(), issuer.token().claim("sub", "mallory").sign());
        Request::bearer([part(&good, 0), part(&other, 1), part(&good, 2)].join("."))
    }),
    case("signature/changed-header", "RFC 7515 5.2", Refused, "another header over the signature", |issuer| {
        let (good, other) = (issuer.token().sign(), issuer.token().header("x", 1).sign());
        Request::bearer([part(&other, 0), part(&good, 1), part(&good, 2)].join("."))
    }),
    case("signature/other-key", "RFC 7515 5.2", Refused, "the signature of a key that isn't published", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).sign())
    }),
    case("signature/other-key-unknown-kid", "RFC 7515 5.2", Refused, "the same with its own `kid`", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).header("kid", "other").sign())
    }),
    case("signature/other-key-no-kid", "RFC 7515 5.2", Refused, "the same without a `kid`", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).without_header("kid").sign())
    }),
    case("signature/one-bit", "RFC 7515 5.2", Refused, "one bit of the signature is wrong", |issuer| {
        let token = issuer.token().sign();
        let flipped = if part(&token, 2).starts_with('A') { "B" } else { "A" };
        Request::bearer(format!("{}.{}.{flipped}{}", part(&token, 0), part(&token, 1), &part(&token, 2)[1..]))
    }),
    case("signature/empty", "RFC 7515 5.2", Refused, "the signature is empty", |issuer| {
        let token = issuer.token().sign();
        Request::bearer(format!("{}.{}.", part(&token, 0), part(&token, 1)))
    }),
    case("signature/short", "RFC 7515 5.2", Refused, "the signature lacks its end", |issuer| {
        let token = issuer.token().sign();
        Request::bearer(&token[..token.len() - 4])
    }),
    case("signature/es256-zero", "RFC 7518 3.4", Refused, "an ECDSA signature of zeros", |issuer| {
        let token = issuer.token_by(&issuer.es256).sign();
        Request::bearer(format!("{}.{}.{}", part(&token, 0), part(&token, 1), encode([0; 64])))
    }),
    case("signature/es256-der", "RFC 7518 3.4", Refused, "an ECDSA signature in DER form", |issuer| {
        let forge = issuer.token_by(&issuer.es256);
        let token = forge.sign();
        let input = &token[..token.len() - part(&token, 2).len() - 1];
        let raw = issuer.es256.sign(input.as_bytes()).unwrap_or_default();
        let number = |half: &[u8]| [&[2, 33, 0][..], half].concat();
        let body = raw.chunks(32).map(number).collect::<Vec<_>>().concat();
        Request::bearer(format!("{input}.{}", encode([&[0x30, 70][..], &body].concat())))
    }),
    case("algorithm/none", "RFC 7518 3.6", Refused, "`none` without a signature", |issuer| unsigned(issuer, "none")),
    case("algorithm/none-in-capitals", "RFC 8725 3.1", Refused, "`NONE` without a signature", |issuer| {
        unsigned(issuer, "NONE")
    }),
    case("algorithm/hs256-public-pem", "RFC 8725 2.1", Refused, "HMAC with the public key's PEM", |issuer| {
        hmac(issuer, &keys::from_pem(&issuer.rs256))
    }),
    case("algorithm/hs256-public-jwk", "RFC 8725 2.1", Refused, "HMAC with the public key's JWK", |issuer| {
        hmac(issuer, &keys::from_jwk(&issuer.rs256))
    }),
    case("algorithm/hs256-modulus", "RFC 8725 2.1", Refused, "HMAC with the public key's modulus", |issuer| {
        hmac(issuer, &keys::from_modulus(&issuer.rs256))
    }),
    case("algorithm/lower-case", "RFC 7515 4.1.1", Refused, "`rs256`: names are case-sensitive", |issuer| {
        Request::bearer(issuer.token().header("alg", "rs256").sign())
    }),
    case("algorithm/other-than-used", "RFC 7515 10.6", Refused, "`RS384` over a signature by RS256", |issuer| {
        Request::bearer(issuer.token().header("alg", "RS384").sign())
    }),
    case("algorithm/missing", "RFC 7515 4.1.1", Refused, "no `alg`", |issuer| {
        Request::bearer(issuer.token().without_header("alg").sign())
    }),
];

/// A token whose HMAC has a public key as its secret. `SigningKey` refuses such a secret.
fn hmac(issuer: &Issuer, secret: &[u8]) -> Request {
    let token = issuer.token().header("alg", "HS256");
    let [header, claims] = [&token.header, &token.claims].map(|object| encode(Value::from(object.clone()).to_string()));
    let input = format!("{header}.{claims}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    Request::bearer(format!("{input}.{}", encode(tag)))
}

fn unsigned(issuer: &Issuer, algorithm: &str) -> Request {
    let token = issuer.token().header("alg", algorithm).without_header("kid");
    let [header, claims] = [&token.header, &token.claims].map(|object| encode(Value::from(object.clone()).to_string()));
    Request::bearer(format!("{header}.{claims}."))
}

/// Returns a segment of a token.
pub(super) fn part(token: &str, index: usize) -> &str {
    token.split('.').nth(index).unwrap_or_default()
}

/// Signs two segments with the issuer's key.
pub(super) fn segments(issuer: &Issuer, header: &str, payload: &str) -> Request {
    Request::bearer(sign_segments(&issuer.rs256, header, payload))
}
