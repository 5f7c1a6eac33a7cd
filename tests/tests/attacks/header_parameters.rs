//! Section B: header parameters.

use std::io::ErrorKind as IoErrorKind;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, encode, sign_segments};
use jwt_tests::log::Log;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{KID, behind, good, issuer, key, keyless, stranger, trusting};
use serde_json::{Value, json};

use crate::target::{Target, mac};

#[actix_web::test]
async fn b01_a_key_in_the_token_is_not_used() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256, Algorithm::Ed25519] {
        let attacker = stranger(algorithm);
        let jwk = attacker.public_jwk().expect("a public key");
        let forged = Forge::new(&attacker).header("jwk", jwk.clone());
        let own_kid = forged.clone().header("kid", KID).sign();
        let kind = if algorithm == Algorithm::ES256 { ErrorKind::BadSignature } else { ErrorKind::UnknownKey };
        Target::usual().refuses(&own_kid, kind, "with the issuer's kid").await;
        Target::usual().refuses(&forged.clone().header("kid", "evil").sign(), ErrorKind::UnknownKey, "its kid").await;
        Target::usual().refuses(&forged.sign(), kind, "without a kid").await;
    }
    let header = json!({"alg": "HS256", "jwk": {"kty": "oct", "k": encode([7; 32])}});
    let token = mac(&[7; 32], &header, &good().claims.into());
    Target::usual().refuses(&token, ErrorKind::AlgorithmNotAllowed, "a secret").await;
}

#[actix_web::test]
async fn b02_addresses_in_a_token_are_never_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener that does not wait");
    let here = listener.local_addr().expect("an address");
    let remote = Remote::serving(&[&key()]);
    let fetched = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    for target in [Target::usual(), Target(behind(trusting(fetched).fetch(remote.fetch())))] {
        for url in [
            format!("http://{here}/jwks.json"),
            format!("https://{here}/jwks.json"),
            format!("https://id.example@{here}/jwks"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "file:///etc/passwd".to_owned(),
            "https://evil.example/jwks".to_owned(),
        ] {
            for name in ["jku", "x5u"] {
                target.accepts(&good().header(name, url.as_str()).sign(), "signed by the right key").await;
                let forged = Forge::new(&stranger(Algorithm::ES256)).header(name, url.as_str());
                let token = forged.clone().header("kid", KID).sign();
                target.refuses(&token, ErrorKind::BadSignature, "signed by another").await;
            }
        }
    }
    assert_eq!(listener.accept().expect_err("nobody came").kind(), IoErrorKind::WouldBlock);
    assert_eq!(remote.asked(), [JWKS]);
}

#[actix_web::test]
async fn b03_certificates_in_a_token_are_not_used() {
    let attacker = Forge::new(&stranger(Algorithm::ES256)).header("kid", KID);
    for (chain, case) in [
        (json!([STANDARD.encode([0x30; 300])]), "a certificate"),
        (json!(["%%%", 5, null]), "garbage"),
        (json!("MIIB"), "a string in place of an array"),
        (json!({}), "an object"),
        (json!([]), "none"),
        (Value::Null, "null"),
    ] {
        Target::usual().accepts(&good().header("x5c", chain.clone()).sign(), case).await;
        let token = attacker.clone().header("x5c", chain).sign();
        Target::usual().refuses(&token, ErrorKind::BadSignature, case).await;
    }
    let chain = vec![STANDARD.encode([0x30; 60]); 1000];
    Target::usual().refuses(&good().header("x5c", chain).sign(), ErrorKind::TokenTooLarge, "a thousand").await;
}

