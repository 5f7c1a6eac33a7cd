//! A reading room for browsers, with actix-web: logins, sessions, and tokens in cookies. Its routes are in
//! `src/browser/actix_app.rs`.
//!
//! ```sh
//! cargo run -p jwt-examples --example browser_actix
//! ```
//! Then open <http://127.0.0.1:3000/> and log in as ada with the password engine.

use actix_web::{App, HttpServer};
use clap::Parser as _;
use jwt_examples::browser::{Options, ReadingRoom, actix_routes};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let room = ReadingRoom::open(&options)?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", options.port))?;
    println!("http://{}/", listener.local_addr()?);
    HttpServer::new(move || App::new().configure(actix_routes(&room))).workers(2).listen(listener)?.run().await?;
    Ok(())
}
