//! Section H: the header `Authorization`.

use jwt_core::http::TokenSources;
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::setup::{application, behind, builder, good, stranger};

use super::requests::{expect, lines};

#[actix_web::test]
async fn h01_a_request_without_credentials_gets_a_challenge_without_an_error() {
    expect(&application(), &Ask::get("/me"), &Answer::missing(), "none").await;
    expect(&application(), &Ask::post("/me"), &Answer::missing(), "none").await;
}

#[actix_web::test]
async fn h02_other_authentication_schemes_are_ignored() {
    let token = good().sign();
    for value in [
        "Basic eDp5".to_owned(),
        "Negotiate".to_owned(),
        format!("BearerX {token}"),
        format!("XBearer {token}"),
        format!("Bearer-Token {token}"),
        format!("Token {token}"),
        format!("JWT {token}"),
        format!("Bear {token}"),
        format!("Digest realm=\"Bearer {token}\""),
        token,
        "\"Bearer\" x".to_owned(),
        String::new(),
    ] {
        expect(&application(), &lines(&[value.as_bytes()]), &Answer::missing(), &value).await;
    }
}

#[actix_web::test]
async fn h03_two_authorization_headers_are_refused_whatever_they_hold() {
    let (token, bad) = (format!("Bearer {}", good().sign()), "Bearer bad".to_owned());
    let twice = Answer::malformed(ErrorKind::MultipleCredentials);
    for (first, second) in [(&bad, &token), (&token, &bad), (&token, &token), (&bad, &bad)] {
        expect(&application(), &lines(&[first.as_bytes(), second.as_bytes()]), &twice, "Bearer").await;
    }
    for other in ["Basic eDp5", "DPoP x", "", "BearerX y"] {
        for pair in [[other, &token], [&token, other], [other, other]] {
            let ask = Ask::get("/me").header("authorization", pair[0]).header("Authorization", pair[1]);
            expect(&application(), &ask, &twice, other).await;
        }
    }
}

#[actix_web::test]
async fn h04_two_tokens_in_one_header_are_refused() {
    let token = good().sign();
    let unread = Answer::malformed(ErrorKind::MalformedCredentials);
    for value in [
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token},{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearer {token}, Basic eDp5"),
        format!("Bearer {token};"),
        format!("Bearer \"{token}\""),
        format!("Bearer token=\"{token}\""),
    ] {
        expect(&application(), &lines(&[value.as_bytes()]), &unread, &value).await;
    }
}

#[actix_web::test]
async fn h05_the_scheme_is_case_insensitive() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = format!("{scheme} {}", good().sign());
        let ask = Ask::get("/user").header("authorization", value);
        expect(&application(), &ask, &Answer::text("Ada"), scheme).await;
    }
}

#[actix_web::test]
async fn h06_only_spaces_may_separate_scheme_and_token() {
    let token = good().sign();
    let unread = Answer::malformed(ErrorKind::MalformedCredentials);
    let user = |value: Vec<u8>| Ask::get("/user").header("authorization", value);
    for value in [
        format!("Bearer   {token}"),
        format!(" Bearer {token}"),
        format!("Bearer {token} "),
        format!("Bearer {token}\t"),
        format!("\tBearer {token}"),
    ] {
        expect(&application(), &user(value.clone().into()), &Answer::text("Ada"), &value).await;
    }
    for value in [
        format!("Bearer\t{token}").into_bytes(),
        format!("Bearer \t{token}").into_bytes(),
        [b"Bearer\xa0".as_slice(), token.as_bytes()].concat(),
        [b"Bearer \xc2\xa0".as_slice(), token.as_bytes()].concat(),
        format!("Bearer:{token}").into_bytes(),
        format!("Bearer={token}").into_bytes(),
        format!("Bearer/{token}").into_bytes(),
    ] {
        expect(&application(), &user(value.clone()), &unread, &value.escape_ascii().to_string()).await;
    }
    expect(&application(), &user(format!("Bearer{token}").into()), &Answer::missing(), "no space").await;
}

