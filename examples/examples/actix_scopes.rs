//! Shows the ways to require scopes, roles and a strong login on actix-web: in a handler's signature, and around a route.
//! ```sh
//! cargo run -p jwt-examples --example actix_scopes
//! ```
//! It prints a token for each of four people and commands to paste into another terminal, each with the status to expect. To use
//! another port than 3001, add `-- 8080`; `-- 0` takes any free port.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use jwt_actix::jwt_core::authorize::{acr, all, any_role, roles, scopes};
use jwt_actix::{Authorized, Claims, JwtMiddleware, OptionalClaims, RequireMiddleware};
use jwt_examples::people::{People, REPORTS, port};

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

jwt_actix::jwt_core::policy! {
    /// Needed to write reports: a scope, and one of two roles.
    WriteReports = all((scopes(["reports:write"]), any_role("/roles", ["editor", "admin"])));
}

/// Accepts every valid token.
async fn me(Claims(user): Claims<User>) -> String {
    format!("Hello, {}!\n", user.name)
}

/// The middleware around the route requires the scope, so the handler doesn't have to.
async fn list() -> &'static str {
    "Visitors in March\n"
}

/// The policy is part of the signature, so no route can forget it.
async fn write(Authorized(user, ..): Authorized<User, WriteReports>) -> impl Responder {
    HttpResponse::Created().body(format!("written by {}\n", user.name))
}

/// The route requires a role and a strong login. After a weaker login, the answer says which one the client needs.
async fn remove(Claims(user): Claims<User>) -> impl Responder {
    println!("removed by {}", user.name);
    HttpResponse::NoContent()
}

/// Works without a token. An invalid token is refused all the same.
async fn welcome(OptionalClaims(user): OptionalClaims<User>) -> String {
    format!("Welcome, {}!\n", user.map_or_else(|| "guest".to_owned(), |user| user.name))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = People::new()?;
    let jwt = JwtMiddleware::new(people.verifier.clone());
    let app = move || {
        // The middleware that's wrapped last runs first, so the token is verified before its scopes are checked.
        App::new()
            .service(web::resource("/me").wrap(jwt.clone()).route(web::get().to(me)))
            .service(
                web::resource("/reports")
                    .wrap(jwt.clone())
                    .route(web::get().to(list).wrap(RequireMiddleware::new(scopes(["reports:read"]))))
                    .route(web::post().to(write))
                    .route(
                        web::delete()
                            .to(remove)
                            .wrap(RequireMiddleware::new(all((roles("/roles", ["admin"]), acr(["phr"]))))),
                    ),
            )
            .service(web::resource("/welcome").wrap(jwt.clone().optional()).route(web::get().to(welcome)))
    };

    let listener = TcpListener::bind(("127.0.0.1", port(3001)?))?;
    people.print(&format!("http://{}", listener.local_addr()?), &REPORTS);
    println!("# Ctrl-C stops the example.");
    HttpServer::new(app).listen(listener)?.run().await?;
    Ok(())
}
