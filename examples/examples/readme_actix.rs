//! The same as `readme_axum` with actix-web.

use actix_web::{App, HttpServer, web};
use jwt_actix::jwt_core::authorize::{Routes, scopes};
use jwt_actix::jwt_core::{TrustedIssuer, Verifier};
use jwt_actix::{Claims, JwtMiddleware};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    format!("reports for {}\n", user.sub)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder()
        .issuer(TrustedIssuer::discover("https://id.example").audience("https://api.example"))
        .build()?;

    HttpServer::new(move || {
        let routes = Routes::new().require("/reports", scopes(["reports:read"]));
        App::new().wrap(JwtMiddleware::new(verifier.clone()).routes(routes)).route("/reports", web::get().to(reports))
    })
    .bind("127.0.0.1:3001")?
    .run()
    .await?;
    Ok(())
}
