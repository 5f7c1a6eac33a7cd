//! The program for axum of the page "Proof of possession": a stolen token is worthless.

use axum::{Router, routing::get};
use jwt_tower::jwt_core::authorize::{Routes, scopes};
use jwt_tower::jwt_core::proof::Dpop;
use jwt_tower::jwt_core::{BuildError, TrustedIssuer, Verifier};
use jwt_tower::{Claims, JwtLayer};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    format!("reports for {}\n", user.sub)
}

/// The application. `main` gives it your identity provider, and a test an issuer of its own.
fn app(issuer: TrustedIssuer) -> Result<Router, BuildError> {
    // The address that clients use. Each proof names it.
    let dpop = Dpop::new("http://127.0.0.1:8080");
    let verifier = Verifier::builder().issuer(issuer.dpop_required()).dpop(dpop).build()?;
    let routes = Routes::new().require("/reports", scopes(["reports:read"]));
    Ok(Router::new().route("/reports", get(reports)).layer(JwtLayer::new(verifier).routes(routes)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::discover("https://id.example").audience("https://api.example");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app(issuer)?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use jwt_tower::jwt_core::testing::TestAuth;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_stolen_token_is_worthless() {
        let auth = TestAuth::new();
        let app = super::app(auth.trusted()).expect("an application");
        let status = async |authorization: String, proof: &str| {
            let request = Request::get("/reports").header("authorization", authorization).header("dpop", proof);
            app.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer").status()
        };
        // The issuer binds the token to the client's key, and the client signs each request.
        let (client, thief, url) = (auth.client(), auth.client(), "http://127.0.0.1:8080/reports");
        let token = client.bind(auth.token("ada").scope(["reports:read"])).sign();
        let proof = client.proof("GET", url, &token);
        assert_eq!(status(format!("DPoP {token}"), &proof).await, 200);
        assert_eq!(status(format!("DPoP {token}"), &proof).await, 401, "each proof is good once");
        assert_eq!(status(format!("DPoP {token}"), &client.proof("GET", url, &token)).await, 200);
        assert_eq!(status(format!("DPoP {token}"), &thief.proof("GET", url, &token)).await, 401);
        assert_eq!(status(format!("Bearer {token}"), &client.proof("GET", url, &token)).await, 401);
    }
}
