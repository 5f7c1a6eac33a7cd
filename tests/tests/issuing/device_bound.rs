//! Sessions that are bound to a browser's device.

use jwt_core::Algorithm;
use jwt_core::BuildErrorKind;
use jwt_core::ErrorKind;
use jwt_core::http::Cookies;
use jwt_core::issue::{MemorySessions, SessionStore as _, Sessions};
use jwt_core::testing::ScriptedSessions;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::device::{Browser, PATH, claims, cookie, login_headers, shop};
use jwt_tests::issuing::Shop;
use jwt_tests::setup::stranger;
use serde_json::{Value, json};

/// Sends to one of the adapters.
async fn send(shop: &Shop, is_axum: bool, ask: &Ask) -> Answer {
    if is_axum { shop.send_axum(ask).await } else { shop.send_actix(ask).await }
}

/// Sends a request that changes nothing to both adapters, whose challenges have different signatures and identifiers.
async fn refused(shop: &Shop, ask: &Ask) -> Answer {
    let mask = |mut answer: Answer| {
        let challenge = answer.header("secure-session-challenge").map(str::to_owned);
        answer.headers.retain(|(name, _)| name != "secure-session-challenge");
        (answer, challenge)
    };
    let ((axum, challenge), (actix, other)) = (mask(shop.send_axum(ask).await), mask(shop.send_actix(ask).await));
    assert_eq!((&axum, challenge.is_some()), (&actix, other.is_some()));
    match challenge {
        Some(challenge) => axum.with_header("secure-session-challenge", &challenge),
        None => axum,
    }
}

/// Checks that both adapters ask for a proof, and takes the challenge.
async fn challenged(shop: &Shop, browser: &mut Browser, ask: &Ask) {
    let answer = refused(shop, ask).await;
    assert_eq!((answer.status, answer.code), (403, Some(ErrorKind::UnprovenDevice.code())), "{answer:?}");
    assert_eq!((answer.body.len(), answer.headers.len()), (0, 1), "the cookies stay: {answer:?}");
    browser.take(&answer);
}

async fn refresh(shop: &Shop, is_axum: bool, browser: &mut Browser) {
    let answer = send(shop, is_axum, &browser.refreshing(&browser.proof().sign())).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
    assert!(answer.header("secure-session-challenge").is_some() && cookie(&answer).is_some());
    browser.take(&answer);
}

#[actix_web::test]
async fn a_browser_registers_a_key_and_refreshes_with_it_for_as_long_as_the_session_lives() {
    for is_axum in [true, false] {
        for algorithm in [Algorithm::ES256, Algorithm::RS256] {
            let shop = shop(MemorySessions::new());
            let mut browser = Browser::log_in_with(&shop, algorithm).await;
            assert_eq!(claims(&browser.cookie).get("cnf"), None);
            let answer = send(&shop, is_axum, &browser.registering(&browser.registration().sign())).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let attributes = "HttpOnly; SameSite=Lax; Secure; Path=/";
            let expected = json!({
                "session_identifier": browser.session, "refresh_url": PATH, "scope": {"include_site": false},
                "credentials": [{"type": "cookie", "name": "__Host-access", "attributes": attributes}],
            });
            assert_eq!(serde_json::from_slice::<Value>(&answer.body).expect("JSON"), expected);
            browser.take(&answer);
            let jwk = &claims(&browser.cookie)["cnf"]["jwk"];
            let public = browser.key.public_jwk().expect("a public key");
            let members = jwk.as_object().expect("a key");
            assert!(members.iter().all(|(name, value)| public[name] == *value) && members.len() < 5, "{jwk}");
            for _ in 0..3 {
                shop.wait(900);
                refresh(&shop, is_axum, &mut browser).await;
                assert_eq!(claims(&browser.cookie)["cnf"]["jwk"], *jwk);
            }
        }
    }
}

