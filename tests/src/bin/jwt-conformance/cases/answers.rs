//! How the token is sent, and how the server answers.

use super::Expected::{Accepted, Challenged, InvalidToken, NoError, Refused};
use super::{Case, case};
use crate::issuer::{Issuer, now};
use crate::server::Request;

pub(super) const CASES: [Case; 14] = [
    case("answer/no-token", "RFC 6750 3", Challenged, "no token: 401 with a challenge that has a parameter", |_| {
        Request::anonymous()
    }),
    case("answer/no-token-no-error", "RFC 6750 3.1", NoError, "no token: a challenge without an error code", |_| {
        Request::anonymous()
    })
    .should(),
    case("answer/bad-token", "RFC 6750 3", Challenged, "a bad token: 401 with a challenge", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).sign())
    }),
    case("answer/bad-signature-code", "RFC 6750 3.1", InvalidToken, "a bad signature is `invalid_token`", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).sign())
    })
    .should(),
    case("answer/expired-code", "RFC 6750 3.1", InvalidToken, "an expired token is `invalid_token`", |issuer| {
        Request::bearer(issuer.token().claim("exp", now() - 3600).sign())
    })
    .should(),
    case("answer/audience-code", "RFC 9068 4", InvalidToken, "another audience is `invalid_token`", |issuer| {
        Request::bearer(issuer.token().claim("aud", "https://other.example").sign())
    })
    .should(),
    case("sent/lower-case-scheme", "RFC 9110 11.1", Accepted, "the scheme `bearer`", |issuer| {
        Request::authorization([format!("bearer {}", good(issuer))])
    }),
    case("sent/upper-case-scheme", "RFC 9110 11.1", Accepted, "the scheme `BEARER`", |issuer| {
        Request::authorization([format!("BEARER {}", good(issuer))])
    }),
    case("sent/other-scheme", "RFC 6750 2.1", Refused, "the scheme `Token`", |issuer| {
        Request::authorization([format!("Token {}", good(issuer))])
    }),
    case("sent/without-scheme", "RFC 6750 2.1", Refused, "the token without a scheme", |issuer| {
        Request::authorization([good(issuer)])
    }),
    case("sent/empty", "RFC 6750 2.1", Refused, "the scheme without a token", |_| Request::authorization(["Bearer"])),
    case("sent/two-headers", "RFC 9110 5.3", Refused, "two headers, the second one good", |issuer| {
        Request::authorization(["Bearer x".to_owned(), format!("Bearer {}", good(issuer))])
    }),
    case("sent/query", "RFC 9700 4.3.2", Refused, "the token in the query", |issuer| Request::query(good(issuer)))
        .should(),
    case("sent/form", "RFC 6750 2.2", Refused, "the token in a form, which is for old clients", |issuer| {
        Request::form(good(issuer))
    })
    .should(),
];

fn good(issuer: &Issuer) -> String {
    issuer.token().sign()
}
