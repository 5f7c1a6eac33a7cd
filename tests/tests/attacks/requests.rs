//! Section H: HTTP requests. The header `Authorization` has a file of its own.

use jwt_core::http::{Cookies, Csrf, Location, TokenSources};
use jwt_core::proof::Dpop;
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::proof::{BASE, Device, token_hash};
use jwt_tests::setup::{application, behind, builder, good, issuer, stranger, trusting};
use serde_json::{Value, json};

pub(super) fn lines(values: &[&[u8]]) -> Ask {
    values.iter().fold(Ask::get("/me"), |ask, value| ask.header("authorization", value))
}

pub(super) async fn expect(application: &Application, ask: &Ask, expected: &Answer, case: &str) {
    assert_eq!(&application.send(ask).await, expected, "{case}");
}

#[actix_web::test]
async fn h10_tokens_in_two_places_are_refused() {
    let token = good().sign();
    let cookie = format!("session={token}");
    let open = behind(builder().sources(TokenSources::new().cookie("session").query("access_token")));
    let twice = Answer::malformed(ErrorKind::MultipleCredentials);
    let query = format!("/me?access_token={token}");
    for (ask, case) in [
        (Ask::get("/me").bearer(&token).header("cookie", &cookie), "header and cookie"),
        (Ask::get("/me").bearer("bad").header("cookie", &cookie), "bad header and good cookie"),
        (Ask::get(&query).bearer(&token), "header and query"),
        (Ask::get(&query).header("cookie", &cookie), "query and cookie"),
        (Ask::get(format!("{query}&access_token=x")), "a query twice"),
    ] {
        expect(&open, &ask, &twice, case).await;
    }
    // The browser would send both cookies again, so they are removed, for every path of this request.
    let twice = ["/", "/me", "/; Secure; Partitioned", "/me; Secure; Partitioned"]
        .into_iter()
        .fold(twice, |answer, path| answer.with_header("set-cookie", &format!("session=; Path={path}; Max-Age=0")));
    for (ask, case) in [
        (Ask::get("/me").header("cookie", format!("{cookie}; {cookie}")), "a cookie twice in one line"),
        (Ask::get("/me").header("cookie", &cookie).header("cookie", "session=x"), "a cookie twice in two lines"),
    ] {
        expect(&open, &ask, &twice, case).await;
    }
    // A place that isn't searched does not count.
    let ask = Ask::get("/user?access_token=x").bearer(&token).header("cookie", "session=x");
    expect(&application(), &ask, &Answer::text("Ada"), "places that are not searched").await;
}

#[actix_web::test]
async fn h11_a_token_in_the_query_is_ignored_by_default() {
    for name in ["access_token", "token", "jwt", "bearer"] {
        let ask = Ask::get(format!("/me?{name}={}", good().sign()));
        expect(&application(), &ask, &Answer::missing(), name).await;
    }
}

#[actix_web::test]
async fn h12_a_response_to_a_token_in_the_query_is_private() {
    let open = behind(builder().sources(TokenSources::new().query("access_token")));
    let ask = Ask::get(format!("/user?access_token={}", good().sign()));
    let expected = Answer::text("Ada").with_header("cache-control", "private");
    expect(&open, &ask, &expected, "query").await;
    let ask = Ask::get("/user").bearer(&good().sign());
    expect(&open, &ask, &Answer::text("Ada"), "header").await;
}

