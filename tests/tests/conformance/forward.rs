//! The requests that a gateway forwards.

use jwt_core::ErrorKind;
use jwt_core::http::TokenSources;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, behind, builder, good};
use serde_json::json;

#[actix_web::test]
async fn claims_are_forwarded_as_headers_and_the_token_is_not() {
    let application = application().forwarding(&[
        ("/sub", "X-User"),
        ("/scope", "x-scope"),
        ("/roles", "x-roles"),
        ("/exp", "x-until"),
        ("/tenant/name", "x-tenant"),
        ("/missing", "x-missing"),
    ]);
    let token = good().claim("roles", json!(["a", "b,c"])).claim("tenant", json!({"name": "Žižka"})).sign();
    let ask = Ask::get("/forwarded?a=b").bearer(&token).header("accept", "text/plain").header("cookie", "a=b");
    let expected = "/forwarded?a=b\naccept: text/plain\ncookie: a=b\nx-roles: a,b%2Cc\nx-scope: reports:read profile\n\
                    x-tenant: %C5%BDi%C5%BEka\nx-until: 1800000300\nx-user: user-1815";
    assert_eq!(application.send(&ask).await, Answer::text(expected));
}

#[actix_web::test]
async fn the_token_is_removed_from_every_place_that_is_searched() {
    let sources = TokenSources::new().cookie("session").query("access_token").header("x-token");
    let sources = sources.bearer_header("x-forwarded-authorization").websocket_protocol();
    let application = behind(builder().sources(sources)).forwarding(&[("/sub", "x-user")]);
    let token = good().sign();
    for (ask, rest) in [
        (Ask::get("/forwarded").bearer(&token), "/forwarded\n"),
        (Ask::get(format!("/forwarded?a=b&access_token={token}&c")), "/forwarded?a=b&c\n"),
        (Ask::get(format!("/forwarded?access_token={token}")), "/forwarded\n"),
        (Ask::get("/forwarded").header("cookie", format!("session={token}")), "/forwarded\n"),
        (
            Ask::get("/forwarded").header("cookie", format!("a=b; session={token}; c=d")),
            "/forwarded\ncookie: a=b; c=d\n",
        ),
        (Ask::get("/forwarded").header("x-token", &token), "/forwarded\n"),
    ] {
        let answer = application.send(&ask).await;
        assert_eq!(String::from_utf8_lossy(&answer.body), format!("{rest}x-user: user-1815"));
    }
    // A token in a header that `Connection` names is ignored, and still not forwarded.
    let ask = Ask::get("/optional-forwarded").bearer(&token).header("connection", "authorization");
    let expected = Answer::text("/optional-forwarded\nconnection: authorization");
    assert_eq!(application.send(&ask).await, expected);
}

#[actix_web::test]
async fn a_token_in_the_query_is_removed_from_headers_that_repeat_the_address() {
    let sources = TokenSources::new().query("access_token");
    let application = behind(builder().sources(sources)).forwarding(&[("/sub", "x-user")]);
    let token = good().sign();
    for name in ["referer", "x-original-url", "x-original-uri", "x-rewrite-url", "x-forwarded-uri"] {
        for (address, rest) in [
            (format!("https://api.example/a?b=c&access_token={token}&d"), "https://api.example/a?b=c&d"),
            (format!("/a?access_token={token}"), "/a"),
            (format!("/a?access%5Ftoken={token}#b"), "/a"),
            ("/a?b=c".to_owned(), "/a?b=c"),
        ] {
            let answer = application.send(&Ask::get("/optional-forwarded").header(name, &address)).await;
            assert_eq!(answer, Answer::text(&format!("/optional-forwarded\n{name}: {rest}")), "{address}");
        }
    }
}

#[actix_web::test]
async fn the_token_is_forwarded_if_configured() {
    let token = good().sign();
    let answer = application().send(&Ask::get("/forwarded").bearer(&token)).await;
    assert_eq!(answer, Answer::text(&format!("/forwarded\nauthorization: Bearer {token}")));
}

#[actix_web::test]
async fn nothing_unverified_is_forwarded() {
    let application = application().forwarding(&[("/sub", "x-user")]);
    for (ask, expected) in [
        (Ask::get("/forwarded"), Answer::missing()),
        (Ask::get("/forwarded").bearer("a"), Answer::refused(ErrorKind::MalformedToken)),
        (Ask::get("/optional-forwarded").bearer("a"), Answer::refused(ErrorKind::MalformedToken)),
        (Ask::get("/bare-forwarded"), Answer::misuse()),
        (Ask::get("/bare-forwarded").bearer(&good().sign()), Answer::misuse()),
        // Credentials of another scheme are for another service.
        (
            Ask::get("/optional-forwarded").header("authorization", "Basic YTpi"),
            Answer::text("/optional-forwarded\nauthorization: Basic YTpi"),
        ),
    ] {
        assert_eq!(application.send(&ask).await, expected, "{ask:?}");
    }
}

#[actix_web::test]
async fn the_actor_and_the_protocols_of_a_websocket_are_forwarded_without_the_token() {
    let sources = TokenSources::new().bearer_header("x-forwarded-authorization").websocket_protocol();
    let application = behind(builder().sources(sources)).forwarding(&[("/sub", "x-user"), ("/act/sub", "x-actor")]);
    let token = good().claim("act", json!({"sub": "desk", "act": {"sub": "earlier"}})).sign();
    let moved = Ask::get("/forwarded").header("x-forwarded-authorization", format!("Bearer {token}"));
    let claims = "x-actor: desk\nx-user: user-1815";
    assert_eq!(application.send(&moved).await, Answer::text(&format!("/forwarded\n{claims}")));
    let socket = Ask::get("/forwarded").header("upgrade", "websocket");
    let socket = socket.header("sec-websocket-protocol", format!("chat, bearer, {token}"));
    let expected = format!("/forwarded\nsec-websocket-protocol: chat\nupgrade: websocket\n{claims}");
    assert_eq!(application.send(&socket).await, Answer::text(&expected));
    let undelegated = Ask::get("/forwarded").bearer(&good().sign()).header("x-actor", "forged");
    assert_eq!(application.send(&undelegated).await, Answer::text("/forwarded\nx-user: user-1815"));
}
