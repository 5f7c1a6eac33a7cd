//! Tokens of another issuer or for another service, and texts that are no signed tokens.

use jwt_core::http::TokenSources;
use jwt_core::{Algorithm, TrustedIssuer};
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER, encode};
use jwt_tests::setup::{application, behind, builder, good, key_of, trusting};

use super::requests::{at, explain, sent, with};

#[actix_web::test]
async fn a_wrong_issuer_or_audience_is_explained() {
    let exact = &["differs only by a slash", "exactly as the issuer writes it"];
    let graph = "00000003-0000-0000-c000-000000000000";
    explain(
        [
            sent(
                "another audience",
                &good().claim("aud", "spa").sign(),
                "wrong_audience",
                &["`https://api.example`", "must request"],
            ),
            sent("a slash", &good().claim("aud", "https://api.example/").sign(), "wrong_audience", exact),
            sent(
                "a slash in a list",
                &good().claim("aud", vec!["x", "https://api.example/"]).sign(),
                "wrong_audience",
                exact,
            ),
            sent(
                "case",
                &good().claim("aud", "https://API.example").sign(),
                "wrong_audience",
                &["upper and lower case", AUDIENCE],
            ),
            sent("no audience", &good().without("aud").sign(), "wrong_audience", &["has none", AUDIENCE]),
            sent(
                "an ID token",
                &good().claim("aud", "spa").claim("nonce", "n").sign(),
                "wrong_audience",
                &["ID token", "access token"],
            ),
            sent(
                "a token for Graph",
                &good().claim("aud", graph).sign(),
                "wrong_audience",
                &["Microsoft Graph", "request one"],
            ),
            sent(
                "another issuer",
                &good().claim("iss", "https://other.example").sign(),
                "unknown_issuer",
                &[ISSUER, "`TrustedIssuer`"],
            ),
            sent("a slash of the issuer", &good().claim("iss", "https://id.example/").sign(), "unknown_issuer", exact),
            sent(
                "case of the issuer",
                &good().claim("iss", "https://ID.example").sign(),
                "unknown_issuer",
                &["upper and lower case"],
            ),
            sent(
                "http",
                &good().claim("iss", "http://id.example").sign(),
                "unknown_issuer",
                &["`http` for `https`", ISSUER],
            ),
            sent("no issuer", &good().without("iss").sign(), "unknown_issuer", &["has none", ISSUER]),
            with(
                "all audiences",
                trusting(
                    TrustedIssuer::new(ISSUER)
                        .all_audiences(["a", "b"])
                        .key(key_of(Algorithm::ES256).verification_key()),
                ),
                &good().claim("aud", "a").sign(),
                "wrong_audience",
                &["all of `a`, `b`"],
            ),
        ],
        13,
    )
    .await;
}

#[actix_web::test]
async fn a_text_that_is_no_signed_token_is_named() {
    let token = good().sign();
    let (header, rest) = token.split_once('.').expect("segments");
    let none = format!("{}.{}.", encode(r#"{"alg":"none","typ":"JWT"}"#), rest.split('.').next().expect("a payload"));
    let encrypted = format!("{}..aaaa.bbbb.cccc", encode(r#"{"alg":"dir","enc":"A256GCM"}"#));
    let alb = format!("{}=.{}=.{}==", header, "e30", "AAAA");
    let raw = |value: String| Ask::get("/me").header("authorization", value);
    let header_source = || behind(builder().sources(TokenSources::none().header("x-amzn-oidc-data")));
    explain(
        [
            sent("opaque", "2YotnFZFEjr1zCsicMWpAA", "malformed_token", &["opaque", "Auth0", "audience"]),
            sent("undefined", "undefined", "malformed_token", &["`undefined`", "empty"]),
            sent("encrypted", &encrypted, "malformed_token", &["encrypted", "five segments", "Auth0"]),
            sent(
                "Firebase's emulator",
                &none,
                "malformed_token",
                &["unsigned", "Firebase emulator", "`ScriptedIssuer`"],
            ),
            sent("alg none", &good().header("alg", "none").sign(), "algorithm_not_allowed", &["`none`", "ES256"]),
            sent("cut short", header, "malformed_token", &["opaque"]),
            sent("two segments", "e30.e30", "malformed_token", &["three segments", "cut short"]),
            sent("standard base64", &format!("{token}+/"), "malformed_token", &["base64url"]),
            at(
                "padding of AWS ALB",
                header_source(),
                Ask::get("/me").header("x-amzn-oidc-data", &alb),
                "malformed_token",
                &["AWS ALB", "`x-amzn-oidc-accesstoken`"],
            ),
            at(
                "Bearer twice",
                application(),
                raw(format!("Bearer Bearer {token}")),
                "malformed_credentials",
                &["twice"],
            ),
            at("quotes", application(), raw(format!("Bearer \"{token}\"")), "malformed_credentials", &["in quotes"]),
            at("percent", application(), raw("Bearer a%2Eb".to_owned()), "malformed_credentials", &["percent-encoded"]),
            at("a comma", application(), raw(format!("Bearer {token}, x")), "malformed_credentials", &["comma"]),
            at(
                "white space",
                application(),
                raw(format!("Bearer {token} x")),
                "malformed_credentials",
                &["white space"],
            ),
            at(
                "JSON",
                application(),
                raw("Bearer {\"access_token\":1}".to_owned()),
                "malformed_credentials",
                &["`access_token`"],
            ),
            at("empty", application(), raw("Bearer ".to_owned()), "malformed_credentials", &["empty"]),
            at(
                "another scheme",
                application(),
                raw("Basic abc".to_owned()),
                "no_credentials",
                &["`Authorization: Bearer …`", "another scheme"],
            ),
            at("no token", application(), Ask::get("/me"), "no_credentials", &["proxy"]),
            at(
                "two tokens",
                behind(builder().sources(TokenSources::new().query("access_token"))),
                Ask::get(format!("/me?access_token={token}")).bearer(&token),
                "multiple_credentials",
                &["one token in one place"],
            ),
            at(
                "a word in a cookie",
                behind(builder().sources(TokenSources::none().cookie("session"))),
                Ask::get("/me").header("cookie", "session=null"),
                "malformed_token",
                &["`null`"],
            ),
            at(
                "a foreign page",
                behind(builder().sources(TokenSources::none().cookie("session"))),
                Ask::post("/me").header("cookie", format!("session={token}")).header("origin", "https://evil.example"),
                "csrf_failed",
                &["`Csrf::allow_origin`"],
            ),
        ],
        21,
    )
    .await;
}
