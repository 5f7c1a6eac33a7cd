//! Shows a web application for browsers on axum: logins, sessions, and tokens in cookies.
//! ```sh
//! cargo run -p jwt-examples --example browser_axum
//! ```
//! Open <http://127.0.0.1:3000/> and log in as `ada` with the password `engine`. The page lists each request with its answer.
//! The routes are in `src/browser/axum_app.rs`; `-- --help` lists the options.

use clap::Parser as _;
use jwt_examples::browser::{Options, ReadingRoom, axum_routes};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let app = axum_routes(&ReadingRoom::new(&options)?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
