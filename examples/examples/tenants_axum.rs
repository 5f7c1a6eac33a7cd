//! The program of the page "Tenants": the tenant of the path must be the tenant of the token.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::get};
use jwt_tower::jwt_core::{TrustedIssuer, Verifier, verify::IssuerResolver};
use jwt_tower::{JwtLayer, Verified};

/// The tenant that the path names, if the token is from its issuer. Any other tenant is answered 404, like one that doesn't exist.
struct Tenant(String);

impl<S: Send + Sync> FromRequestParts<S> for Tenant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let verified = Verified::from_request_parts(parts, state).await.map_err(|error| error.into_response())?;
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Path(mut path) = path.map_err(|error| error.into_response())?;
        match path.remove("tenant") {
            Some(tenant) if verified.registered().issuer() == Some(&issuer_of(&tenant)) => Ok(Self(tenant)),
            _ => Err(StatusCode::NOT_FOUND.into_response()),
        }
    }
}

fn issuer_of(tenant: &str) -> String {
    format!("https://{tenant}.id.example")
}

async fn reports(Tenant(tenant): Tenant) -> String {
    format!("reports of {tenant}\n")
}

fn app(verifier: Verifier) -> Router {
    Router::new().route("/{tenant}/reports", get(reports)).layer(JwtLayer::new(verifier))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tenants = IssuerResolver::new(
        |name| name.starts_with("https://") && name.ends_with(".id.example"),
        // Ask your database whether there is such a tenant.
        |name| async move { Ok(Some(TrustedIssuer::discover(name).audience("https://api.example"))) },
    );
    let verifier = Verifier::builder().issuer_resolver(tenants.hosts(|host| host.ends_with(".id.example"))).build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app(verifier)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use jwt_tower::jwt_core::testing::TestAuth;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_token_of_one_tenant_opens_no_path_of_another() {
        let auth = TestAuth::new().issuer(super::issuer_of("acme"));
        for (path, status) in [("/acme/reports", 200), ("/umbrella/reports", 404)] {
            let request = Request::get(path).header("authorization", auth.token("ada").bearer());
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(super::app(auth.verifier()).oneshot(request).await.unwrap().status(), status, "{path}");
        }
        let request = Request::get("/acme/reports").body(Body::empty()).unwrap();
        assert_eq!(super::app(auth.verifier()).oneshot(request).await.unwrap().status(), 401);
    }
}
