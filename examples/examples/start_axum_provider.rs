//! The first program of the page "Getting started with axum": it accepts the tokens of an identity provider.

use axum::{Router, routing::get};
use jwt_tower::jwt_core::authorize::{Routes, scopes};
use jwt_tower::jwt_core::{TrustedIssuer, Verifier};
use jwt_tower::{Claims, JwtLayer};

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

/// The application. `main` gives it the verifier of the provider, and a test another one.
fn app(verifier: Verifier) -> Router {
    // Who may use each route: everyone, anyone with a token, or only with this scope. Other routes are refused.
    let routes = Routes::new().public("/health").require("/me", ()).require("/reports", scopes(["reports:read"]));
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/me", get(me))
        .route("/reports", get(reports))
        .layer(JwtLayer::new(verifier).routes(routes))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The log says why a token is refused. The client only learns that it is.
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG).init();

    let provider = TrustedIssuer::discover("http://127.0.0.1:3000/dev-issuer").audience("https://api.example");
    let verifier = Verifier::builder().issuer(provider).build()?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app(verifier)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header::AUTHORIZATION};
    use jwt_tower::jwt_core::testing::{TestAuth, TestToken};
    use tower::ServiceExt as _;

    async fn status(auth: &TestAuth, path: &str, token: &TestToken) -> StatusCode {
        let request = Request::get(path).header(AUTHORIZATION, token.bearer()).body(Body::empty());
        let response = super::app(auth.verifier()).oneshot(request.expect("a request")).await;
        response.expect("an answer").status()
    }

    #[tokio::test]
    async fn reports_need_a_valid_token_with_their_scope() {
        let auth = TestAuth::new();
        let reader = auth.token("ada").scope(["reports:read"]);
        assert_eq!(status(&auth, "/reports", &reader).await, StatusCode::OK);
        assert_eq!(status(&auth, "/reports", &auth.token("ada")).await, StatusCode::FORBIDDEN);
        assert_eq!(status(&auth, "/reports", &reader.expired()).await, StatusCode::UNAUTHORIZED);
    }
}