#[actix_web::test]
async fn b04_a_kid_is_only_compared() {
    let remote = Remote::serving(&[&key()]);
    let fetched = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let targets = [Target::usual(), Target(behind(trusting(fetched).fetch(remote.fetch())))];
    targets[1].accepts(&good().sign(), "the keys are fetched").await;
    let log = Log::start();
    for target in targets {
        for kid in [
            "../../../../dev/null",
            "/proc/self/environ",
            "' UNION SELECT 'x",
            "|ls",
            "$(id)",
            "${jndi:ldap://evil}",
            "k-1\u{0}",
            "k-1\r\nset-cookie: a=b",
            "\u{202e}1-k",
            "K-1",
            "k-1 ",
            "",
            "https://evil.example/key",
        ] {
            target.refuses(&good().header("kid", kid).sign(), ErrorKind::UnknownKey, kid).await;
        }
        for (length, kind) in [
            (256, ErrorKind::UnknownKey),
            (257, ErrorKind::MalformedToken),
            (2500, ErrorKind::MalformedToken),
            (64 * 1024, ErrorKind::TokenTooLarge),
        ] {
            target.refuses(&good().header("kid", "k".repeat(length)).sign(), kind, &length.to_string()).await;
        }
    }
    let text = log.text();
    assert!(text.contains("unknown_key"), "rejections are logged");
    for part in ["dev/null", "UNION", "jndi", "set-cookie", "evil", "kkkkkkkk", "\u{202e}"] {
        assert!(!text.contains(part), "{part}");
    }
    // Names are only looked up in the key set: they never cause a request.
    assert!(remote.asked().iter().all(|url| url == JWKS) && remote.asked().len() <= 3);
}

#[actix_web::test]
async fn b05_a_kid_that_is_not_a_string_is_refused() {
    for kid in [json!(1), json!(true), json!([KID]), json!({"kid": KID}), json!(1.5)] {
        Target::usual()
            .refuses(&good().header("kid", kid.clone()).sign(), ErrorKind::MalformedToken, &kid.to_string())
            .await;
    }
}

#[actix_web::test]
async fn b06_a_null_kid_is_refused_and_not_treated_as_absent() {
    Target::usual().refuses(&good().header("kid", Value::Null).sign(), ErrorKind::MalformedToken, "null").await;
}

#[actix_web::test]
async fn b07_without_a_kid_the_only_matching_key_is_used_and_several_are_refused() {
    let nameless = good().without_header("kid").sign();
    Target::usual().accepts(&nameless, "one key").await;
    let other = |algorithm| stranger(algorithm).with_kid("k-2").verification_key();
    let another_family = Target::trusting(issuer().key(other(Algorithm::RS256)));
    another_family.accepts(&nameless, "one key of this algorithm").await;
    let two = Target::trusting(issuer().key(other(Algorithm::ES256)));
    two.refuses(&nameless, ErrorKind::AmbiguousKey, "two keys").await;
    two.accepts(&good().sign(), "two keys and a kid").await;
    let unnamed = Target::trusting(issuer().key(stranger(Algorithm::ES256).verification_key()));
    unnamed.refuses(&nameless, ErrorKind::AmbiguousKey, "two keys without a name").await;
}

#[actix_web::test]
async fn b08_a_critical_extension_is_refused() {
    for crit in [json!(["x"]), json!(["http://example.com/UNDEFINED"]), json!(["exp"]), json!(["x", "y"])] {
        let token = good().header("crit", crit.clone());
        Target::usual().refuses(&token.sign(), ErrorKind::CriticalHeader, "without the member").await;
        let token = token.header("x", 1).header("http://example.com/UNDEFINED", true).header("exp", 1);
        Target::usual().refuses(&token.sign(), ErrorKind::CriticalHeader, "with the member").await;
    }
    // The example of RFC 7515 appendix E, unchanged.
    let vector = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    Target::usual().refuses(vector, ErrorKind::MalformedToken, "appendix E").await;
    Target::usual().refuses(&format!("{vector}AA"), ErrorKind::CriticalHeader, "appendix E, with a signature").await;
}

#[actix_web::test]
async fn b09_a_malformed_list_of_critical_extensions_is_refused() {
    for crit in
        [json!([]), json!(["x", "x"]), json!(["alg"]), Value::Null, json!("x"), json!([1]), json!({}), json!(false)]
    {
        Target::usual()
            .refuses(&good().header("crit", crit.clone()).sign(), ErrorKind::CriticalHeader, &crit.to_string())
            .await;
    }
}

