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
    let of = |name: &str, audience: &str| {
        trusting(TrustedIssuer::new(name).audience(audience).key(key_of(Algorithm::ES256).verification_key()))
    };
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
            sent(
                "the nearest of several names",
                &good().claim("aud", vec!["https://api.example/v2", "http://api.example"]).sign(),
                "wrong_audience",
                &["`http` for `https`"],
            ),
            with(
                "an application of Entra",
                of(ISSUER, "api://1815"),
                &good().claim("aud", "1815").sign(),
                "wrong_audience",
                &["`api://1815`", "differs only by `api://`"],
            ),
            with(
                "an application of Entra, the other way round",
                of(ISSUER, "1815"),
                &good().claim("aud", "api://1815").sign(),
                "wrong_audience",
                &["`1815`", "differs only by `api://`"],
            ),
            sent(
                "a path of the audience",
                &good().claim("aud", "https://api.example/v2").sign(),
                "wrong_audience",
                &["same host and another path"],
            ),
            sent(
                "a port of the issuer",
                &good().claim("iss", "https://id.example:8443").sign(),
                "unknown_issuer",
                &["only in the host or the port"],
            ),
            sent(
                "a realm",
                &good().claim("iss", "https://id.example/realms/shop").sign(),
                "unknown_issuer",
                &["same host and another path", "realm"],
            ),
            with(
                "a container's name",
                of("http://localhost:8080/realms/shop", AUDIENCE),
                &good().claim("iss", "http://keycloak:8080/realms/shop").sign(),
                "unknown_issuer",
                &["only in the host", "`metadata_url`"],
            ),
            with(
                "an address of this machine",
                of("http://localhost:8080", AUDIENCE),
                &good().claim("iss", "http://127.0.0.1:8080/").sign(),
                "unknown_issuer",
                &["only in the host"],
            ),
            with(
                "another tenant of Entra",
                of("https://login.microsoftonline.com/a/v2.0", AUDIENCE),
                &good().claim("iss", "https://login.microsoftonline.com/b/v2.0").sign(),
                "unknown_issuer",
                &["another tenant"],
            ),
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
        22,
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
            sent("SAML", "PHNhbWw6QXNzZXJ0aW9uPg==", "malformed_token", &["SAML"]),
            sent("Google's access token", "ya29.a0AfB_byC", "malformed_token", &["Google", "ID token"]),
            sent("PASETO", "v4.public.eyJzdWIiOiJhIn0", "malformed_token", &["PASETO"]),
            sent("a detached payload", &format!("{header}..AAAA"), "malformed_token", &["detached", "whole token"]),
            sent("disclosures", &format!("{token}~WyJhIl0~"), "malformed_token", &["SD-JWT"]),
            sent("a dot at the end", &format!("{token}."), "malformed_token", &["three segments"]),
            sent("a dot at the beginning", &format!(".{token}"), "malformed_token", &["three segments"]),
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
            at(
                "angle brackets",
                application(),
                raw(format!("Bearer <{token}>")),
                "malformed_credentials",
                &["placeholder"],
            ),
            at(
                "single quotes",
                application(),
                raw(format!("Bearer '{token}'")),
                "malformed_credentials",
                &["in quotes"],
            ),
            at("%20", application(), raw(format!("Bearer {token}%20")), "malformed_credentials", &["percent-encoded"]),
            at("a tab", application(), raw(format!("Bearer {token}\tx")), "malformed_credentials", &["white space"]),
            at(
                "the JSON form of a JWS",
                application(),
                raw(r#"Bearer {"payload":"e30","protected":"e30","signature":"AA"}"#.to_owned()),
                "malformed_credentials",
                &["JSON"],
            ),
            at(
                "bearer twice",
                application(),
                raw(format!("bearer BEARER {token}")),
                "malformed_credentials",
                &["twice"],
            ),
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
            at(
                "no scheme",
                application(),
                raw(token.clone()),
                "no_credentials",
                &["`Authorization: Bearer …`", "without its scheme"],
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
        34,
    )
    .await;
}
