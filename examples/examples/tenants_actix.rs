//! The program of the page "Tenants" for actix-web: the tenant of the path must be the tenant of the token.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::ErrorNotFound;
use actix_web::{App, FromRequest, HttpRequest, HttpServer, web};
use jwt_actix::jwt_core::{TrustedIssuer, Verifier, verify::IssuerResolver};
use jwt_actix::{JwtMiddleware, Verified};

/// The tenant that the path names, if the token is from its issuer. Any other tenant is answered 404, like one that doesn't exist.
struct Tenant(String);

impl FromRequest for Tenant {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let verified = match Verified::from_request(request, payload).into_inner() {
            Ok(verified) => verified,
            Err(rejection) => return ready(Err(rejection.into())),
        };
        let tenant = request.match_info().query("tenant");
        let is_own = verified.registered().issuer() == Some(&issuer_of(tenant));
        ready(if is_own { Ok(Self(tenant.to_owned())) } else { Err(ErrorNotFound("there is no such tenant")) })
    }
}

fn issuer_of(tenant: &str) -> String {
    format!("https://{tenant}.id.example")
}

async fn reports(Tenant(tenant): Tenant) -> String {
    format!("reports of {tenant}\n")
}

fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        app.service(web::resource("/{tenant}/reports").wrap(JwtMiddleware::new(verifier)).get(reports));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tenants = IssuerResolver::new(
        |name| name.starts_with("https://") && name.ends_with(".id.example"),
        // Ask your database whether there is such a tenant.
        |name| async move { Ok(Some(TrustedIssuer::discover(name).audience("https://api.example"))) },
    );
    let verifier = Verifier::builder().issuer_resolver(tenants.hosts(|host| host.ends_with(".id.example"))).build()?;
    HttpServer::new(move || App::new().configure(routes(verifier.clone()))).bind("127.0.0.1:8080")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};
    use jwt_actix::jwt_core::testing::TestAuth;

    #[actix_web::test]
    async fn a_token_of_one_tenant_opens_no_path_of_another() {
        let auth = TestAuth::new().issuer(super::issuer_of("acme"));
        let app = test::init_service(App::new().configure(super::routes(auth.verifier()))).await;
        for (path, status) in [("/acme/reports", 200), ("/umbrella/reports", 404)] {
            let request = test::TestRequest::get().uri(path);
            let request = request.insert_header(("authorization", auth.token("ada").bearer()));
            assert_eq!(test::call_service(&app, request.to_request()).await.status(), status, "{path}");
        }
        let request = test::TestRequest::get().uri("/acme/reports").to_request();
        assert_eq!(test::call_service(&app, request).await.status(), 401);
    }
}