#[actix_web::test]
async fn h07_a_scheme_without_a_token_is_refused() {
    for value in ["Bearer", "Bearer ", "Bearer    ", "bearer", " Bearer "] {
        let unread = Answer::malformed(ErrorKind::MalformedCredentials);
        expect(&application(), &lines(&[value.as_bytes()]), &unread, value).await;
    }
}

#[actix_web::test]
async fn h08_header_bytes_that_are_not_text_are_refused_without_a_panic() {
    let token = good().sign();
    let unread = Answer::malformed(ErrorKind::MalformedCredentials);
    for bytes in
        [&b"\xff"[..], b"\x80", b"\xc3\xa9", b"\xe2\x80\xae", b"%00", b"\xf0\x9f\x94\x91", b"\xc0\xaf", b"\x80\x80\x80"]
    {
        for value in [
            [b"Bearer ", bytes].concat(),
            [b"Bearer ", token.as_bytes(), bytes].concat(),
            [b"Bearer ", bytes, token.as_bytes()].concat(),
        ] {
            expect(&application(), &lines(&[&value]), &unread, &bytes.escape_ascii().to_string()).await;
        }
        let value = [bytes, b"Bearer ", token.as_bytes()].concat();
        expect(&application(), &lines(&[&value]), &Answer::missing(), "before the scheme").await;
    }
    // Bytes that no header may contain are rejected by the parsers of both frameworks.
    for byte in [0, b'\r', b'\n', 0x7f] {
        assert!(http::HeaderValue::from_bytes(&[b'a', byte]).is_err());
        assert!(actix_web::http::header::HeaderValue::from_bytes(&[b'a', byte]).is_err());
    }
}

#[actix_web::test]
async fn h09_an_oversized_header_is_refused_without_parsing() {
    for length in [16 * 1024 + 1, 64 * 1024, 1 << 20] {
        let ask = Ask::get("/me").bearer(&"A".repeat(length));
        expect(&application(), &ask, &Answer::refused(ErrorKind::TokenTooLarge), &length.to_string()).await;
        let ask = lines(&["B".repeat(length).as_bytes()]);
        expect(&application(), &ask, &Answer::missing(), &length.to_string()).await;
        let ask = lines(&[format!("Bearer{}", " ".repeat(length)).as_bytes()]);
        expect(&application(), &ask, &Answer::malformed(ErrorKind::MalformedCredentials), "spaces").await;
    }
}

#[actix_web::test]
async fn h17_a_bad_token_is_not_treated_as_absent() {
    let foreign = Forge::new(&stranger(Algorithm::ES256)).header("kid", "k-1").sign();
    for (token, kind) in [
        (good().claim("exp", 1).sign(), ErrorKind::Expired),
        (foreign, ErrorKind::BadSignature),
        (good().claim("aud", "x").sign(), ErrorKind::WrongAudience),
        ("x".to_owned(), ErrorKind::MalformedToken),
    ] {
        let ask = Ask::get("/optional").bearer(&token);
        expect(&application(), &ask, &Answer::refused(kind), "optional").await;
    }
    let ask = Ask::get("/optional").header("authorization", "Bearer");
    expect(&application(), &ask, &Answer::malformed(ErrorKind::MalformedCredentials), "empty").await;
}

#[actix_web::test]
async fn h24_a_hop_by_hop_authorization_header_is_ignored() {
    for options in ["authorization", "Authorization", "close, authorization", "keep-alive ,AUTHORIZATION , x"] {
        let ask = Ask::get("/me").bearer(&good().sign()).header("connection", options);
        expect(&application(), &ask, &Answer::missing(), options).await;
    }
    let ask =
        Ask::get("/me").header("connection", "close").bearer(&good().sign()).header("connection", "authorization");
    expect(&application(), &ask, &Answer::missing(), "in a second line").await;
    let ask = Ask::get("/user").bearer(&good().sign()).header("connection", "close, x-authorization");
    expect(&application(), &ask, &Answer::text("Ada"), "another header").await;
    let open = behind(builder().sources(TokenSources::new().cookie("session")));
    let ask = Ask::get("/me").header("cookie", format!("session={}", good().sign())).header("connection", "cookie");
    expect(&open, &ask, &Answer::missing(), "a cookie").await;
}
