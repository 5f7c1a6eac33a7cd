//! The program for actix-web of the page "Proof of possession": a stolen token is worthless.

use actix_web::{App, HttpServer, web};
use jwt_actix::jwt_core::authorize::{Routes, scopes};
use jwt_actix::jwt_core::proof::Dpop;
use jwt_actix::jwt_core::{BuildError, TrustedIssuer, Verifier};
use jwt_actix::{Claims, JwtMiddleware};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    format!("reports for {}\n", user.sub)
}

/// The middleware. `main` gives it your identity provider, and a test an issuer of its own.
fn jwt(issuer: TrustedIssuer) -> Result<JwtMiddleware, BuildError> {
    // The address that clients use. Each proof names it.
    let dpop = Dpop::new("http://127.0.0.1:8080");
    let verifier = Verifier::builder().issuer(issuer.dpop_required()).dpop(dpop).build()?;
    Ok(JwtMiddleware::new(verifier).routes(Routes::new().require("/reports", scopes(["reports:read"]))))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::discover("https://id.example").audience("https://api.example");
    // Made once: the workers share the log of used proofs.
    let jwt = jwt(issuer)?;
    let app = move || App::new().wrap(jwt.clone()).route("/reports", web::get().to(reports));
    HttpServer::new(app).bind("127.0.0.1:8080")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test, web};
    use jwt_actix::jwt_core::testing::TestAuth;

    #[actix_web::test]
    async fn a_stolen_token_is_worthless() {
        let auth = TestAuth::new();
        let jwt = super::jwt(auth.trusted()).expect("a middleware");
        let app = App::new().wrap(jwt).route("/reports", web::get().to(super::reports));
        let app = test::init_service(app).await;
        let status = async |authorization: String, proof: String| {
            let request = test::TestRequest::get().uri("/reports").insert_header(("authorization", authorization));
            test::call_service(&app, request.insert_header(("dpop", proof)).to_request()).await.status()
        };
        // The issuer binds the token to the client's key, and the client signs each request.
        let (client, thief, url) = (auth.client(), auth.client(), "http://127.0.0.1:8080/reports");
        let token = client.bind(auth.token("ada").scope(["reports:read"])).sign();
        let proof = client.proof("GET", url, &token);
        assert_eq!(status(format!("DPoP {token}"), proof.clone()).await, 200);
        assert_eq!(status(format!("DPoP {token}"), proof).await, 401, "each proof is good once");
        assert_eq!(status(format!("DPoP {token}"), client.proof("GET", url, &token)).await, 200);
        assert_eq!(status(format!("DPoP {token}"), thief.proof("GET", url, &token)).await, 401);
        assert_eq!(status(format!("Bearer {token}"), client.proof("GET", url, &token)).await, 401);
    }
}
