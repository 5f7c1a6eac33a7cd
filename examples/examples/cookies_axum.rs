//! The program of the page "Tokens in cookies" for axum.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use jwt_tower::jwt_core::crypto::SigningKey;
use jwt_tower::jwt_core::http::Cookies;
use jwt_tower::jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_tower::jwt_core::revocation::MemoryRevocations;
use jwt_tower::jwt_core::{Algorithm, BuildError, Error, ErrorKind, Verifier};
use jwt_tower::{Claims, JwtLayer, Rejection, SetCookies, endpoint};

#[derive(serde::Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

/// The state of the login.
#[derive(Clone)]
struct Logins {
    sessions: Sessions,
    cookies: Cookies,
}

/// `Json`, because forms of other sites can't send it.
async fn login(State(logins): State<Logins>, Json(user): Json<Credentials>) -> Result<SetCookies, Rejection> {
    // Check the password against the hash in your own database.
    if user.password != "correct horse" {
        return Err(Error::from(ErrorKind::NoCredentials).into());
    }
    let pair = logins.sessions.login(user.name).csrf().for_cookies(&logins.cookies).start().await?;
    Ok(SetCookies(pair.cookies(&logins.cookies)?))
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

async fn order(Claims(user): Claims<User>) -> String {
    format!("ordered for {}\n", user.sub)
}

fn app(key: SigningKey) -> Result<Router, BuildError> {
    let cookies = Cookies::new();
    let tokens = TokenIssuer::builder("https://shop.example", KeyRing::new(key)?)
        .audience("https://shop.example")
        .client_id("shop-web")
        .build()?;
    let revocations = MemoryRevocations::with_settings(tokens.revocation_settings());
    let verifier = Verifier::builder()
        .issuer(tokens.trusted())
        .sources(cookies.sources())
        .revocations(revocations.clone())
        .build()?;
    let sessions = Sessions::builder(tokens, MemorySessions::new())
        .sources(cookies.refresh_sources())
        .revocations(revocations)
        .build()?;

    Ok(Router::new()
        .route("/me", get(me))
        .route("/orders", post(order))
        .route_layer(JwtLayer::new(verifier))
        .route("/login", post(login))
        .route_service("/refresh", endpoint(sessions.refresh_endpoint_with(&cookies)))
        .route_service("/logout", endpoint(sessions.logout_endpoint_with(&sessions.refresh_verifier(), &cookies)))
        .with_state(Logins { sessions, cookies }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(SigningKey::generate(Algorithm::ES256)?)?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use jwt_tower::jwt_core::{Algorithm, crypto::SigningKey};
    use tower::ServiceExt as _;

    /// A browser with the page `https://shop.example`.
    struct Browser {
        app: Router,
        cookies: Vec<(String, String)>,
    }

    impl Browser {
        async fn send(&mut self, call: &str, csrf: Option<&str>, body: &'static str) -> StatusCode {
            let (method, path) = call.split_once(' ').unwrap();
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = Request::builder().method(method).uri(path).header("cookie", cookies.join("; "));
            let request = request.header("sec-fetch-site", "same-origin").header("content-type", "application/json");
            let request = csrf.into_iter().fold(request, |request, csrf| request.header("x-csrf-token", csrf));
            let response = self.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            for line in response.headers().get_all("set-cookie") {
                let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                self.cookies.retain(|(known, _)| known != name);
                if !value.is_empty() {
                    self.cookies.push((name.to_owned(), value.to_owned()));
                }
            }
            response.status()
        }

        fn csrf(&self) -> String {
            self.cookies.iter().find(|(name, _)| name == "__Host-csrf").unwrap().1.clone()
        }
    }

    #[tokio::test]
    async fn a_page_logs_in_orders_refreshes_and_logs_out() {
        let app = super::app(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
        let mut browser = Browser { app, cookies: Vec::new() };
        let wrong = browser.send("POST /login", None, r#"{"name":"ada","password":"guess"}"#).await;
        assert_eq!((wrong, browser.cookies.len()), (StatusCode::UNAUTHORIZED, 0));
        let right = browser.send("POST /login", None, r#"{"name":"ada","password":"correct horse"}"#).await;
        assert_eq!((right, browser.cookies.len()), (StatusCode::OK, 3));
        assert_eq!(browser.send("GET /me", None, "").await, StatusCode::OK);

        let csrf = browser.csrf();
        assert_eq!(browser.send("POST /orders", None, "").await, StatusCode::FORBIDDEN);
        assert_eq!(browser.send("POST /orders", Some(&csrf), "").await, StatusCode::OK);
        assert_eq!(browser.send("POST /refresh", None, "").await, StatusCode::FORBIDDEN);
        assert_eq!(browser.send("POST /refresh", Some(&csrf), "").await, StatusCode::NO_CONTENT);
        assert_eq!(browser.csrf(), csrf);
        assert_eq!(browser.send("POST /orders", Some(&csrf), "").await, StatusCode::OK);

        // A quarter of an hour later, the browser has dropped the access token.
        browser.cookies.retain(|(name, _)| name != "__Host-access");
        assert_eq!(browser.send("POST /logout", Some(&csrf), "").await, StatusCode::NO_CONTENT);
        assert!(browser.cookies.is_empty());
        assert_eq!(browser.send("GET /me", None, "").await, StatusCode::UNAUTHORIZED);
    }
}
