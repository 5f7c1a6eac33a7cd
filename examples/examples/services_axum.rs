//! The program of the page "Service to service": a service that calls another one with a token of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, routing::get};
use jwt_tower::jwt_core::authorize::{all, claim, scopes};
use jwt_tower::jwt_core::{BuildError, TrustedIssuer, Verifier};
use jwt_tower::{JwtLayer, RequireExt as _, Verified};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Gets tokens by the client credentials grant (RFC 6749 section 4.4), and keeps each for most of its lifetime.
#[derive(Clone)]
struct ServiceToken {
    http: reqwest::Client,
    endpoint: String,
    client_id: String,
    client_secret: String,
    cached: Arc<Mutex<Option<(String, Instant)>>>,
}

/// The answer of the token endpoint. RFC 6749 section 5.1.
#[derive(serde::Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

impl ServiceToken {
    fn new(endpoint: &str, client_id: &str, client_secret: &str) -> Self {
        let http = reqwest::Client::new();
        let (endpoint, client_id) = (endpoint.to_owned(), client_id.to_owned());
        Self { http, endpoint, client_id, client_secret: client_secret.to_owned(), cached: Arc::default() }
    }

    async fn get(&self) -> Result<String, reqwest::Error> {
        // Locked during the request, so that many callers at once cause one.
        let mut cached = self.cached.lock().await;
        if let Some((token, renewal)) = &*cached
            && Instant::now() < *renewal
        {
            return Ok(token.clone());
        }
        let form = [("grant_type", "client_credentials"), ("scope", "reports:read")];
        let request = self.http.post(&self.endpoint).basic_auth(&self.client_id, Some(&self.client_secret)).form(&form);
        let answer: Answer = request.send().await?.error_for_status()?.json().await?;
        let renewal = Instant::now() + Duration::from_secs(answer.expires_in) * 4 / 5;
        *cached = Some((answer.access_token.clone(), renewal));
        Ok(answer.access_token)
    }
}

/// The service that is called. It accepts only this caller, not the issuer's other clients.
fn called(issuer: &str) -> Result<Router, BuildError> {
    let issuer = TrustedIssuer::discover(issuer).audience("https://api.example").access_token_profile();
    let verifier = Verifier::builder().issuer(issuer).build()?;
    let caller = all((scopes(["reports:read"]), claim("/client_id").equals("demo-client")));
    Ok(Router::new().route("/reports", get(reports).requires(caller)).layer(JwtLayer::new(verifier)))
}

async fn reports(verified: Verified) -> String {
    format!("reports for {}\n", verified.registered().client_id().unwrap_or("nobody"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The issuer of the demo, which `cargo run` starts in a checkout.
    let issuer = "http://127.0.0.1:3000/dev-issuer";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    tokio::spawn(axum::serve(listener, called(issuer)?).into_future());

    let token = ServiceToken::new(&format!("{issuer}/token"), "demo-client", "secret");
    let request = reqwest::Client::new().get("http://127.0.0.1:8080/reports").bearer_auth(token.get().await?);
    print!("{}", request.send().await?.error_for_status()?.text().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use jwt_examples::demo::{Demo, Options, TokenRequest};
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_token_is_fetched_once_and_only_the_named_client_may_call() {
        let demo = Demo::start(Options::on_free_ports()).await.unwrap();
        let issuer = demo.provider().issuer.clone();
        let token = super::ServiceToken::new(&format!("{issuer}/token"), "demo-client", "secret");
        let fetched = token.get().await.unwrap();
        assert_eq!(token.get().await.unwrap(), fetched);

        let unscoped = demo.issuer().unwrap().token(&TokenRequest::new()).unwrap();
        for (token, status, body) in [(fetched, 200, "reports for demo-client\n"), (unscoped, 403, "")] {
            let request = Request::get("/reports").header("authorization", format!("Bearer {token}"));
            let request = request.body(Body::empty()).unwrap();
            let response = super::called(&issuer).unwrap().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(to_bytes(response.into_body(), 4096).await.unwrap(), body);
        }
        demo.stop().await;
    }
}
