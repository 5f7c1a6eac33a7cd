//! The program of the page "Errors and bodies in your own format" for axum.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use jwt_tower::jwt_core::http::{Challenge, Rendered, RequestView};
use jwt_tower::jwt_core::{BuildError, Class, Error, TrustedIssuer, Verifier};
use jwt_tower::{Claims, JwtLayer, Rejection};
use serde_json::json;

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

/// The one format of all errors.
fn body(code: &str, request: Option<&str>) -> String {
    json!({"error": code, "request": request}).to_string()
}

/// Writes the body of every rejection.
fn rejection(error: &Error, _challenge: &Challenge, request: &dyn RequestView) -> Rendered {
    // The exact code of a refused token tells a forger which check to pass next, and that of an outage what you depend on.
    let code = match error.class() {
        Class::Refused => "invalid_token",
        Class::Unavailable => "unavailable",
        Class::Misuse => "server_error",
        _ => error.code(),
    };
    Rendered::json(body(code, request.header_value("x-request-id")))
}

/// The errors of this application. `Rejection` is one of them, so `?` works on every call of this crate.
enum AppError {
    Rejected(Rejection),
    NotFound(Option<String>),
}

impl<E: Into<Rejection>> From<E> for AppError {
    fn from(error: E) -> Self {
        Self::Rejected(error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            // Status, challenge and body are already right.
            Self::Rejected(rejection) => rejection.into_response(),
            Self::NotFound(request) => {
                let body = body("not_found", request.as_deref());
                (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "application/json")], body).into_response()
            }
        }
    }
}

async fn report(
    user: Result<Claims<User>, Rejection>,
    Path(number): Path<u32>,
    headers: HeaderMap,
) -> Result<String, AppError> {
    let Claims(user) = user?;
    if number > 2 {
        let request = headers.get("x-request-id").and_then(|id| id.to_str().ok());
        return Err(AppError::NotFound(request.map(str::to_owned)));
    }
    Ok(format!("report {number} for {}\n", user.sub))
}

fn app(issuer: TrustedIssuer) -> Result<Router, BuildError> {
    let verifier = Verifier::builder().issuer(issuer).renderer(rejection).build()?;
    Ok(Router::new().route("/reports/{number}", get(report)).layer(JwtLayer::new(verifier)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = jwt_examples::people::People::new()?;
    people.print(
        "http://127.0.0.1:3000",
        &[("GET", "/reports/1", None, 401), ("GET", "/reports/9", Some("READER"), 404)],
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(people.issuer)?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use jwt_tower::jwt_core::testing::TestAuth;
    use tower::ServiceExt as _;

    async fn get(auth: &TestAuth, path: &str, authorization: &str) -> (u16, Option<String>, String) {
        let request = Request::get(path).header("authorization", authorization).header("x-request-id", "r-7");
        let request = request.body(Body::empty()).unwrap();
        let response = super::app(auth.trusted()).unwrap().oneshot(request).await.unwrap();
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, challenge, String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_error_has_the_body_of_the_application_and_keeps_its_challenge() {
        let bearer = |challenge: &str| Some(format!("Bearer realm=\"api\"{challenge}"));
        let body = |code| format!(r#"{{"error":"{code}","request":"r-7"}}"#);
        let auth = TestAuth::new();
        let good = auth.token("ada").bearer();
        assert_eq!(get(&auth, "/reports/1", "Basic YQ==").await, (401, bearer(""), body("no_credentials")));
        let refused = (401, bearer(r#", error="invalid_token""#), body("invalid_token"));
        assert_eq!(get(&auth, "/reports/1", "Bearer a.b.c").await, refused);
        assert_eq!(get(&auth, "/reports/9", &good).await, (404, None, body("not_found")));
    }

    #[tokio::test]
    async fn a_good_request_is_answered_as_before() {
        let auth = TestAuth::new();
        let request = Request::get("/reports/1").header("authorization", auth.token("ada").bearer());
        let response = super::app(auth.trusted()).unwrap().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(to_bytes(response.into_body(), 4096).await.unwrap(), "report 1 for ada\n");
    }
}