#[actix_web::test]
async fn b10_an_unencoded_payload_is_refused() {
    for header in [good().header("b64", false), good().header("b64", false).header("crit", json!(["b64"]))] {
        Target::usual().refuses(&header.sign(), ErrorKind::CriticalHeader, "with an encoded payload").await;
        let text = encode(Value::from(header.header).to_string());
        let raw = sign_segments(&key(), &text, "plain");
        Target::usual().refuses(&raw, ErrorKind::CriticalHeader, "raw").await;
        let json = sign_segments(&key(), &text, &Value::from(good().claims).to_string());
        Target::usual().cannot_read(&json, "raw JSON").await;
    }
    Target::usual().refuses(&good().header("b64", true).sign(), ErrorKind::CriticalHeader, "b64 true").await;
}

#[actix_web::test]
async fn b11_a_duplicate_parameter_is_refused() {
    for twice in [
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""kid":"k-1""#,
        r#""kid":"k-2""#,
        r#""typ":"at+jwt""#,
        r#""\u0061lg":"ES256""#,
        r#""k\u0069d":"k-1""#,
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"{KID}","typ":"at+jwt",{twice}}}"#);
        Target::usual().refuses(&good().sign_header(header), ErrorKind::MalformedToken, twice).await;
    }
    let header = format!(r#"{{"alg":"ES256","kid":"{KID}","crit":["x"],"crit":[]}}"#);
    Target::usual().refuses(&good().sign_header(header), ErrorKind::MalformedToken, "crit").await;
}

#[actix_web::test]
async fn b12_a_duplicate_unknown_parameter_is_refused() {
    for twice in [r#""x":1,"x":1"#, r#""x":1,"\u0078":2"#, r#""jwk":{"a":1,"a":2}"#, r#""":1,"":1"#] {
        let header = format!(r#"{{"alg":"ES256","kid":"{KID}",{twice}}}"#);
        Target::usual().refuses(&good().sign_header(header), ErrorKind::MalformedToken, twice).await;
    }
}

#[actix_web::test]
async fn b13_the_access_token_profile_accepts_only_access_tokens() {
    let target = Target::trusting(issuer().access_token_profile());
    target.accepts(&good().sign(), "an access token").await;
    for typ in [
        "JWT",
        "jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "rt+jwt",
        "token-introspection+jwt",
        "at",
        "at+jwt+x",
        "x+at+jwt",
        "text/at+jwt",
        "at+jwt;a=b",
        " at+jwt",
        "",
    ] {
        target.refuses(&good().header("typ", typ).sign(), ErrorKind::WrongType, typ).await;
    }
    target.refuses(&good().without_header("typ").sign(), ErrorKind::WrongType, "absent").await;
}

#[actix_web::test]
async fn b14_every_spelling_of_the_access_token_type_is_accepted() {
    for target in [Target::usual(), Target::trusting(issuer().access_token_profile())] {
        for typ in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "Application/AT+JWT"] {
            target.accepts(&good().header("typ", typ).sign(), typ).await;
        }
    }
}

#[actix_web::test]
async fn b15_a_type_that_is_not_a_string_is_refused() {
    for target in [Target::usual(), Target::trusting(issuer().access_token_profile())] {
        for typ in [json!(1), Value::Null, json!(["at+jwt"]), json!({}), json!(true)] {
            target
                .refuses(&good().header("typ", typ.clone()).sign(), ErrorKind::MalformedToken, &typ.to_string())
                .await;
        }
    }
}

#[actix_web::test]
async fn b16_a_nested_token_is_refused() {
    let inner = good().sign();
    for cty in ["JWT", "jwt", "application/jwt", "Application/JWT"] {
        Target::usual().refuses(&good().header("cty", cty).sign(), ErrorKind::NestedToken, cty).await;
        let nested = good().header("cty", cty).sign_payload(&inner);
        Target::usual().refuses(&nested, ErrorKind::NestedToken, cty).await;
    }
    Target::usual().refuses(&good().sign_payload(&inner), ErrorKind::MalformedClaims, "not declared").await;
    Target::usual().refuses(&good().header("cty", Value::Null).sign(), ErrorKind::MalformedToken, "null").await;
}

