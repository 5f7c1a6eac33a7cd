//! The first program of the page "Getting started with actix-web": it accepts the tokens of an identity provider.

use actix_web::{App, HttpServer, web};
use jwt_actix::jwt_core::authorize::{Routes, scopes};
use jwt_actix::jwt_core::{TrustedIssuer, Verifier};
use jwt_actix::{Claims, JwtMiddleware};

/// The claims that the handlers use. A token may have others too.
#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

async fn reports() -> &'static str {
    "two reports\n"
}

/// The routes. `main` gives them the verifier of the provider, and a test another one.
fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    // Who may use each route: everyone, anyone with a token, or only with this scope. Other routes are refused.
    let routes = Routes::new().public("/health").require("/me", ()).require("/reports", scopes(["reports:read"]));
    let protected = web::scope("")
        .wrap(JwtMiddleware::new(verifier).routes(routes))
        .route("/health", web::get().to(async || "ok\n"))
        .route("/me", web::get().to(me))
        .route("/reports", web::get().to(reports));
    |app| {
        app.service(protected);
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The log says why a token is refused. The client only learns that it is.
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG).init();

    let provider = TrustedIssuer::discover("http://127.0.0.1:3000/dev-issuer").audience("https://api.example");
    let verifier = Verifier::builder().issuer(provider).build()?;

    HttpServer::new(move || App::new().configure(routes(verifier.clone()))).bind("127.0.0.1:8080")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::http::{StatusCode, header::AUTHORIZATION};
    use actix_web::{App, test};
    use jwt_actix::jwt_core::testing::{TestAuth, TestToken};

    async fn status(auth: &TestAuth, path: &str, token: &TestToken) -> StatusCode {
        let app = test::init_service(App::new().configure(super::routes(auth.verifier()))).await;
        let request = test::TestRequest::get().uri(path).insert_header((AUTHORIZATION, token.bearer()));
        test::call_service(&app, request.to_request()).await.status()
    }

    #[actix_web::test]
    async fn reports_need_a_valid_token_with_their_scope() {
        let auth = TestAuth::new();
        let reader = auth.token("ada").scope(["reports:read"]);
        assert_eq!(status(&auth, "/reports", &reader).await, StatusCode::OK);
        assert_eq!(status(&auth, "/reports", &auth.token("ada")).await, StatusCode::FORBIDDEN);
        assert_eq!(status(&auth, "/reports", &reader.expired()).await, StatusCode::UNAUTHORIZED);
    }
}
