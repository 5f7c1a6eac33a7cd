//! The program of the page "Errors and bodies in your own format" for actix-web.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpResponse, HttpServer, ResponseError, web};
use jwt_actix::jwt_core::{Class, Error, Verifier};
use jwt_actix::{Claims, JwtMiddleware, Rejection};
use serde_json::json;

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

/// The errors of this application. `Rejection` is one of them, so `?` works on every call of this crate.
#[derive(Debug)]
enum AppError {
    Rejected(Rejection),
    NotFound,
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
            Self::NotFound => f.write_str("there is no such report"),
        }
    }
}

impl ResponseError for AppError {
    fn error_response(&self) -> HttpResponse {
        match self {
            // Status and challenge are already right.
            Self::Rejected(rejection) => rejection.error_response(),
            Self::NotFound => HttpResponse::new(StatusCode::NOT_FOUND),
        }
    }
}

async fn report(user: Result<Claims<User>, Rejection>, id: web::Path<u32>) -> Result<String, AppError> {
    let Claims(user) = user?;
    if *id > 2 {
        return Err(AppError::NotFound);
    }
    Ok(format!("report {id} for {}\n", user.sub))
}

/// Writes the body of every error, including errors before a handler runs.
async fn error_bodies(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("none").to_owned();
    let response = next.call(request).await?.map_into_boxed_body();
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return Ok(response);
    }
    // The exact code of a refused token tells a forger which check to pass next, and that of an outage what you depend on.
    let code = match response.response().extensions().get::<Error>() {
        Some(error) => match error.class() {
            Class::Refused => "invalid_token",
            Class::Unavailable => "unavailable",
            Class::Misuse => "server_error",
            _ => error.code(),
        },
        None => "error",
    };
    let body = json!({"error": code, "request": id}).to_string();
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let reports = web::scope("/reports").route("/{id}", web::get().to(report));
        // Middleware that is wrapped later runs first, so `error_bodies` sees what `JwtMiddleware` answers.
        app.service(reports.wrap(JwtMiddleware::new(verifier)).wrap(from_fn(error_bodies)));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = jwt_examples::people::People::new()?;
    people.print(
        "http://127.0.0.1:3000",
        &[("GET", "/reports/1", None, 401), ("GET", "/reports/9", Some("READER"), 404)],
    );
    HttpServer::new(move || App::new().configure(routes(people.verifier.clone())))
        .bind("127.0.0.1:3000")?
        .run()
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};
    use jwt_actix::jwt_core::testing::TestAuth;

    async fn get(auth: &TestAuth, path: &str, authorization: &str) -> (u16, Option<String>, String) {
        let app = test::init_service(App::new().configure(super::routes(auth.verifier()))).await;
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
        assert_eq!(get(&auth, "/reports/9", &good).await, (404, None, body("error")));
        assert_eq!(get(&auth, "/reports/1", &good).await, (200, None, "report 1 for ada\n".to_owned()));
    }
}
