//! The program of the page "Tokens in cookies" for actix-web.

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use jwt_actix::jwt_core::crypto::SigningKey;
use jwt_actix::jwt_core::http::Cookies;
use jwt_actix::jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_actix::jwt_core::revocation::MemoryRevocations;
use jwt_actix::jwt_core::{Algorithm, BuildError, Error, ErrorKind, Verifier};
use jwt_actix::{Claims, JwtMiddleware, Rejection, SetCookiesExt as _, endpoint};

#[derive(serde::Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

/// The state that the server's workers share.
#[derive(Clone)]
struct Logins {
    verifier: Verifier,
    sessions: Sessions,
    cookies: Cookies,
}

/// `Json`, because forms of other sites can't send it.
async fn login(logins: web::Data<Logins>, user: web::Json<Credentials>) -> Result<impl Responder, Rejection> {
    // Check the password against the hash in your own database.
    if user.password != "correct horse" {
        return Err(Error::from(ErrorKind::NoCredentials).into());
    }
    let login = logins.sessions.login(user.name.as_str()).csrf().for_cookies(&logins.cookies);
    let pair = login.start().await?;
    Ok(HttpResponse::Ok().set_cookies(pair.cookies(&logins.cookies)?))
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

async fn order(Claims(user): Claims<User>) -> String {
    format!("ordered for {}\n", user.sub)
}

fn logins(key: SigningKey) -> Result<Logins, BuildError> {
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
    Ok(Logins { verifier, sessions, cookies })
}

fn routes(logins: Logins) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let Logins { verifier, sessions, cookies } = &logins;
        let jwt = JwtMiddleware::new(verifier.clone());
        app.route("/login", web::post().to(login))
            .route("/refresh", endpoint(sessions.refresh_endpoint_with(cookies)))
            .route("/logout", endpoint(sessions.logout_endpoint_with(&sessions.refresh_verifier(), cookies)))
            .service(web::resource("/me").wrap(jwt.clone()).get(me))
            .service(web::resource("/orders").wrap(jwt).post(order))
            .app_data(web::Data::new(logins));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let logins = logins(SigningKey::generate(Algorithm::ES256)?)?;
    HttpServer::new(move || App::new().configure(routes(logins.clone()))).bind("127.0.0.1:3000")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::http::{Method, StatusCode};
    use actix_web::{App, test};
    use jwt_actix::jwt_core::{Algorithm, crypto::SigningKey};

    /// A browser with the page `https://shop.example`.
    struct Browser {
        logins: super::Logins,
        cookies: Vec<(String, String)>,
    }

    impl Browser {
        async fn send(&mut self, call: &str, csrf: Option<&str>, body: &'static str) -> StatusCode {
            let (method, path) = call.split_once(' ').unwrap();
            let app = test::init_service(App::new().configure(super::routes(self.logins.clone()))).await;
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = test::TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
            let request = request.insert_header(("cookie", cookies.join("; "))).set_payload(body);
            let request = request.insert_header(("sec-fetch-site", "same-origin"));
            let request = request.insert_header(("content-type", "application/json"));
            let request = csrf.into_iter().fold(request, |request, csrf| request.insert_header(("x-csrf-token", csrf)));
            let response = test::call_service(&app, request.to_request()).await;
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

    #[actix_web::test]
    async fn a_page_logs_in_orders_refreshes_and_logs_out() {
        let logins = super::logins(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
        let mut browser = Browser { logins, cookies: Vec::new() };
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
