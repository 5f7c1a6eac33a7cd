//! Section D: encodings and parsers.

use jwt_core::{Error, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{ISSUER, NOW, encode, sign_segments};
use jwt_tests::log::Log;
use jwt_tests::setup::{builder, good, issuer, key};
use serde_json::{Value, json};

use crate::target::Target;

fn header() -> String {
    encode(Value::from(good().header).to_string())
}

fn payload() -> String {
    encode(Value::from(good().claims).to_string())
}

/// A verifier that gets a string no header could carry.
async fn verify(token: &str) -> Result<(), Error> {
    builder().build().expect("a verifier").verify(token).await.map(drop)
}

/// The claims with one more member, as JSON text.
fn with_member(member: &str) -> String {
    let claims = Value::from(good().claims).to_string();
    format!("{},{member}}}", claims.strip_suffix('}').expect("an object"))
}

#[actix_web::test]
async fn d01_characters_outside_base64url_are_refused_even_if_signed() {
    let bent = |segment: &str, by: &str| {
        let middle = segment.len() / 2;
        [
            format!("{segment}{by}"),
            format!("{by}{segment}"),
            format!("{}{by}{}", &segment[..middle], &segment[middle..]),
        ]
    };
    for by in ["=", "==", "+", "/", "~", " ", "\n", "\r\n", "\t", "\u{0}", "%3D", "\u{e9}", "-\u{200b}"] {
        let mut tokens = Vec::new();
        tokens.extend(bent(&header(), by).map(|header| sign_segments(&key(), &header, &payload())));
        tokens.extend(bent(&payload(), by).map(|payload| sign_segments(&key(), &header(), &payload)));
        let token = good().sign();
        let (input, signature) = token.rsplit_once('.').expect("three segments");
        tokens.extend(bent(signature, by).map(|signature| format!("{input}.{signature}")));
        for (index, token) in tokens.iter().enumerate() {
            let case = format!("{by:?} at {index}");
            assert_eq!(verify(token).await.expect_err(&case).kind(), ErrorKind::MalformedToken, "{case}");
            if by.bytes().all(|byte| matches!(byte, b'=' | b'+' | b'/' | b'~')) {
                Target::usual().refuses(token, ErrorKind::MalformedToken, &case).await;
            } else if by.bytes().all(|byte| byte == b'%' || byte.is_ascii_alphanumeric()) {
                Target::usual().cannot_read(token, &case).await;
            }
        }
    }
}

#[actix_web::test]
async fn d02_unused_bits_must_be_zero() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    /// The same bytes, encoded with one of the unused bits set.
    fn alias(segment: &str) -> Option<String> {
        let (rest, last) = segment.split_at(segment.len() - 1);
        let at = ALPHABET.iter().position(|&letter| last.as_bytes() == [letter])?;
        (!segment.len().is_multiple_of(4)).then(|| format!("{rest}{}", ALPHABET[at ^ 1] as char))
    }
    let token = good().sign();
    let (input, signature) = token.rsplit_once('.').expect("three segments");
    let forged = format!("{input}.{}", alias(signature).expect("64 bytes leave bits over"));
    Target::usual().refuses(&forged, ErrorKind::MalformedToken, "the signature").await;
    let mut seen = 0;
    for filler in ["", "a", "aa"] {
        let payload = encode(Value::from(good().claim("filler", filler).claims).to_string());
        if let Some(alias) = alias(&payload) {
            seen += 1;
            let forged = sign_segments(&key(), &header(), &alias);
            Target::usual().refuses(&forged, ErrorKind::MalformedToken, "the payload").await;
        }
    }
    assert_eq!(seen, 2);
}

#[actix_web::test]
async fn d03_a_token_needs_exactly_two_dots() {
    for token in
        ["a", ".", "..", "...", "....", "a.b", "a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f", ".a.b.c", "a.b.c.", "a..b"]
    {
        Target::usual().refuses(token, ErrorKind::MalformedToken, token).await;
    }
    for count in [3, 100, 16 * 1024] {
        Target::usual().refuses(&".".repeat(count), ErrorKind::MalformedToken, &count.to_string()).await;
    }
    Target::usual().refuses(&".".repeat(1_000_000), ErrorKind::TokenTooLarge, "a million").await;
}

#[actix_web::test]
async fn d04_an_oversized_token_is_refused_without_parsing() {
    let mut header = good().header;
    for index in 0..50_000 {
        header.insert(format!("x{index}"), 1.into());
    }
    let unsigned = |header: &str, payload: &str| format!("{}.{}.AAAA", encode(header), encode(payload));
    for (token, case) in [
        (unsigned(&Value::from(header).to_string(), "{}"), "50 000 members"),
        (unsigned(&" ".repeat(1 << 20), "{}"), "a header of a MiB"),
        (unsigned("{}", &"[".repeat(1 << 20)), "a payload of a MiB"),
        (format!("{}.{}", good().sign(), "A".repeat(1 << 20)), "a tail of a MiB"),
        (unsigned(&format!("{{\"alg\":\"ES256\"{}}}", " ".repeat(3100)), "{}"), "a header of more than 4 KiB"),
        (good().claim("filler", "a".repeat(13_000)).sign(), "more than 16 KiB, signed by the right key"),
    ] {
        Target::usual().refuses(&token, ErrorKind::TokenTooLarge, case).await;
    }
    Target::usual().accepts(&good().claim("filler", "a".repeat(11_000)).sign(), "just below").await;
}