#[actix_web::test]
async fn b17_encryption_parameters_have_no_effect_on_a_signed_token() {
    let token = good()
        .header("zip", "DEF")
        .header("enc", "A256GCM")
        .header("epk", json!({"kty": "EC"}))
        .header("p2c", 2_u64.pow(31))
        .header("p2s", "AA");
    Target::usual().accepts(&token.sign(), "ignored").await;
    let deflated = token.sign_payload([0x78, 0x9c, 0x03, 0x00]);
    Target::usual().refuses(&deflated, ErrorKind::MalformedToken, "compressed").await;
}

#[actix_web::test]
async fn b18_an_encrypted_token_is_refused_without_decrypting_it() {
    let plain = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(Value::from(good().claims).to_string()));
    for header in [
        json!({"alg": "dir", "enc": "A128GCM"}),
        json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": KID, "cty": "JWT"}),
        json!({"alg": "PBES2-HS256+A128KW", "enc": "A128CBC-HS256", "p2c": 2_147_483_647, "p2s": "AAAA"}),
        json!({"alg": "dir", "enc": "A128GCM", "zip": "DEF"}),
    ] {
        let jwe = format!(
            "{}.{}.{}.{}.{}",
            encode(header.to_string()),
            encode([1; 32]),
            encode([2; 12]),
            encode(&plain),
            encode([3; 16])
        );
        Target::usual().refuses(&jwe, ErrorKind::MalformedToken, "five segments").await;
        let direct =
            format!("{}..{}.{}.{}", encode(header.to_string()), encode([2; 12]), encode(&plain), encode([3; 16]));
        Target::usual().refuses(&direct, ErrorKind::MalformedToken, "without a key").await;
        let three = good().sign_header(header.to_string());
        let kind = if header.get("cty").is_some() { ErrorKind::NestedToken } else { ErrorKind::AlgorithmNotAllowed };
        Target::usual().refuses(&three, kind, "three segments").await;
    }
    Target::usual().refuses(&plain, ErrorKind::MalformedToken, "the plaintext").await;
}

#[actix_web::test]
async fn b19_the_json_serializations_are_refused() {
    let token = good().sign();
    let segments: Vec<&str> = token.split('.').collect();
    let (protected, payload, signature) = (segments[0], segments[1], segments[2]);
    let flattened =
        json!({"header": {"alg": "none"}, "protected": protected, "payload": payload, "signature": signature});
    let general = json!({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]});
    let polyglot = format!(r#"{{"  {protected}.{payload}.{signature}  ":"","protected":"{protected}"}}"#);
    for (text, case) in [(flattened.to_string(), "flattened"), (general.to_string(), "general"), (polyglot, "polyglot")]
    {
        Target::usual().cannot_read(&text, case).await;
        // It isn't accepted either from a place without the syntax checks of the `Authorization` header.
        let verifier = trusting(keyless().key(key().verification_key())).build().expect("a verifier");
        let error = verifier.verify(&text).await.expect_err(case);
        assert_eq!(error.kind(), ErrorKind::MalformedToken, "{case}");
    }
}

#[actix_web::test]
async fn b20_a_header_that_is_not_an_object_is_refused() {
    for header in
        [r#"["ES256"]"#, r#""ES256""#, "256", "null", "true", "", " ", "{", "{}", r#"{"alg":"ES256"}{}"#, "\u{feff}{}"]
    {
        if header.is_empty() {
            let token = good().sign_header(header);
            Target::usual().refuses(&token, ErrorKind::MalformedToken, "empty").await;
            continue;
        }
        Target::usual().refuses(&good().sign_header(header), ErrorKind::MalformedToken, header).await;
    }
    Target::usual().refuses(&good().sign_header(b"\xff\xfe{}"), ErrorKind::MalformedToken, "not UTF-8").await;
}