#[actix_web::test]
async fn a_copy_of_the_cookie_is_worthless_without_the_key_and_accuses_nobody() {
    for is_axum in [true, false] {
        let shop = shop(MemorySessions::new());
        let mut browser = Browser::bound(&shop).await;
        for seconds in [0, 5, 900, 86_400] {
            shop.wait(seconds);
            let mut thief = browser.clone();
            for ask in [thief.page(), thief.asking(), thief.page().header("sec-secure-session-id", "\"\"")] {
                let answer = refused(&shop, &ask).await;
                assert!(matches!(answer.status, 403 | 404) && cookie(&answer).is_none(), "{answer:?}");
            }
            let (page, asking) = (thief.page(), thief.asking());
            challenged(&shop, &mut thief, &page).await;
            challenged(&shop, &mut thief, &asking).await;
            // A handler that refreshes by itself cannot be used either.
            let token = shop.sessions.verify(&thief.cookie).await.expect("a token");
            let error = shop.sessions.refresh(&token).await.expect_err("no proof");
            assert_eq!((error.code(), error.class()), ("unproven_device", jwt_core::Class::Forbidden));
            challenged(&shop, &mut browser, &asking).await;
            refresh(&shop, is_axum, &mut browser).await;
        }
    }
}

#[actix_web::test]
async fn a_copy_from_before_the_registration_is_worthless_too() {
    for is_axum in [true, false] {
        let shop = shop(MemorySessions::new());
        let mut browser = Browser::log_in(&shop).await;
        let mut thief = Browser::new(stranger(Algorithm::ES256), &browser);
        let answer = send(&shop, is_axum, &browser.registering(&browser.registration().sign())).await;
        browser.take(&answer);
        for seconds in [0, 3, 3_600] {
            shop.wait(seconds);
            let page = thief.page();
            challenged(&shop, &mut thief, &page).await;
            let answer = refused(&shop, &thief.registering(&thief.registration().sign())).await;
            assert_eq!((answer.status, answer.headers.len()), (403, 0), "{answer:?}");
            let asking = browser.asking();
            challenged(&shop, &mut browser, &asking).await;
            refresh(&shop, is_axum, &mut browser).await;
        }
        let mixed = browser.with_cookie(&thief.cookie);
        let answer = refused(&shop, &mixed.refreshing(&mixed.proof().sign())).await;
        assert_eq!(answer.code, Some(ErrorKind::UnprovenDevice.code()), "the challenge is for another token");
    }
}

#[actix_web::test]
async fn a_lost_answer_is_repeated_and_parallel_refreshes_all_succeed() {
    for is_axum in [true, false] {
        let shop = shop(MemorySessions::new());
        let mut browser = Browser::log_in(&shop).await;
        let registering = browser.registering(&browser.registration().sign());
        for is_axum in [is_axum, !is_axum, is_axum] {
            let answer = send(&shop, is_axum, &registering).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            browser.take(&answer);
        }
        let refreshing = browser.refreshing(&browser.proof().sign());
        let answers = [send(&shop, true, &refreshing).await, send(&shop, false, &refreshing).await];
        for answer in &answers {
            assert_eq!(answer.status, 204, "{answer:?}");
            let mut tab = browser.clone();
            tab.take(answer);
            refresh(&shop, is_axum, &mut tab).await;
            browser.take(answer);
        }
        // Hours later the challenge is too old, and the browser gets another one for the same token.
        refresh(&shop, is_axum, &mut browser).await;
        shop.wait(7_200);
        let late = browser.refreshing(&browser.proof().sign());
        challenged(&shop, &mut browser, &late).await;
        refresh(&shop, is_axum, &mut browser).await;
    }
}

