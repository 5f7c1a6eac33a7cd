use std::time::Duration;

use jwt_examples::browser::Options;
use jwt_tests::adapter::Adapter;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::open;

/// An HTTP client with cookies that a test can read.
struct Browser {
    client: Client,
    url: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn new(url: &str) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
        Self { client, url: url.to_owned(), cookies: Vec::new() }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, format!("{}{path}", self.url)).header("cookie", cookies.join("; "));
        request.header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    }

    /// Sends a request as the page does.
    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = self.request(method, path).header("sec-fetch-site", "same-origin");
        if let Some(csrf) = self.cookie("__Host-csrf") {
            request = request.header("x-csrf-token", csrf);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.expect("an answer");
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (name, value) = line.split(';').next().expect("a pair").split_once('=').expect("a pair");
            self.cookies.retain(|(other, _)| other != name);
            if !line.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        response
    }

    async fn get(&mut self, path: &str) -> (u16, Value) {
        let response = self.ask(Method::GET, path, None).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or_default())
    }

    async fn send(&mut self, method: Method, path: &str) -> u16 {
        self.ask(method, path, None).await.status().as_u16()
    }

    async fn log_in(&mut self) -> u16 {
        let ada = json!({"name": "ada", "password": "engine"});
        self.ask(Method::POST, "/auth/login", Some(ada)).await.status().as_u16()
    }
}

/// Options with which nothing expires during a test.
fn unhurried() -> Options {
    let mut options = Options::short_lived();
    (options.access_seconds, options.fresh_seconds) = (300, 300);
    options
}

/// Runs a test on both frameworks.
async fn everywhere(act: impl AsyncFn(Browser, Browser)) {
    for adapter in Adapter::ALL {
        let url = open(adapter, &unhurried());
        act(Browser::new(&url), Browser::new(&url)).await;
    }
}

#[tokio::test]
async fn the_files_of_the_page_have_content_types_and_a_strict_policy() {
    for adapter in Adapter::ALL {
        let url = open(adapter, &unhurried());
        for (path, content_type) in [
            ("/", "text/html; charset=utf-8"),
            ("/style.css", "text/css; charset=utf-8"),
            ("/app.js", "text/javascript; charset=utf-8"),
        ] {
            let response = Browser::new(&url).request(Method::GET, path).send().await.expect("an answer");
            let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
            assert_eq!(header("content-type"), content_type);
            assert_eq!(header("cache-control"), "no-cache");
            assert_eq!(header("referrer-policy"), "same-origin");
            assert_eq!(header("x-content-type-options"), "nosniff");
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
            assert!(policy.contains("require-trusted-types-for 'script'") && !policy.contains("unsafe"), "{policy}");
        }
    }
}

