//! The events of logins, refreshes and ended sessions, which are the same with both adapters.

use std::time::Duration;

use jwt_core::http::Cookies;
use jwt_core::testing::ScriptedSessions;
use jwt_tests::ask::Ask;
use jwt_tests::issuing::Shop;
use jwt_tests::observer::MemoryObserver;

struct Observed {
    shop: Shop,
    store: ScriptedSessions,
    observer: MemoryObserver,
    is_axum: bool,
}

impl Observed {
    fn with(is_axum: bool) -> Self {
        let (store, observer) = (ScriptedSessions::default(), MemoryObserver::default());
        let sources = Cookies::new().refresh_sources().authorization();
        let shop = Shop::with(store.clone(), |sessions| {
            sessions.observer(observer.clone()).sources(sources).max_per_subject(2)
        });
        Self { shop, store, observer, is_axum }
    }

    async fn login(&self) -> String {
        self.shop.sessions.login("joe").start().await.expect("a session").refresh.token
    }

    /// Sends a request and returns the events that it caused.
    async fn events_of(&self, ask: Ask) -> Vec<String> {
        let _ = self.observer.take_sessions();
        let ask = ask.header("sec-fetch-site", "same-origin");
        let _ = if self.is_axum { self.shop.send_axum(&ask).await } else { self.shop.send_actix(&ask).await };
        self.observer.take_sessions()
    }
}

#[actix_web::test]
async fn each_refresh_is_sent_once_with_its_outcome_by_both_endpoints_and_a_route_of_ones_own() {
    for (is_axum, path) in [true, false]
        .into_iter()
        .flat_map(|is_axum| ["/refresh", "/cookie-refresh", "/my-refresh"].map(|path| (is_axum, path)))
    {
        let observed = Observed::with(is_axum);
        let refresh = |token: &str| Ask::post(path).bearer(token);
        let token = observed.login().await;
        assert_eq!(observed.events_of(refresh(&token)).await, ["refresh accepted"], "{path}");
        assert_eq!(observed.events_of(refresh(&token)).await, ["refresh repeated"], "{path}");

        let next = observed.shop.sessions.verify(&token).await.expect("a good token");
        let next = observed.shop.sessions.refresh(&next).await.expect("a pair").refresh.token;
        observed.store.fail(&ScriptedSessions::ALL);
        assert_eq!(observed.events_of(refresh(&next)).await, ["refresh sessions_unavailable"], "{path}");
        observed.store.recover();
        observed.shop.wait(2);
        assert_eq!(observed.events_of(refresh(&next)).await, ["refresh accepted"], "{path}");
        observed.shop.wait(20);
        let reused = ["session ended", "refresh refresh_token_reused"];
        assert_eq!(observed.events_of(refresh(&token)).await, reused, "{path}");
        assert_eq!(observed.events_of(refresh(&next)).await, ["refresh session_ended"], "{path}");

        // A layer of your own has no observer of sessions.
        let refused = |event: &'static str| if path == "/my-refresh" { vec![] } else { vec![event] };
        observed.shop.wait(8 * 24 * 60 * 60);
        assert_eq!(observed.events_of(refresh(&next)).await, refused("refresh expired"), "{path}");
        assert_eq!(observed.events_of(Ask::post(path)).await, refused("refresh no_credentials"), "{path}");
    }
}

#[actix_web::test]
async fn a_logout_is_no_refresh_and_ends_its_session_once() {
    for is_axum in [true, false] {
        let observed = Observed::with(is_axum);
        let token = observed.login().await;
        let logout = || Ask::post("/cookie-logout").bearer(&token);
        assert_eq!(observed.events_of(logout()).await, ["session ended"]);
        assert_eq!(observed.events_of(logout()).await, [""; 0]);
        assert_eq!(observed.events_of(Ask::post("/cookie-logout")).await, [""; 0]);
        observed.shop.wait(600);
        assert_eq!(observed.shop.sessions.heal().await.map_err(|error| error.kind()), Ok(0));
        assert_eq!(observed.observer.take_sessions(), [""; 0], "nothing is ended again");
    }
}

#[tokio::test]
async fn a_login_is_sent_when_it_succeeds_and_when_it_fails() {
    let Observed { shop, store, observer, .. } = Observed::with(true);
    let login = || shop.sessions.login("joe");
    login().start().await.expect("a session");
    assert_eq!(observer.take_sessions(), ["login accepted"]);
    let large = login().claim("large", "a".repeat(5000)).for_cookies(&Cookies::new());
    assert!(large.start().await.is_err());
    assert_eq!(observer.take_sessions(), ["login issuing_failed"]);
    store.fail(&ScriptedSessions::ALL);
    assert!(login().start().await.is_err());
    assert_eq!(observer.take_sessions(), ["login sessions_unavailable"]);
    store.recover();
    shop.clock.advance(Duration::from_secs(2));
    for _ in 0..2 {
        login().start().await.expect("a session");
    }
    assert_eq!(observer.take_sessions(), ["login accepted", "session ended", "login accepted"], "two is the limit");
    assert_eq!(shop.sessions.end_all("joe").await.map_err(|error| error.kind()), Ok(2));
    assert_eq!(observer.take_sessions(), ["session ended", "session ended"]);
}

#[tokio::test]
async fn a_refused_token_is_sent_by_verify() {
    let Observed { shop, observer, .. } = Observed::with(true);
    assert!(shop.sessions.verify("no.token.").await.is_err());
    assert_eq!(observer.take_sessions(), ["refresh malformed_token"]);
    assert_eq!(observer.take(), [], "it isn't counted with the access tokens");
}