#[actix_web::test]
async fn a_store_that_went_back_before_the_registration_accuses_nobody_and_lets_no_thief_in() {
    for is_axum in [true, false] {
        let store = ScriptedSessions::default();
        let shop = shop(store.clone());
        let mut browser = Browser::log_in(&shop).await;
        let mut before = browser.clone();
        let record = store.find("joe", &browser.session).await.expect("up").expect("a record");
        let answer = send(&shop, is_axum, &browser.registering(&browser.registration().sign())).await;
        browser.take(&answer);
        store.end("joe", &[&browser.session]).await.expect("up");
        store.create(&record, 100).await.expect("space");
        let page = browser.page();
        challenged(&shop, &mut browser, &page).await;
        refresh(&shop, is_axum, &mut browser).await;
        let record = store.find("joe", &browser.session).await.expect("up").expect("a record");
        assert!(record.device_key.is_some() && record.rotations == 2);
        assert!(!format!("{record:?}").contains("P-256"));
        let page = before.page();
        challenged(&shop, &mut before, &page).await;
        refresh(&shop, is_axum, &mut browser).await;
    }
}

/// A browser that has registered its key, and a copy of its cookie from before. The store has lost the registration.
async fn unregistered(is_axum: bool) -> (Shop, ScriptedSessions, Browser, Browser) {
    let store = ScriptedSessions::default();
    let shop = shop(store.clone());
    let mut browser = Browser::log_in(&shop).await;
    let thief = Browser::new(stranger(Algorithm::ES256), &browser);
    store.lose_writes();
    let answer = send(&shop, is_axum, &browser.registering(&browser.registration().sign())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    browser.take(&answer);
    store.recover();
    (shop, store, browser, thief)
}

/// The next cookie of a page, which has no proof.
async fn next_page(shop: &Shop, is_axum: bool, browser: &mut Browser) {
    let answer = send(shop, is_axum, &browser.page()).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    browser.take(&answer);
}

#[actix_web::test]
async fn the_next_proof_binds_a_session_again_whose_registration_the_store_has_lost() {
    for is_axum in [true, false] {
        let (shop, store, mut browser, mut thief) = unregistered(is_axum).await;
        // The store knows no key, so an older copy is as good as before the registration.
        next_page(&shop, is_axum, &mut thief).await;
        // A copy of the browser's token has the key, and is worthless without it.
        let page = browser.page();
        challenged(&shop, &mut browser, &page).await;
        refresh(&shop, is_axum, &mut browser).await;
        let record = store.find("joe", &browser.session).await.expect("up").expect("a record");
        assert!(record.device_key.is_some() && record.rotations == 2);
        let page = thief.page();
        challenged(&shop, &mut thief, &page).await;
        refresh(&shop, is_axum, &mut browser).await;
    }
}

#[actix_web::test]
async fn a_session_ends_that_was_refreshed_without_its_key_more_often_than_with_it() {
    for is_axum in [true, false] {
        let (shop, _, mut browser, mut thief) = unregistered(is_axum).await;
        for _ in 0..2 {
            next_page(&shop, is_axum, &mut thief).await;
        }
        // Without a proof, a copy of the browser's cookie ends nothing.
        let page = browser.page();
        challenged(&shop, &mut browser, &page).await;
        next_page(&shop, is_axum, &mut thief).await;
        let answer = send(&shop, is_axum, &browser.refreshing(&browser.proof().sign())).await;
        assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::RefreshReused.code())), "{answer:?}");
        let answer = send(&shop, is_axum, &thief.page()).await;
        assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::SessionEnded.code())), "{answer:?}");
    }
}

#[actix_web::test]
async fn a_browser_without_the_answer_to_its_registration_repeats_it_or_is_locked_out() {
    for is_axum in [true, false] {
        let shop = shop(MemorySessions::new());
        let mut browser = Browser::log_in(&shop).await;
        let registering = browser.registering(&browser.registration().sign());
        assert_eq!(send(&shop, is_axum, &registering).await.status, 200, "and this answer is lost");
        let page = browser.page();
        let answer = refused(&shop, &page).await;
        assert_eq!((answer.status, answer.code), (403, Some("unproven_device")), "{answer:?}");
        // Twenty minutes after the login, its challenge ends.
        shop.wait(1_200);
        let answer = send(&shop, is_axum, &registering).await;
        assert_eq!(answer.status, 200, "within the leeway: {answer:?}");
        shop.wait(61);
        assert_eq!(refused(&shop, &registering).await.code, Some("unproven_device"));
        browser.take(&answer);
        let asking = browser.asking();
        challenged(&shop, &mut browser, &asking).await;
        refresh(&shop, is_axum, &mut browser).await;
    }
}