#[actix_web::test]
async fn h13_a_cookie_in_a_cross_site_request_is_refused() {
    let cookie = |token: &str| format!("__Host-access={token}");
    let post = |token: &str| Ask::post("/me").header("host", "api.example").header("cookie", cookie(token));
    let (plain, bound) = (good().sign(), good().claim("csrf", "s3cret").sign());
    for sources in [TokenSources::new().cookie("__Host-access"), Cookies::new().sources()] {
        let open = behind(builder().sources(sources));
        for (ask, case) in [
            (post(&plain).header("sec-fetch-site", "cross-site").header("origin", "https://evil.example"), "a form"),
            (post(&plain).header("sec-fetch-site", "same-site").header("origin", "https://x.example"), "a sibling"),
            (post(&plain).header("origin", "https://evil.example"), "an old browser"),
            (post(&plain).header("origin", "null"), "a sandbox"),
            (post(&plain), "no browser headers"),
            (post(&plain).header("x-csrf-token", "s3cret"), "a header without a claim"),
            (post(&bound).header("sec-fetch-site", "same-origin"), "no header"),
            (post(&bound).header("sec-fetch-site", "same-origin").header("x-csrf-token", "guess"), "a guess"),
            (post(&bound).header("cookie", "csrf=guess").header("x-csrf-token", "guess"), "a planted pair"),
            (post(&bound).header("sec-fetch-site", "cross-site").header("x-csrf-token", "s3cret"), "a stolen value"),
            (post("bad").header("sec-fetch-site", "cross-site"), "a bad token"),
        ] {
            expect(&open, &ask, &Answer::csrf(), case).await;
        }
        // The same tokens, from the application's own pages and in a header.
        let own = post(&bound).header("sec-fetch-site", "same-origin").header("x-csrf-token", "s3cret");
        for ask in [post(&plain).header("sec-fetch-site", "same-origin"), own, Ask::post("/me").bearer(&bound)] {
            assert_eq!(open.send(&ask).await.status, 200);
        }
    }
}

#[actix_web::test]
async fn h13_a_cross_site_form_is_refused_whatever_its_fields() {
    let sources = TokenSources::new().cookie("__Host-access").csrf(Csrf::new().form_field("csrf_token"));
    let open = behind(builder().sources(sources));
    let token = good().claim("csrf", "s3cret").sign();
    let post = |content_type: &str, body: &str| {
        let ask = Ask::post("/echo").header("host", "api.example").header("cookie", format!("__Host-access={token}"));
        ask.header("content-type", content_type).body(body)
    };
    let form = |body: &str| post("application/x-www-form-urlencoded", body);
    let own = |ask: Ask| ask.header("sec-fetch-site", "same-origin");
    for (ask, case) in [
        (form("csrf_token=s3cret").header("sec-fetch-site", "cross-site"), "a stolen value"),
        (form("csrf_token=s3cret").header("origin", "null"), "a stolen value in a sandbox"),
        (form("csrf_token=guess"), "no browser headers, and a guess"),
        (form("csrf_token=guess").header("cookie", "csrf_token=guess"), "a planted pair"),
        (own(form("csrf_token=guess")), "a guess"),
        (own(form("csrf_token=guess&csrf_token=s3cret")), "several guesses"),
        (own(form("csrf_token[]=s3cret")), "a list"),
        (own(post("text/plain", "csrf_token=s3cret")), "plain text, as a form may send it"),
        (own(post("multipart/form-data; boundary=x", "csrf_token=s3cret")), "the content type for files"),
        (own(post("application/x-www-form-urlencodedx", "csrf_token=s3cret")), "another type"),
        (own(form("csrf_token=s3cret")).header("x-csrf-token", "guess"), "a guess in the header"),
    ] {
        expect(&open, &ask, &Answer::csrf(), case).await;
    }
    // The form field is a CSRF value, not a token: without the cookie, the request has no credentials.
    let ask = Ask::post("/echo").header("content-type", "application/x-www-form-urlencoded").body("csrf_token=s3cret");
    expect(&open, &ask, &Answer::missing(), "no cookie").await;
    expect(&open, &own(form("csrf_token=s3cret")), &Answer::text("csrf_token=s3cret"), "the application's own").await;
}

#[actix_web::test]
async fn h14_a_token_in_a_form_is_ignored() {
    let form = format!("access_token={}", good().sign());
    let open = behind(builder().sources(TokenSources::new().query("access_token")));
    for application in [application(), open] {
        for content_type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
            let ask = Ask::post("/me").header("content-type", content_type).body(form.clone());
            expect(&application, &ask, &Answer::missing(), content_type).await;
        }
    }
}

#[actix_web::test]
async fn h15_only_outer_cors_middleware_answers_a_preflight() {
    let preflight = Ask::new("OPTIONS", "/me")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    for adapter in Adapter::ALL {
        // axum adds the allowed methods, so the responses are checked one by one.
        let answer = adapter.send(&application(), &preflight).await;
        assert_eq!((answer.status, answer.code), (401, Some("no_credentials")), "{adapter:?}");
        let answer = adapter.send(&application().cors("https://app.example"), &preflight).await;
        assert_eq!((answer.status, answer.code), (200, None), "{adapter:?}");
    }
}