#[tokio::test]
async fn a_login_needs_the_password_and_sets_cookies() {
    everywhere(async |mut ada, _| {
        assert_eq!(ada.get("/api/books").await.0, 401);
        for (name, password) in [("ada", "compiler"), ("ada", ""), ("nobody", "engine")] {
            let given = json!({"name": name, "password": password});
            assert_eq!(ada.ask(Method::POST, "/auth/login", Some(given)).await.status(), 422);
            assert_eq!(ada.cookies, []);
        }
        // A form on another site cannot send this content type.
        let form = ada.request(Method::POST, "/auth/login").body(r#"{"name":"ada","password":"engine"}"#);
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let response = form.try_clone().expect("a body in memory").header("content-type", content_type);
            let response = response.send().await.expect("an answer");
            assert!(response.status().is_client_error() && !response.headers().contains_key("set-cookie"));
        }
        let right = json!({"name": "ada", "password": "engine"});
        let response = ada.ask(Method::POST, "/auth/login", Some(right)).await;
        let offer = response.headers()["secure-session-registration"].to_str().expect("text").to_owned();
        assert!(offer.starts_with(r#"(ES256 RS256);path="/auth/refresh";challenge=""#), "{offer}");
        assert_eq!(response.status(), 200);
        assert_eq!(ada.get("/api/me").await, (200, json!({"id": "ada", "name": "Ada Lovelace"})));
        let (status, books) = ada.get("/api/books").await;
        assert_eq!((status, books.as_array().map(Vec::len)), (200, Some(5)));
        let response = ada.ask(Method::GET, "/api/books", None).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
    })
    .await;
}

#[tokio::test]
async fn a_change_needs_a_request_from_the_page_with_its_csrf_value() {
    everywhere(async |mut ada, _| {
        ada.log_in().await;
        let csrf = ada.cookie("__Host-csrf").expect("set").to_owned();
        let delete = || ada.request(Method::DELETE, "/api/books/1");
        for refused in [
            delete(),
            delete().header("sec-fetch-site", "same-origin"),
            delete().header("sec-fetch-site", "same-origin").header("x-csrf-token", "guess"),
            delete().header("sec-fetch-site", "same-site").header("x-csrf-token", &csrf),
            delete().header("origin", "https://evil.example").header("x-csrf-token", &csrf),
        ] {
            let response = refused.send().await.expect("an answer");
            assert_eq!((response.status().as_u16(), response.headers().get("www-authenticate")), (403, None));
        }
        assert_eq!(ada.send(Method::DELETE, "/api/books/1").await, 204);
        assert_eq!(ada.send(Method::DELETE, "/api/books/1").await, 404);
        assert_eq!(ada.get("/api/books").await.1.as_array().map(Vec::len), Some(4));
    })
    .await;
}

#[tokio::test]
async fn after_a_refresh_dangerous_actions_need_the_password_again() {
    everywhere(async |mut ada, _| {
        ada.log_in().await;
        assert_eq!(ada.send(Method::POST, "/auth/refresh").await, 204);
        let response = ada.ask(Method::DELETE, "/api/books/1", None).await;
        let challenge = response.headers()["www-authenticate"].to_str().expect("text").to_owned();
        assert_eq!(response.status(), 401);
        assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
        let wrong = json!({"password": "compiler"});
        assert_eq!(ada.ask(Method::POST, "/auth/confirm", Some(wrong)).await.status(), 422);
        let right = json!({"password": "engine"});
        assert_eq!(ada.ask(Method::POST, "/auth/confirm", Some(right)).await.status(), 200);
        assert_eq!(ada.send(Method::DELETE, "/api/books/1").await, 204);
        assert_eq!(ada.get("/api/sessions").await.1.as_array().map(Vec::len), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_is_good_until_its_successor_is_used_and_only_to_refresh() {
    everywhere(async |mut ada, mut thief| {
        ada.log_in().await;
        thief.cookies.clone_from(&ada.cookies);
        assert_eq!(ada.send(Method::POST, "/auth/refresh").await, 204);
        assert_ne!(ada.cookie("__Host-refresh"), thief.cookie("__Host-refresh"));
        // It isn't accepted as an access token.
        let mut confused = Browser::new(&ada.url);
        let refresh = ada.cookie("__Host-refresh").expect("set").to_owned();
        confused.cookies.push(("__Host-access".to_owned(), refresh));
        assert_eq!(confused.get("/api/me").await.0, 401);
        assert_eq!(confused.cookies, [], "the cookie is deleted");
        // A use after the next one ends the session for both clients.
        assert_eq!(ada.send(Method::POST, "/auth/refresh").await, 204);
        assert_eq!(thief.send(Method::POST, "/auth/refresh").await, 401);
        assert_eq!(thief.cookies, []);
        assert_eq!(ada.get("/api/me").await.0, 401);
        assert_eq!(ada.send(Method::POST, "/auth/refresh").await, 401);
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_here_there_and_everywhere() {
    everywhere(async |mut here, mut there| {
        here.log_in().await;
        there.log_in().await;
        let (_, sessions) = here.get("/api/sessions").await;
        let sessions = sessions.as_array().expect("a list").clone();
        let (own, others): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session["current"] == true);
        assert_eq!((own.len(), others.len()), (1, 1));
        assert_eq!(others[0]["device"], "Firefox on Linux");

        let other = format!("/api/sessions/{}", others[0]["id"].as_str().expect("text"));
        assert_eq!(here.send(Method::DELETE, &other).await, 204);
        assert_eq!(here.send(Method::DELETE, &other).await, 404);
        assert_eq!(there.get("/api/me").await.0, 401);
        assert_eq!(here.get("/api/me").await.0, 200);

        there.log_in().await;
        assert_eq!(there.send(Method::POST, "/auth/logout-everywhere").await, 200);
        assert_eq!(there.cookies, []);
        assert_eq!(here.get("/api/me").await.0, 401);

        here.log_in().await;
        let before = here.cookies.clone();
        assert_eq!(here.send(Method::POST, "/auth/logout").await, 200);
        assert_eq!(here.cookies, []);
        here.cookies = before;
        assert_eq!(here.get("/api/me").await.0, 401);
    })
    .await;
}