#[actix_web::test]
async fn after_a_logout_or_another_login_the_browser_forgets_its_earlier_session() {
    for is_axum in [true, false] {
        let shop = shop(MemorySessions::new());
        let first = Browser::bound(&shop).await;
        let mut second = Browser::bound(&shop).await;
        // The browser refreshes the first session, and has the second one's cookie.
        for proof in [first.proof().sign(), "x".to_owned()] {
            let stale = first.with_cookie(&second.cookie);
            let answer = refused(&shop, &stale.refreshing(&proof)).await;
            assert_eq!((answer.status, answer.headers.len()), (404, 1), "the cookies stay: {answer:?}");
        }
        refresh(&shop, is_axum, &mut second).await;
        let token = shop.sessions.verify(&second.cookie).await.expect("a token");
        shop.sessions.logout(&token).await.expect("a logout");
        for ask in [second.asking(), second.refreshing(&second.proof().sign())] {
            let answer = send(&shop, is_axum, &ask).await;
            assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::SessionEnded.code())));
            assert_eq!(answer.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 3);
        }
        let without = Ask::post(PATH).header("sec-secure-session-id", format!("\"{}\"", second.session));
        assert_eq!(shop.send(&without).await, Answer::missing());
    }
}

/// The answer without the values of its tokens.
fn masked(answer: &Answer) -> (u16, Vec<u8>, Vec<(String, String)>) {
    let mask = |value: &[u8]| {
        let value = String::from_utf8(value.to_vec()).expect("text");
        value.split_once('=').map_or(value.clone(), |(name, rest)| {
            format!("{name}={}", rest.split_once(';').map_or(rest, |(_, attributes)| attributes))
        })
    };
    let headers = answer.headers.iter().map(|(name, value)| (name.clone(), mask(value)));
    (answer.status, answer.body.clone(), headers.collect())
}

#[actix_web::test]
async fn other_browsers_go_on_as_without_it() {
    let usual = Shop::with(MemorySessions::new(), |sessions| sessions.sources(Cookies::new().refresh_sources()));
    let offered = login_headers(&usual).await;
    assert!(offered.iter().all(|(name, _)| name != "secure-session-registration"), "it's off by default");
    for is_axum in [true, false] {
        let shop = shop(MemorySessions::new());
        let mut other = Browser::log_in(&shop).await;
        let plain = usual.sessions.login("joe").csrf().start().await.expect("a session").refresh.token;
        let mut plain = other.with_cookie(&plain);
        for round in 0..4 {
            shop.wait(900);
            usual.wait(900);
            let answers = (send(&shop, is_axum, &other.page()).await, send(&usual, is_axum, &plain.page()).await);
            assert_eq!(masked(&answers.0), masked(&answers.1));
            assert_eq!(answers.0.status, 204);
            if round < 3 {
                // In the last round, both repeat themselves.
                other.take(&answers.0);
                plain.take(&answers.1);
            }
        }
    }
}

#[actix_web::test]
async fn the_headers_of_a_browser_are_no_way_around_the_check_of_origins() {
    let shop = shop(MemorySessions::new());
    let browser = Browser::log_in(&shop).await;
    let garbage = [browser.asking(), browser.refreshing("x"), browser.registering("x"), browser.registering("")];
    let cross_site = |ask: Ask| ask.header("sec-fetch-site", "cross-site").header("origin", "https://evil.example");
    for ask in garbage {
        for ask in [ask.clone(), cross_site(ask)] {
            let answer = refused(&shop, &ask).await;
            assert_eq!((answer.status, answer.code), (403, Some("unproven_device")), "{answer:?}");
            assert!(cookie(&answer).is_none());
        }
    }
    assert_eq!(shop.send(&cross_site(browser.page())).await, Answer::csrf());
    assert_eq!(send(&shop, true, &browser.page()).await.status, 204, "the token is as good as before");
}