#[actix_web::test]
async fn h15_a_preflight_reaches_inner_cors_middleware_only_if_configured() {
    let preflight = |route: &str| {
        Ask::new("OPTIONS", route)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
    };
    let passing = application().passing_preflights();
    for adapter in Adapter::ALL {
        let answer = adapter.send(&application(), &preflight("/cors-inside")).await;
        assert_eq!((answer.status, answer.code), (401, Some("no_credentials")), "{adapter:?}");
        // CORS middleware answers now, with any answer.
        let answer = adapter.send(&passing, &preflight("/cors-inside")).await;
        assert_eq!((answer.code, answer.header("www-authenticate")), (None, None), "{adapter:?} {answer:?}");
    }
    for (method, headers) in [
        ("OPTIONS", vec![]),
        ("OPTIONS", vec![("origin", "https://app.example")]),
        ("OPTIONS", vec![("access-control-request-method", "GET")]),
        ("GET", vec![("origin", "https://app.example"), ("access-control-request-method", "GET")]),
        ("POST", vec![("origin", "https://app.example"), ("access-control-request-method", "GET")]),
        ("options", vec![("origin", "https://app.example"), ("access-control-request-method", "GET")]),
    ] {
        let ask = headers.iter().fold(Ask::new(method, "/me"), |ask, (name, value)| ask.header(name, value));
        for adapter in Adapter::ALL {
            let answer = adapter.send(&passing, &ask).await;
            assert_eq!((answer.status, answer.code), (401, Some("no_credentials")), "{adapter:?} {ask:?}");
        }
    }
    // No user is admitted: a handler for every method runs for guests, but not for preflights.
    expect(&passing, &Ask::new("OPTIONS", "/any"), &Answer::text("nobody"), "a guest").await;
    expect(&passing, &preflight("/any"), &Answer::missing(), "a preflight").await;
    for route in ["/principal", "/optional-principal", "/forwarded", "/optional-forwarded"] {
        for adapter in Adapter::ALL {
            let answer = adapter.send(&passing, &preflight(route)).await;
            assert_eq!((answer.status, answer.code), (401, Some("no_credentials")), "{adapter:?} {route}");
        }
    }
    // The layer cannot hold back a handler that answers every method and does not ask for claims.
    expect(&passing, &Ask::new("OPTIONS", "/any-unasked"), &Answer::missing(), "no preflight").await;
    expect(&passing, &preflight("/any-unasked"), &Answer::text("everyone"), "a preflight").await;
    for route in ["/me", "/reports", "/allowed", "/policy", "/optional-allowed"] {
        for adapter in Adapter::ALL {
            let answer = adapter.send(&passing, &preflight(route)).await;
            assert!(matches!(answer.status, 401 | 405) && answer.body.is_empty(), "{adapter:?} {route} {answer:?}");
        }
    }
}

#[actix_web::test]
async fn h18_identity_headers_of_the_client_are_ignored() {
    for name in ["x-user", "x-auth-subject", "x-forwarded-user", "remote-user", "x_user", "x-jwt-claims", "x-verified"]
    {
        let ask = Ask::get("/me").header(name, "root");
        expect(&application(), &ask, &Answer::missing(), name).await;
        let ask = Ask::get("/user").bearer(&good().sign()).header(name, "root");
        expect(&application(), &ask, &Answer::text("Ada"), name).await;
    }
}

