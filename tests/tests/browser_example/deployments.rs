//! An application that's deployed with other cookies, in Chromium.

use std::future::IntoFuture as _;
use std::net::TcpListener;

use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use jwt_actix::SetCookiesExt as _;
use jwt_core::http::{Cookies, CookiesBuilder, SetCookies};
use jwt_core::issue::{KeyRing, Sessions, TokenIssuer};
use jwt_core::revocation::MemoryRevocations;
use jwt_core::testing::ScriptedSessions;
use jwt_core::{Error, Verifier};
use jwt_tests::adapter::Adapter;
use jwt_tests::setup::key;
use serde_json::{Value, json};

use crate::page::run;

/// The part that all processes share.
struct Fleet {
    tokens: TokenIssuer,
    store: ScriptedSessions,
    revocations: MemoryRevocations,
}

/// A process with its own cookies. It also looks at other names.
#[derive(Clone)]
struct Process {
    sessions: Sessions,
    verifier: Verifier,
    cookies: Cookies,
}

impl Fleet {
    fn new() -> Self {
        let ring = KeyRing::new(key()).expect("a ring");
        let tokens = TokenIssuer::builder("https://id.example", ring).audience("api").build().expect("an issuer");
        let revocations = MemoryRevocations::with_settings(tokens.revocation_settings());
        Self { tokens, store: ScriptedSessions::default(), revocations }
    }

    fn process(&self, cookies: &Cookies, also: Option<[&str; 2]>) -> Process {
        let (mut access, mut refresh) = (cookies.sources(), cookies.refresh_sources());
        if let Some([access_name, refresh_name]) = also {
            (access, refresh) = (access.cookie(access_name), refresh.cookie(refresh_name));
        }
        let verifier = Verifier::builder().issuer(self.tokens.trusted()).revocations(self.revocations.clone());
        let sessions = Sessions::builder(self.tokens.clone(), self.store.clone()).revocations(self.revocations.clone());
        Process {
            verifier: verifier.sources(access).build().expect("a verifier"),
            sessions: sessions.sources(refresh).build().expect("sessions"),
            cookies: cookies.clone(),
        }
    }
}

impl Process {
    async fn log_in(&self) -> Result<SetCookies, Error> {
        let pair = self.sessions.login("ada").csrf().for_cookies(&self.cookies).start().await?;
        Ok(pair.cookies(&self.cookies)?)
    }

    fn endpoints(&self) -> [jwt_core::gate::Endpoint; 2] {
        let Self { sessions, cookies, .. } = self;
        let logout = sessions.logout_endpoint_with(&sessions.refresh_verifier(), cookies);
        [sessions.refresh_endpoint_with(cookies), logout]
    }

    /// Starts the process in this runtime, and returns its port.
    fn start(self, adapter: Adapter) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        if adapter == Adapter::Axum {
            listener.set_nonblocking(true).expect("a socket that does not block");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            tokio::spawn(axum::serve(listener, on_axum(self)).into_future());
        } else {
            let app = move || App::new().configure(on_actix(self.clone()));
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a server");
            tokio::spawn(server.run());
        }
        port
    }
}

fn on_axum(process: Process) -> Router {
    async fn log_in(State(process): State<Process>) -> Result<jwt_tower::SetCookies, jwt_tower::Rejection> {
        Ok(jwt_tower::SetCookies(process.log_in().await?))
    }
    let [refresh, logout] = process.endpoints();
    Router::new()
        .route(
            "/me",
            get(async |user: jwt_tower::OptionalClaims<Value>| if user.0.is_some() { "user" } else { "guest" }),
        )
        .route_layer(jwt_tower::JwtLayer::new(process.verifier.clone()).optional())
        .route("/login", post(log_in))
        .route_service("/auth/refresh", jwt_tower::endpoint(refresh))
        .route_service("/auth/refresh/logout", jwt_tower::endpoint(logout))
        .with_state(process)
}

fn on_actix(process: Process) -> impl FnOnce(&mut web::ServiceConfig) {
    async fn log_in(process: web::Data<Process>) -> Result<jwt_actix::WithCookies<&'static str>, jwt_actix::Rejection> {
        Ok("".set_cookies(process.log_in().await?))
    }
    async fn me(user: jwt_actix::OptionalClaims<Value>) -> &'static str {
        if user.0.is_some() { "user" } else { "guest" }
    }
    move |app| {
        let [refresh, logout] = process.endpoints();
        let layer = jwt_actix::JwtMiddleware::new(process.verifier.clone()).optional();
        app.route("/login", web::post().to(log_in))
            .service(web::resource("/me").wrap(layer).get(me))
            .route("/auth/refresh", jwt_actix::endpoint(refresh))
            .route("/auth/refresh/logout", jwt_actix::endpoint(logout))
            .app_data(web::Data::new(process));
    }
}

/// Changes after which users stay logged in: the settings before and after, and the names that are looked at besides.
fn changes() -> Vec<(&'static str, CookiesBuilder, CookiesBuilder, Option<[&'static str; 2]>)> {
    let (usual, domain) = (Cookies::builder, "shop.example");
    let named = || usual().access_name("session").refresh_name("refresh").csrf_name("csrf");
    let replacing = |before: CookiesBuilder, after: CookiesBuilder| {
        let earlier = before.clone().build().expect("legal");
        (before, after.replacing(&earlier))
    };
    let (bare, prefixed) = replacing(usual().access_name("access").refresh_name("refresh").csrf_name("csrf"), usual());
    let (old_names, new_names) = replacing(named(), usual());
    let (with_domain, without_domain) = replacing(named().domain(domain), named());
    let (narrow, wide) = replacing(usual().domain("app.shop.example"), usual().domain(domain));
    let (partitioned, shared) = replacing(usual().partitioned(), usual());
    let (above, below) = replacing(usual().refresh_path("/auth"), usual().refresh_path("/auth/refresh"));
    vec![
        ("a prefix", bare, prefixed, Some(["access", "refresh"])),
        ("other names", old_names, new_names, Some(["session", "refresh"])),
        ("with a domain", named(), named().domain(domain), None),
        ("without a domain", with_domain, without_domain, None),
        ("a wider domain", narrow, wide, None),
        ("partitioned", usual(), usual().partitioned(), None),
        ("not partitioned", partitioned, shared, None),
        ("a longer path", above, below, None),
    ]
}

async fn deploy(adapter: Adapter) {
    let (fleet, mut names, mut ports) = (Fleet::new(), Vec::new(), Vec::new());
    for (name, before, after, also) in changes() {
        names.push(name);
        for (cookies, also) in [(before, None), (after, also)] {
            ports.push(fleet.process(&cookies.build().expect("legal"), also).start(adapter).to_string());
        }
    }
    let seen = run("deployment.mjs", &ports.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let seen = seen.as_array().expect("one result for each change");
    assert_eq!(seen.len(), names.len());
    let expected = json!({
        "continued": ["200", "user", "204", "204", "user"],
        "logged out": {"said": ["204", "guest", "401"], "left": [], "rolled back": "guest"},
        "logged out at once": {"said": ["204", "guest", "401"], "left": []},
        "logged in again": {"said": ["200", "204", "user", "204", "guest"], "left": [], "rolled back": "guest"},
    });
    for (name, seen) in names.into_iter().zip(seen) {
        assert_eq!(*seen, expected, "{name}");
    }
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn on_axum_users_stay_logged_in_and_log_out_completely_when_the_cookies_change() {
    deploy(Adapter::Axum).await;
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn on_actix_web_users_stay_logged_in_and_log_out_completely_when_the_cookies_change() {
    deploy(Adapter::Actix).await;
}