#[actix_web::test]
async fn without_the_setting_no_key_is_registered_and_bound_sessions_stay_bound() {
    let store = ScriptedSessions::default();
    let shop = shop(store.clone());
    let (mut bound, unbound) = (Browser::bound(&shop).await, Browser::log_in(&shop).await);
    let off = Sessions::builder(shop.tokens.clone(), store).sources(Cookies::new().refresh_sources());
    let mut without = shop.clone();
    without.sessions = off.build().expect("sessions");
    let off = without;
    let answer = refused(&off, &unbound.registering(&unbound.registration().sign())).await;
    assert_eq!((answer.status, answer.headers.len()), (403, 0));
    let page = bound.page();
    challenged(&off, &mut bound, &page).await;
    refresh(&off, true, &mut bound).await;
}

#[actix_web::test]
async fn a_path_that_a_header_cannot_have_is_a_build_error() {
    let tokens = Shop::usual().tokens;
    for (path, is_good) in [
        ("/refresh", true),
        ("/a/b-c_d~e.f/%20", true),
        ("", false),
        ("refresh", false),
        ("//evil.example/refresh", false),
        ("https://api.example/refresh", false),
        ("/a\"b", false),
        ("/a\\b", false),
        ("/a b", false),
        ("/a?b", false),
        ("/\u{e9}", false),
        ("/a\r\nb", false),
    ] {
        let built = Sessions::builder(tokens.clone(), MemorySessions::new()).device_bound(path).build();
        let error = built.err().map(|error| (error.kind(), error.setting().to_owned()));
        let expected = (!is_good).then(|| (BuildErrorKind::IllegalCharacters, "device_bound".to_owned()));
        assert_eq!(error, expected, "{path:?}");
    }
}

#[actix_web::test]
async fn the_registration_names_the_hosts_whose_pages_may_cause_a_refresh() {
    let hosts = ["www.example.com", "*.Shop.Example.com", "localhost"];
    for is_axum in [true, false] {
        let shop = Shop::with(MemorySessions::new(), |sessions| {
            let sessions = sessions.sources(Cookies::new().refresh_sources()).device_bound(PATH);
            sessions.device_refresh_initiators(["replaced.example"]).device_refresh_initiators(hosts)
        });
        let browser = Browser::log_in(&shop).await;
        let answer = send(&shop, is_axum, &browser.registering(&browser.registration().sign())).await;
        let instructions: Value = serde_json::from_slice(&answer.body).expect("JSON");
        // Browsers compare with the host in lower case.
        let expected = json!(["www.example.com", "*.shop.example.com", "localhost"]);
        assert_eq!(instructions["allowed_refresh_initiators"], expected);
        assert_eq!(instructions["refresh_url"], PATH);
    }
}

#[actix_web::test]
async fn an_initiator_that_is_no_host_is_a_build_error() {
    let tokens = Shop::usual().tokens;
    let build = |host: &str, is_bound: bool| {
        let sessions = Sessions::builder(tokens.clone(), MemorySessions::new());
        let sessions = if is_bound { sessions.device_bound(PATH) } else { sessions };
        let error = sessions.device_refresh_initiators(["a.example", host]).build().err();
        error.map(|error| (error.kind(), error.setting().to_owned()))
    };
    let error = |kind| Some((kind, "device_refresh_initiators".to_owned()));
    for host in [
        "",
        "*",
        "*.",
        "*a.example",
        "a.*.example",
        "https://a.example",
        "a.example:443",
        "a.example/",
        "a..example",
        "\u{e9}",
    ] {
        assert_eq!(build(host, true), error(BuildErrorKind::IllegalCharacters), "{host:?}");
    }
    for host in ["a.example", "*.a.example", "10.0.0.7", "localhost", "xn--caf-dma.example"] {
        assert_eq!(build(host, true), None, "{host:?}");
        assert_eq!(build(host, false), error(BuildErrorKind::Contradiction), "{host:?}");
    }
}