#[actix_web::test]
async fn h18_behind_a_gateway_only_the_gateway_sets_identity_headers() {
    let application = application().forwarding(&[("/sub", "x-user"), ("/roles", "x-roles")]);
    let spellings = ["x-user", "X-USER", "x_user", "X_User", "x.user", "x-roles", "x_roles"];
    // Requests of a user without the claim, of a user with it, and without a token.
    let nameless = good().without("sub").sign();
    for (ask, expected) in [
        (Ask::get("/forwarded").bearer(&nameless), "/forwarded".to_owned()),
        (Ask::get("/forwarded").bearer(&good().sign()), "/forwarded\nx-user: user-1815".to_owned()),
        (Ask::get("/optional-forwarded"), "/optional-forwarded".to_owned()),
    ] {
        for value in ["root", "", "user-1815, root"] {
            let forged = spellings.iter().fold(ask.clone(), |ask, name| ask.header(name, value).header(name, value));
            expect(&application, &forged, &Answer::text(&expected), value).await;
        }
        // The next hop would drop the header that the client names here.
        let dropped = ask.header("connection", "x-user, X_Roles").header("connection", "x-user");
        expect(&application, &dropped, &Answer::text(&expected), "named in `Connection`").await;
    }
    // Claims that would end the line or start another header.
    for evil in ["a\r\nx-roles: admin", "a\nb", "a\0b", "a\u{85}b", " a", "a, b"] {
        let answer = application.send(&Ask::get("/forwarded").bearer(&good().claim("sub", evil).sign())).await;
        let body = String::from_utf8(answer.body).expect("text");
        let lines: Vec<&str> = body.lines().collect();
        assert!(answer.status == 200 && lines.len() == 2 && lines[1].starts_with("x-user: "), "{evil:?}: {body}");
        let value = lines[1].strip_prefix("x-user: ").expect("checked");
        assert!(value.contains('%') && !value.contains([',', '\\']) && value.trim() == value, "{value}");
    }
}

#[actix_web::test]
async fn h19_a_verified_token_from_earlier_middleware_is_ignored() {
    let key = stranger(Algorithm::ES256);
    let evil = TrustedIssuer::new("https://evil.example").key(key.verification_key()).dangerous_any_audience();
    let token = Forge::new(&key).claim("iss", "https://evil.example").claim("name", "Mallory").sign();
    let verifier = trusting(evil).build().expect("a verifier");
    let request = BareRequest::new("GET", "/").header("authorization", format!("Bearer {token}"));
    let state = jwt_tests::gate::enter(&Authenticator::from(verifier), &request).expect("good there").state;
    let application = application().planted(state.expect("a state"));
    expect(&application, &Ask::get("/user"), &Answer::missing(), "no token").await;
    expect(&application, &Ask::get("/optional"), &Answer::text("nobody"), "optional").await;
    expect(&application, &Ask::get("/user").bearer(&good().sign()), &Answer::text("Ada"), "a good token").await;
    let ask = Ask::get("/user").bearer(&token);
    expect(&application, &ask, &Answer::refused(ErrorKind::UnknownIssuer), "a token of the other issuer").await;
}

#[actix_web::test]
async fn h20_a_challenge_contains_nothing_that_needs_escaping() {
    for realm in ["a\"b", "a\\b", "a\r\nset-cookie: x=y", "caf\u{e9}", "\u{7f}", "a\tb", ""] {
        let error = builder().realm(realm).build().expect_err(realm);
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::IllegalCharacters, "realm"), "{realm:?}");
    }
    let bare = r#"Bearer realm="api", error="insufficient_scope""#;
    let (missing, mistake) = ((403, Some(bare)), (500, None));
    for (scope, expected) in [
        ("a\"b", missing),
        ("a\\b", missing),
        ("caf\u{e9}", missing),
        ("a\r\nb", missing),
        // Scopes are separated by spaces, so no token has one of these, and it's a mistake of the application.
        ("a b", mistake),
        ("", mistake),
    ] {
        let application = application().scopes([scope]);
        let answer = application.send(&Ask::get("/reports").bearer(&good().sign())).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), expected, "{scope:?}");
        let code = if expected == missing { "insufficient_scope" } else { "misconfigured" };
        assert_eq!(answer.code, Some(code), "{scope:?}");
    }
    // The token's contents never appear in a response.
    for claim in ["iss", "aud", "scope"] {
        let token = good().claim(claim, "x\", error=\"none\\\r\nset-cookie: a=b").sign();
        for route in ["/reports", "/number"] {
            let answer = application().send(&Ask::get(route).bearer(&token)).await;
            let value = answer.header("www-authenticate").expect("a challenge");
            assert!(!value.contains("none") && !value.contains("cookie"), "{value}");
        }
    }
}

fn with_dpop() -> Application {
    behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)))
}