#[actix_web::test]
async fn d05_claims_and_headers_may_be_nested_32_levels_deep() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (levels, accepted) in [(31, true), (32, false), (120, false)] {
        let token = good().sign_payload(with_member(&format!("\"x\":{}", nested(levels))));
        let text = format!(r#"{{"alg":"ES256","kid":"k-1","x":{}}}"#, nested(levels));
        let header = good().sign_header(text);
        match accepted {
            true => {
                Target::usual().accepts(&token, "claims").await;
                Target::usual().accepts(&header, "header").await;
            }
            false => {
                Target::usual().refuses(&token, ErrorKind::MalformedClaims, "claims").await;
                Target::usual().refuses(&header, ErrorKind::MalformedToken, "header").await;
            }
        }
    }
}

#[actix_web::test]
async fn d06_endless_nesting_does_not_overflow_the_stack() {
    for (open, levels, kind) in [
        ("[", 200, ErrorKind::MalformedClaims),
        ("[", 11_000, ErrorKind::MalformedClaims),
        ("{\"a\":", 2_000, ErrorKind::MalformedClaims),
        ("[", 200_000, ErrorKind::TokenTooLarge),
    ] {
        let token = good().sign_payload(with_member(&format!("\"x\":{}", open.repeat(levels))));
        Target::usual().refuses(&token, kind, "claims").await;
        let kind = if levels > 2_900 || open.len() * levels > 2_900 {
            ErrorKind::TokenTooLarge
        } else {
            ErrorKind::MalformedToken
        };
        let token = good().sign_header(format!(r#"{{"alg":"ES256","x":{}"#, open.repeat(levels)));
        Target::usual().refuses(&token, kind, "header").await;
    }
}

#[actix_web::test]
async fn d07_a_duplicate_registered_claim_is_refused() {
    for twice in [
        r#""exp":9999999999"#,
        r#""aud":"https://api.example""#,
        r#""iss":"https://id.example""#,
        r#""sub":"root""#,
        r#""nbf":1"#,
        r#""iat":1"#,
        r#""jti":"x""#,
        r#""\u0073ub":"root""#,
        r#""e\u0078p":9999999999"#,
    ] {
        let token = good().sign_payload(with_member(twice));
        Target::usual().refuses(&token, ErrorKind::MalformedClaims, twice).await;
    }
}

#[actix_web::test]
async fn d08_a_duplicate_private_claim_is_refused() {
    for twice in [
        r#""scope":"admin""#,
        r#""name":"root""#,
        r#""\u006eame":"root""#,
        r#""roles":[],"roles":["admin"]"#,
        r#""cnf":1,"cnf":2"#,
        r#""tenant":{"id":1,"id":2}"#,
        r#""list":[{"a":1,"a":1}]"#,
        r#""client_id":"x""#,
    ] {
        let token = good().sign_payload(with_member(twice));
        Target::usual().refuses(&token, ErrorKind::MalformedClaims, twice).await;
    }
}

#[actix_web::test]
async fn d09_an_array_is_not_accepted_as_claims() {
    for payload in [
        json!([NOW + 300, 0, "user-1815", ISSUER, "https://api.example"]),
        json!(["Ada"]),
        json!([good().claims]),
        json!([["name", "Ada"]]),
    ] {
        let token = good().sign_payload(payload.to_string());
        Target::usual().refuses(&token, ErrorKind::MalformedClaims, "all claims").await;
        let answer = Target::usual().0.send(&Ask::get("/user").bearer(&token)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MalformedClaims));
    }
}

#[actix_web::test]
async fn d10_a_payload_that_is_not_a_json_object_is_refused() {
    let claims = Value::from(good().claims).to_string();
    for payload in [
        r#""text""#.to_owned(),
        "5".to_owned(),
        "null".to_owned(),
        "true".to_owned(),
        " ".to_owned(),
        "{".to_owned(),
        format!("{claims}{claims}"),
        format!("{claims}x"),
        format!("{claims},"),
        format!("\u{feff}{claims}"),
        format!("/* {claims} */ {claims}"),
        format!("{claims} // end"),
        with_member(""),
        with_member("\"x\":1,"),
        claims.replace('"', "'"),
        with_member("x:1"),
        with_member("\"x\":01"),
        with_member("\"x\":.5"),
        with_member("\"x\":+1"),
        with_member("\"x\":NaN"),
        with_member("\"x\":\"a\u{1}b\""),
        with_member("\"x\":\"\\x41\""),
        with_member("\"x\":undefined"),
        format!("{claims}\u{0}"),
        format!("\u{a0}{claims}"),
    ] {
        let token = good().sign_payload(&payload);
        Target::usual().refuses(&token, ErrorKind::MalformedClaims, &payload).await;
    }
    let utf16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Target::usual().refuses(&good().sign_payload(utf16), ErrorKind::MalformedClaims, "UTF-16").await;
    let invalid = [with_member("\"x\":\"").as_bytes(), b"\xff\"}"].concat();
    Target::usual().refuses(&good().sign_payload(invalid), ErrorKind::MalformedToken, "not UTF-8").await;
    let overlong = [with_member("\"x\":\"").as_bytes(), b"\xc0\xaf\"}"].concat();
    Target::usual().refuses(&good().sign_payload(overlong), ErrorKind::MalformedToken, "overlong").await;
    Target::usual().refuses(&good().sign_payload(""), ErrorKind::MalformedToken, "empty").await;
    Target::usual().accepts(&good().sign_payload(format!(" \t\r\n{claims}\n ")), "white space around it").await;
}

#[actix_web::test]
async fn d11_an_unpaired_surrogate_is_refused_even_in_a_claim_that_is_not_read() {
    for text in [r"\ud800", r"\udc00", r"\ud800\u0041", r"\ud800x", r"\udc00\ud800"] {
        for claim in ["sub", "unread"] {
            let claims = format!(
                r#"{{"iss":"{ISSUER}","aud":"https://api.example","exp":{},"name":"Ada","{claim}":"{text}"}}"#,
                NOW + 300
            );
            let token = good().sign_payload(claims);
            let answer = Target::usual().0.send(&Ask::get("/user").bearer(&token)).await;
            assert_eq!(answer, Answer::refused(ErrorKind::MalformedClaims), "{claim} {text}");
        }
    }
    let pair = good().sign_payload(with_member(r#""face":"\ud83d\ude00""#));
    Target::usual().accepts(&pair, "both halves").await;
}

#[actix_web::test]
async fn d12_control_characters_in_claims_reach_only_the_handler() {
    let log = Log::start();
    for text in ["a\u{0}b", "a\r\nset-cookie: b=c", "\u{1b}[31m", "\u{202e}evil", "\u{7f}", "\u{2028}"] {
        let token = good().claim("sub", text).claim("scope", text);
        let answer = Target::usual().0.send(&Ask::get("/me").bearer(&token.sign())).await;
        assert_eq!(answer, Answer::json(&token.claims.clone().into()));
        let answer = Target::usual().0.send(&Ask::get("/reports").bearer(&token.sign())).await;
        assert_eq!(answer, Answer::forbidden("reports:read"));
        let answer = Target::usual().0.send(&Ask::get("/me").bearer(&token.claim("iss", text).sign())).await;
        assert_eq!(answer, Answer::refused(ErrorKind::UnknownIssuer));
    }
    let text = log.text();
    for part in ["set-cookie", "\u{1b}", "\u{202e}", "\u{0}", "\u{2028}", "\r"] {
        assert!(!text.contains(part), "{part:?}");
    }
}

#[actix_web::test]
async fn d13_claim_names_are_case_sensitive() {
    let token = good().claim("EXP", 1).claim("Aud", "x").claim("ISS", 5).claim("Nbf", "later").sign();
    Target::usual().accepts(&token, "besides").await;
    for (name, other, kind) in [
        ("exp", "EXP", ErrorKind::MissingClaim),
        ("aud", "Aud", ErrorKind::WrongAudience),
        ("iss", "ISS", ErrorKind::UnknownIssuer),
    ] {
        let value = good().claims.get(name).cloned().expect("a claim");
        Target::usual().refuses(&good().without(name).claim(other, value).sign(), kind, other).await;
    }
}

#[actix_web::test]
async fn d14_claim_names_are_compared_by_code_point() {
    let composed = "https://caf\u{e9}.example";
    let decomposed = "https://cafe\u{301}.example";
    let target = Target::trusting(issuer().audience(composed));
    target.accepts(&good().claim("aud", composed).sign(), "the same").await;
    for aud in [decomposed, "https://CAF\u{c9}.example", "https://xn--caf-dma.example"] {
        target.refuses(&good().claim("aud", aud).sign(), ErrorKind::WrongAudience, aud).await;
    }
    for iss in [
        "https://\u{456}d.example",
        "https://id.ex\u{430}mple",
        "https://\u{ff49}d.example",
        "https://id.example\u{200b}",
        "https://id\u{3002}example",
    ] {
        Target::usual().refuses(&good().claim("iss", iss).sign(), ErrorKind::UnknownIssuer, iss).await;
    }
}
