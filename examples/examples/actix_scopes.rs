//! Scopes, roles and logins on actix-web: who may do what, in the places where it can be said.
//! ```sh
//! cargo run -p jwt-examples --example actix_scopes
//! ```
//! It prints a token for each of four people and commands to try, with the status that each gets: paste them into another
//! terminal. Another port than 3001 can be given as `-- 8080`; `-- 0` takes a free one.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use jwt_actix::{Authorized, Claims, JwtMiddleware, OptionalClaims, RequireMiddleware};
use jwt_core::authorize::{acr, all, any_role, roles, scopes};
use jwt_examples::people::{People, REPORTS, port};

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

jwt_core::policy! {
    /// Says in a handler's signature what its caller needs: a scope, and one of two roles.
    WriteReports = all((scopes(["reports:write"]), any_role("/roles", ["editor", "admin"])));
}

/// Any good token will do.
async fn me(Claims(user): Claims<User>) -> String {
    format!("Hello, {}!\n", user.name)
}

/// The middleware around the route asks for the scope, so that nothing is asked for here.
async fn list() -> &'static str {
    "Visitors in March\n"
}

/// This handler cannot be mounted without its policy.
async fn write(Authorized(user, ..): Authorized<User, WriteReports>) -> impl Responder {
    HttpResponse::Created().body(format!("written by {}\n", user.name))
}

/// Only the role, and a login that is strong enough: with a weaker one the answer says which login to ask for.
async fn remove(Claims(user): Claims<User>) -> impl Responder {
    println!("removed by {}", user.name);
    HttpResponse::NoContent()
}

/// Guests are welcome; whoever brings a token must bring a good one.
async fn welcome(OptionalClaims(user): OptionalClaims<User>) -> String {
    format!("Welcome, {}!\n", user.map_or_else(|| "guest".to_owned(), |user| user.name))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = People::new()?;
    let jwt = JwtMiddleware::new(people.verifier.clone());
    let app = move || {
        // What is wrapped last runs first: the token is verified before anything is required of it.
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
    println!("# Ctrl-C ends it.");
    HttpServer::new(app).listen(listener)?.run().await?;
    Ok(())
}
