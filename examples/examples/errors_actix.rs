//! The program of the page "Errors and bodies in your own format" for actix-web.

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use jwt_actix::jwt_core::http::{Challenge, Rendered, RequestView};
use jwt_actix::jwt_core::{BuildError, Class, Error, TrustedIssuer, Verifier};
use jwt_actix::{Claims, JwtMiddleware, Rejection};
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
#[derive(Debug)]
enum AppError {
    Rejected(Rejection),
    NotFound(Option<String>),
}

impl<E: Into<Rejection>> From<E> for AppError {
    fn from(error: E) -> Self {
        Self::Rejected(error.into())
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::NotFound(_) => f.write_str("there is no such report"),
        }
    }
}

impl ResponseError for AppError {
    fn error_response(&self) -> HttpResponse {
        match self {
            // Status, challenge and body are already right.
            Self::Rejected(rejection) => rejection.error_response(),
            Self::NotFound(request) => {
                let body = body("not_found", request.as_deref());
                HttpResponse::build(StatusCode::NOT_FOUND).content_type("application/json").body(body)
            }
        }
    }
}

async fn report(
    user: Result<Claims<User>, Rejection>,
    number: web::Path<u32>,
    request: HttpRequest,
) -> Result<String, AppError> {
    let Claims(user) = user?;
    if *number > 2 {
        let request = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        return Err(AppError::NotFound(request.map(str::to_owned)));
    }
    Ok(format!("report {number} for {}\n", user.sub))
}

fn verifier(issuer: TrustedIssuer) -> Result<Verifier, BuildError> {
    Verifier::builder().issuer(issuer).renderer(rejection).build()
}

fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let reports = web::scope("/reports").route("/{number}", web::get().to(report));
        app.service(reports.wrap(JwtMiddleware::new(verifier)));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = jwt_examples::people::People::new()?;
    people.print(
        "http://127.0.0.1:3000",
        &[("GET", "/reports/1", None, 401), ("GET", "/reports/9", Some("READER"), 404)],
    );
    let verifier = verifier(people.issuer)?;
    HttpServer::new(move || App::new().configure(routes(verifier.clone()))).bind("127.0.0.1:3000")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};
    use jwt_actix::jwt_core::testing::TestAuth;

    async fn get(auth: &TestAuth, path: &str, authorization: &str) -> (u16, Option<String>, String) {
        let app =
            test::init_service(App::new().configure(super::routes(super::verifier(auth.trusted()).unwrap()))).await;
        let request = test::TestRequest::get().uri(path).insert_header(("authorization", authorization));
        let request = request.insert_header(("x-request-id", "r-7")).to_request();
        let response = test::call_service(&app, request).await;
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, challenge, String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn every_error_has_the_body_of_the_application_and_keeps_its_challenge() {
        let bearer = |challenge: &str| Some(format!("Bearer realm=\"api\"{challenge}"));
        let body = |code| format!(r#"{{"error":"{code}","request":"r-7"}}"#);
        let auth = TestAuth::new();
        let good = auth.token("ada").bearer();
        assert_eq!(get(&auth, "/reports/1", "Basic YQ==").await, (401, bearer(""), body("no_credentials")));
        let refused = (401, bearer(r#", error="invalid_token""#), body("invalid_token"));
        assert_eq!(get(&auth, "/reports/1", "Bearer a.b.c").await, refused);
        assert_eq!(get(&auth, "/reports/9", &good).await, (404, None, body("not_found")));
        assert_eq!(get(&auth, "/reports/1", &good).await, (200, None, "report 1 for ada\n".to_owned()));
    }
}