#[actix_web::test]
async fn h21_a_proof_for_anything_else_is_refused() {
    let (application, device) = (with_dpop(), Device::default());
    let token = device.good().sign();
    let good = || device.proof("GET", "/user", &token);
    let private: Value = serde_json::from_str(&device.key.export_private_jwk().expect("a key")).expect("JSON");
    for (case, proof) in [
        ("a query", good().claim("htu", format!("{BASE}/user?a=b"))),
        ("another method", good().claim("htm", "DELETE")),
        ("an old one", good().claim("iat", NOW - 3600)),
        ("another token", good().claim("ath", token_hash("another"))),
        ("a private key", good().header("jwk", private)),
        ("a MAC", good().header("alg", "HS256")),
        ("no signature", good().header("alg", "none")),
    ] {
        let answer = application.send(&Ask::get("/user").dpop(&token, &proof.sign())).await;
        assert_eq!((answer.status, answer.code), (401, Some("invalid_dpop_proof")), "{case}");
    }
    let two = Ask::get("/user").dpop(&token, &good().sign()).header("dpop", good().sign());
    assert_eq!(application.send(&two).await.code, Some("invalid_dpop_proof"), "two proofs");
    let ask = Ask::get("/user").dpop(&token, &good().sign());
    assert_eq!(Adapter::Actix.send(&application, &ask).await, Answer::text("Ada"));
    assert_eq!(application.send(&ask).await.code, Some("replayed_proof"), "replayed");
}

#[actix_web::test]
async fn h22_a_bound_token_is_no_bearer_token_and_a_bearer_token_needs_no_proof() {
    let (application, device) = (with_dpop(), Device::default());
    let (bound, free) = (device.good().sign(), good().sign());
    let ask = |scheme: &str, token: &str| {
        let proof = device.proof("GET", "/user", token).sign();
        Ask::get("/user").header("authorization", format!("{scheme} {token}")).header("dpop", proof)
    };
    for (scheme, token, code) in
        [("Bearer", &bound, "missing_proof"), ("bearer", &bound, "missing_proof"), ("DPoP", &free, "unbound_token")]
    {
        assert_eq!(application.send(&ask(scheme, token)).await.code, Some(code), "{scheme}");
    }
    assert_eq!(application.send(&ask("Bearer", &free)).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn h22_a_token_with_another_scheme_is_not_a_bearer_token() {
    let bound = good().claim("cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})).sign();
    for token in [good().sign(), bound.clone()] {
        for scheme in ["DPoP", "dpop", "PoP", "MAC"] {
            let ask = Ask::get("/me").header("authorization", format!("{scheme} {token}")).header("dpop", "a.b.c");
            expect(&application(), &ask, &Answer::missing(), scheme).await;
        }
    }
    let ask = Ask::get("/me").bearer(&bound).header("dpop", "a.b.c");
    expect(&application(), &ask, &Answer::refused(ErrorKind::UnsupportedConfirmation), "downgraded").await;
}

#[actix_web::test]
async fn h23_a_certificate_in_a_header_does_not_bind_a_token() {
    let token = good().claim("cnf", json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"})).sign();
    for name in ["x-ssl-cert", "x-client-cert", "x-forwarded-client-cert", "client-cert", "ssl-client-cert"] {
        let ask = Ask::get("/me").bearer(&token).header(name, "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2");
        expect(&application(), &ask, &Answer::refused(ErrorKind::UnsupportedConfirmation), name).await;
    }
}

#[actix_web::test]
async fn h25_a_websocket_protocol_is_a_token_source_only_if_configured() {
    let token = good().sign();
    let upgrade = |route: &str| {
        let protocols = format!("access_token, {token}");
        Ask::get(route).header("upgrade", "websocket").header("sec-websocket-protocol", protocols)
    };
    expect(&application(), &upgrade("/me"), &Answer::missing(), "by default").await;
    let sources = TokenSources::new().from_fn(Location::Header, |request| {
        let mut token = None;
        request.header("sec-websocket-protocol", &mut |value| {
            let text = std::str::from_utf8(value).unwrap_or_default();
            token = text.strip_prefix("access_token, ").map(str::to_owned);
        });
        token
    });
    let open = behind(builder().sources(sources));
    expect(&open, &upgrade("/user"), &Answer::text("Ada"), "with the source configured").await;
}
