//! How the token is sent, and how the server answers.

use super::Expected::{Accepted, Challenged, InvalidToken, NoError, Refused};
use super::{Case, must, should};
use crate::issuer::{Issuer, now};
use crate::server::Request;

pub(super) const CASES: [Case; 14] = [
    must("answer/no-token", "RFC 6750 3", Challenged, "no token: 401 with a challenge that has a parameter", |_| {
        Request::anonymous()
    }),
    should("answer/no-token-no-error", "RFC 6750 3.1", NoError, "no token: a challenge without an error code", |_| {
        Request::anonymous()
    }),
    must("answer/bad-token", "RFC 6750 3", Challenged, "a bad token: 401 with a challenge", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).sign())
    }),
    should("answer/bad-signature-code", "RFC 6750 3.1", InvalidToken, "a bad signature is `invalid_token`", |issuer| {
        Request::bearer(issuer.token_by(&issuer.stranger).sign())
    }),
    should("answer/expired-code", "RFC 6750 3.1", InvalidToken, "an expired token is `invalid_token`", |issuer| {
        Request::bearer(issuer.token().claim("exp", now() - 3600).sign())
    }),
    should("answer/audience-code", "RFC 9068 4", InvalidToken, "another audience is `invalid_token`", |issuer| {
        Request::bearer(issuer.token().claim("aud", "https://other.example").sign())
    }),
    must("sent/lower-case-scheme", "RFC 9110 11.1", Accepted, "the scheme `bearer`", |issuer| {
        Request::authorization([format!("bearer {}", good(issuer))])
    }),
    must("sent/upper-case-scheme", "RFC 9110 11.1", Accepted, "the scheme `BEARER`", |issuer| {
        Request::authorization([format!("BEARER {}", good(issuer))])
    }),
    must("sent/other-scheme", "RFC 6750 2.1", Refused, "the scheme `Token`", |issuer| {
        Request::authorization([format!("Token {}", good(issuer))])
    }),
    must("sent/without-scheme", "RFC 6750 2.1", Refused, "the token without a scheme", |issuer| {
        Request::authorization([good(issuer)])
    }),
    must("sent/empty", "RFC 6750 2.1", Refused, "the scheme without a token", |_| Request::authorization(["Bearer"])),
    must("sent/two-headers", "RFC 9110 5.3", Refused, "two headers, the second one good", |issuer| {
        Request::authorization(["Bearer x".to_owned(), format!("Bearer {}", good(issuer))])
    }),
    should("sent/query", "RFC 9700 4.3.2", Refused, "the token in the query", |issuer| Request::query(good(issuer))),
    should("sent/form", "RFC 6750 2.2", Refused, "the token in a form, which is for old clients", |issuer| {
        Request::form(good(issuer))
    }),
];

fn good(issuer: &Issuer) -> String {
    issuer.token().sign()
}
