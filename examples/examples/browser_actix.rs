//! Shows a web application for browsers on actix-web: logins, sessions, and tokens in cookies.
//! ```sh
//! cargo run -p jwt-examples --example browser_actix
//! ```
//! Open <http://127.0.0.1:3000/> and log in as `ada` with the password `engine`. The page lists each request with its answer.
//! The routes are in `src/browser/actix_app.rs`; `-- --help` lists the options.

use actix_web::{App, HttpServer};
use clap::Parser as _;
use jwt_examples::browser::{Options, ReadingRoom, actix_routes};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let room = ReadingRoom::new(&options)?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", options.port))?;
    println!("http://{}/", listener.local_addr()?);
    HttpServer::new(move || App::new().configure(actix_routes(&room))).workers(2).listen(listener)?.run().await?;
    Ok(())
}
