//! Token sources.

use jwt_core::ErrorKind;
use jwt_core::http::{Location, TokenSources};
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::gate::enter;
use jwt_tests::setup::{behind, builder, good};

/// An application with every token source.
fn application() -> Application {
    let sources = TokenSources::new().cookie("session").query("access_token").header("x-token");
    let sources = sources.bearer_header("x-forwarded-authorization").websocket_protocol();
    let sources = sources.from_fn(Location::Custom, |request| {
        let mut token = None;
        request.header("x-custom", &mut |value| token = String::from_utf8(value.to_vec()).ok());
        token
    });
    behind(builder().sources(sources))
}

fn handshake(route: &str) -> Ask {
    Ask::get(route).header("connection", "upgrade").header("upgrade", "websocket")
}

/// A request with `token` in each of the places.
fn places(route: &str, token: &str) -> [(Ask, &'static str); 7] {
    [
        (Ask::get(route).bearer(token), "Authorization"),
        (Ask::get(route).header("cookie", format!("a=b; session={token}; c=d")), "Cookie"),
        (Ask::get(format!("{route}?page=2&access_token={token}")), "Query"),
        (Ask::get(route).header("x-token", token), "Header"),
        (Ask::get(route).header("x-custom", token), "Custom"),
        (Ask::get(route).header("x-forwarded-authorization", format!("Bearer {token}")), "Header"),
        (handshake(route).header("sec-websocket-protocol", format!("bearer, {token}")), "WebSocketProtocol"),
    ]
}

#[actix_web::test]
async fn a_token_is_found_in_every_place_that_is_searched() {
    for (ask, location) in places("/verified", &good().sign()) {
        let answer = application().send(&ask).await;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("a body of JSON");
        assert_eq!((answer.status, &body["location"]), (200, &location.into()), "{location}");
        let private = (location == "Query").then_some("private");
        assert_eq!(answer.header("cache-control"), private, "{location}");
    }
}

#[actix_web::test]
async fn a_malformed_token_is_a_client_error_in_every_place() {
    for (ask, location) in places("/me", "a%2Cb") {
        let answer = application().send(&ask).await;
        assert_eq!(answer, Answer::malformed(ErrorKind::MalformedCredentials), "{location}");
    }
    // An empty cookie or custom header holds no token.
    let [authorization, _, query, _, custom, forwarded, websocket] = places("/me", "");
    for (ask, location) in [authorization, query, custom, forwarded, websocket] {
        let answer = application().send(&ask).await;
        assert_eq!(answer, Answer::malformed(ErrorKind::MalformedCredentials), "{location}");
    }
}

#[actix_web::test]
async fn an_empty_custom_header_holds_no_token() {
    let token = good().sign();
    for (ask, expected) in [
        (Ask::get("/user").header("x-token", ""), Answer::missing()),
        (Ask::get("/user").header("x-token", "  "), Answer::missing()),
        (Ask::get("/optional").header("x-token", ""), Answer::text("nobody")),
        (Ask::get("/user").header("x-token", "").bearer(&token), Answer::text("Ada")),
        (Ask::get("/user").header("x-forwarded-authorization", "").bearer(&token), Answer::text("Ada")),
        (
            Ask::get("/user").header("x-token", "").header("x-token", &token),
            Answer::malformed(ErrorKind::MultipleCredentials),
        ),
        (
            Ask::get("/user").header("x-token", "").header("x-token", ""),
            Answer::malformed(ErrorKind::MultipleCredentials),
        ),
    ] {
        assert_eq!(application().send(&ask).await, expected, "{ask:?}");
    }
}

#[actix_web::test]
async fn an_empty_cookie_holds_no_token() {
    let token = good().sign();
    for (ask, expected) in [
        (Ask::get("/user").header("cookie", "session="), Answer::missing()),
        (Ask::get("/user").header("cookie", "session=\"\""), Answer::missing()),
        (Ask::get("/user").header("cookie", "session"), Answer::missing()),
        (Ask::get("/user").header("cookie", "a=b; session=; session=\"\"; c=d"), Answer::missing()),
        (Ask::get("/user").header("cookie", "session=").header("cookie", "session="), Answer::missing()),
        (Ask::get("/optional").header("cookie", "session="), Answer::text("nobody")),
        (Ask::get("/optional").header("cookie", "session=\"\"; a=b"), Answer::text("nobody")),
        (Ask::get("/user").header("cookie", "session=\"\"").bearer(&token), Answer::text("Ada")),
        (
            Ask::get("/user").header("authorization", "").header("cookie", format!("session={token}")),
            Answer::text("Ada"),
        ),
        (Ask::get("/user").header("cookie", "session=").bearer(&token), Answer::text("Ada")),
        (Ask::get("/user").header("cookie", format!("session=; session={token}")), Answer::text("Ada")),
    ] {
        assert_eq!(application().send(&ask).await, expected, "{ask:?}");
    }
}

#[actix_web::test]
async fn a_closure_is_protected_like_a_cookie_unless_it_declares_another_place() {
    for (location, is_protected) in [
        (Location::Cookie, true),
        (Location::Custom, true),
        (Location::Header, false),
        (Location::Authorization, false),
    ] {
        let token = good().sign();
        let sources = TokenSources::none().from_fn(location, move |_| Some(token.clone()));
        let application = behind(builder().sources(sources));
        let cross = Ask::post("/me").header("sec-fetch-site", "cross-site");
        let answer = application.send(&cross).await;
        assert_eq!(answer.code, is_protected.then_some("csrf_failed"), "{location:?}");
        assert_eq!(application.send(&Ask::get("/user")).await, Answer::text("Ada"), "{location:?}");
    }
}

#[actix_web::test]
async fn two_tokens_are_refused_wherever_they_are_even_if_they_are_equal() {
    let token = good().sign();
    let query = format!("/me?access_token={token}");
    let cookie = format!("session={token}");
    for ask in [
        Ask::get("/me").bearer(&token).header("cookie", &cookie),
        Ask::get(&query).bearer(&token),
        Ask::get(&query).header("cookie", &cookie),
        Ask::get(format!("{query}&access_token={token}")),
        Ask::get("/me").header("cookie", format!("{cookie}; {cookie}")),
        Ask::get("/me").header("cookie", &cookie).header("cookie", &cookie),
        Ask::get("/me").header("x-token", &token).header("x-token", &token),
        Ask::get("/me").bearer(&token).header("x-custom", &token),
    ] {
        let mut answer = application().send(&ask).await;
        // Two cookies of one name are also removed.
        answer.headers.retain(|(name, _)| name != "set-cookie");
        assert_eq!(answer, Answer::malformed(ErrorKind::MultipleCredentials));
    }
}

#[actix_web::test]
async fn the_query_is_searched_only_for_safe_methods() {
    let target = format!("/me?access_token={}", good().sign());
    assert_eq!(application().send(&Ask::post(&target)).await, Answer::missing());
    // The frameworks answer `HEAD` in their own ways, so only the decision is checked.
    let verifier = builder().sources(TokenSources::new().query("access_token")).build().expect("a verifier");
    for (method, accepted) in [("GET", true), ("HEAD", true), ("POST", false), ("PUT", false), ("get", false)] {
        let outcome = enter(&Authenticator::from(verifier.clone()), &BareRequest::new(method, target.as_str()));
        assert_eq!(outcome.is_ok(), accepted, "{method}");
    }
}

#[actix_web::test]
async fn a_response_to_a_token_in_the_query_is_not_for_shared_caches() {
    let query = format!("?access_token={}", good().sign());
    let private = |answer: Answer| answer.with_header("cache-control", "private");
    for (route, expected) in [
        ("/user", private(Answer::text("Ada"))),
        ("/optional", private(Answer::text("Ada"))),
        ("/reports", private(Answer::text("Ada"))),
        ("/no-store", Answer::text("secret").with_header("cache-control", "no-store")),
    ] {
        assert_eq!(application().send(&Ask::get(format!("{route}{query}"))).await, expected, "{route}");
    }
}

#[actix_web::test]
async fn other_places_are_not_searched() {
    let token = good().sign();
    for ask in [
        Ask::get(format!("/me?token={token}")),
        Ask::get("/me").header("cookie", format!("Session={token}; xsession={token}")),
        Ask::get("/me").header("proxy-authorization", format!("Bearer {token}")),
        Ask::get("/me").header("x-authorization", format!("Bearer {token}")),
    ] {
        assert_eq!(application().send(&ask).await, Answer::missing());
    }
}

#[actix_web::test]
async fn a_websocket_response_selects_the_protocol_that_the_client_offers() {
    use base64::Engine as _;
    let token = good().sign();
    let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&token);
    let kubernetes = format!("base64url.bearer.authorization.k8s.io.{encoded}, chat");
    let accepted = || Answer::empty(101).with_header("sec-websocket-accept", "x");
    let with = |answer: Answer, protocol: &str| answer.with_header("sec-websocket-protocol", protocol);
    for (route, protocols, expected) in [
        ("/socket", format!("bearer, {token}"), with(accepted(), "bearer")),
        ("/socket", format!("chat, bearer, {token}"), with(accepted(), "bearer")),
        ("/socket-chat", format!("bearer, {token}, chat"), with(accepted(), "chat")),
        ("/socket-chat", kubernetes.clone(), with(accepted(), "chat")),
        // The client does not offer `bearer`, so it must not be selected.
        ("/socket", kubernetes, accepted()),
        ("/user", format!("bearer, {token}"), Answer::text("Ada")),
        ("/socket", "bearer".to_owned(), Answer::malformed(ErrorKind::MalformedCredentials)),
        ("/socket", "bearer, a.b.c".to_owned(), Answer::refused(ErrorKind::MalformedToken)),
        ("/socket", format!("bearer, {token}, bearer, {token}"), Answer::malformed(ErrorKind::MultipleCredentials)),
        ("/socket", format!("chat, {token}"), Answer::missing()),
    ] {
        let answer = application().send(&handshake(route).header("sec-websocket-protocol", &protocols)).await;
        assert_eq!(answer, expected, "{route}");
    }
    let plain = application().send(&handshake("/socket").bearer(&token)).await;
    assert_eq!(plain, accepted(), "the token isn't among the protocols");
    // Without an upgrade, it's a header like any other.
    let ask = Ask::get("/user").header("sec-websocket-protocol", format!("bearer, {token}"));
    assert_eq!(application().send(&ask).await, Answer::missing());
    let off = handshake("/user").header("sec-websocket-protocol", format!("bearer, {token}"));
    assert_eq!(behind(builder()).send(&off).await, Answer::missing());
}

#[actix_web::test]
async fn the_first_source_counts_only_if_that_is_asked_for() {
    let (ada, eve) = (good().sign(), good().claim("name", "Eve").sign());
    let ask = Ask::get("/user").bearer(&ada).header("cookie", format!("session={eve}"));
    let sources = || TokenSources::new().cookie("session");
    let refused = behind(builder().sources(sources())).send(&ask).await;
    assert_eq!(refused, Answer::malformed(ErrorKind::MultipleCredentials));
    let first = behind(builder().sources(sources().dangerous_first_source_wins()));
    assert_eq!(first.send(&ask).await, Answer::text("Ada"));
    let second = Ask::get("/user").header("cookie", format!("session={eve}"));
    assert_eq!(first.send(&second).await, Answer::text("Eve"));
    let bad = Ask::get("/user").bearer("a.b.c").header("cookie", format!("session={eve}"));
    assert_eq!(first.send(&bad).await, Answer::refused(ErrorKind::MalformedToken));
}
