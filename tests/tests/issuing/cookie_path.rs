//! Endpoints at paths that the refresh token's cookie doesn't cover.

use actix_web::{App, web};
use axum::Router;
use jwt_core::gate::Endpoint;
use jwt_core::http::Cookies;
use jwt_core::issue::MemorySessions;
use jwt_tests::issuing::Shop;
use jwt_tests::log::Log;
use tower::ServiceExt as _;

/// The cookie's path, and the endpoints below `/auth`.
struct Mounted {
    shop: Shop,
    cookies: Cookies,
    is_axum: bool,
}

impl Mounted {
    fn with(is_axum: bool, refresh_path: &str) -> Self {
        let cookies = Cookies::builder().refresh_name("refresh").refresh_path(refresh_path).build().expect("cookies");
        let sources = cookies.refresh_sources();
        let shop = Shop::with(MemorySessions::new(), |sessions| sessions.sources(sources));
        Self { shop, cookies, is_axum }
    }

    fn refresh(&self) -> Endpoint {
        self.shop.sessions.refresh_endpoint_with(&self.cookies)
    }

    fn logout(&self) -> Endpoint {
        self.shop.sessions.logout_endpoint_with(&self.shop.sessions.refresh_verifier(), &self.cookies)
    }

    /// A logout by the access token, whose cookie has another path.
    fn logout_by_access_token(&self) -> Endpoint {
        let verifier = self.shop.verifier.with_sources(self.cookies.sources());
        self.shop.sessions.logout_endpoint_with(&verifier, &self.cookies)
    }

    /// Posts to `/auth/endpoint`, and returns the status and the warnings so far.
    async fn post(&self, log: &Log, endpoint: Endpoint, cookie: Option<&str>) -> (u16, Vec<String>) {
        let headers = [("sec-fetch-site", Some("same-origin")), ("cookie", cookie)];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let status = if self.is_axum {
            let inner = Router::new().route_service("/endpoint", jwt_tower::endpoint(endpoint));
            let mut request = http::Request::post("/auth/endpoint?a=b");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = request.body(axum::body::Body::empty()).expect("a request");
            let response = Router::new().nest("/auth", inner).oneshot(request).await.expect("an answer");
            response.status().as_u16()
        } else {
            let scope = web::scope("/auth").route("/endpoint", jwt_actix::endpoint(endpoint));
            let app = actix_web::test::init_service(App::new().service(scope)).await;
            let mut request = actix_web::test::TestRequest::post().uri("/auth/endpoint?a=b");
            for header in headers {
                request = request.insert_header(header);
            }
            actix_web::test::call_service(&app, request.to_request()).await.status().as_u16()
        };
        (status, log.text().lines().filter(|line| line.starts_with("WARN")).map(str::to_owned).collect())
    }
}

#[actix_web::test]
async fn an_endpoint_that_the_cookies_path_does_not_cover_is_logged_once_with_both_paths() {
    for is_axum in [true, false] {
        for path in ["/endpoint", "/auth/other", "/auth/endpoint/deeper", "/authentic"] {
            let (log, mounted) = (Log::start(), Mounted::with(is_axum, path));
            for _ in 0..2 {
                let (status, warnings) = mounted.post(&log, mounted.refresh(), None).await;
                assert_eq!((status, warnings.len()), (401, 1), "{warnings:?}");
                for part in ["\"/auth/endpoint\"".to_owned(), format!("cookie_path={path}"), "refresh_path".to_owned()]
                {
                    assert!(warnings[0].contains(&part), "{part} in {warnings:?}");
                }
            }
            let (log, mounted) = (Log::start(), Mounted::with(is_axum, path));
            let (_, warnings) = mounted.post(&log, mounted.logout(), None).await;
            assert_eq!(warnings.len(), 1, "a logout needs the cookie too");
        }
    }
}

#[actix_web::test]
async fn an_endpoint_that_the_cookies_path_covers_is_not_logged() {
    for is_axum in [true, false] {
        for path in ["/", "/auth", "/auth/", "/auth/endpoint"] {
            let (log, mounted) = (Log::start(), Mounted::with(is_axum, path));
            assert_eq!(mounted.post(&log, mounted.refresh(), None).await, (401, vec![]), "{path}");
            assert_eq!(mounted.post(&log, mounted.logout(), None).await, (401, vec![]), "{path}");
        }
    }
}

#[actix_web::test]
async fn other_faults_and_other_cookies_are_not_logged() {
    for is_axum in [true, false] {
        let (log, mounted) = (Log::start(), Mounted::with(is_axum, "/other"));
        assert_eq!(mounted.post(&log, mounted.logout_by_access_token(), None).await, (401, vec![]));
        assert_eq!(mounted.post(&log, mounted.refresh(), Some("refresh=e30.e30.")).await, (401, vec![]));
        // A proxy removes a prefix, or the browser would not have sent the cookie.
        let token = mounted.shop.sessions.login("joe").start().await.expect("a session").refresh.token;
        assert_eq!(mounted.post(&log, mounted.refresh(), Some(&format!("refresh={token}"))).await, (204, vec![]));
        assert_eq!(mounted.post(&log, mounted.refresh(), None).await, (401, vec![]));
    }
}
