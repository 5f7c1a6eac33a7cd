//! Tests a resource server in any language by its URL: does it accept the JWTs that it must accept, and refuse the others?
//!
//! ```sh
//! cargo run --release -p jwt-tests --bin jwt-conformance -- http://127.0.0.1:3000/me
//! ```
//!
//! The program is the issuer: it serves metadata and keys on loopback, makes good and bad tokens, and sends them to the URL. Start
//! your server so that it trusts the issuer and the audience that the program prints first. Each case names the sentence of the
//! standard that it comes from. The cases are always the same, in the same order.
//!
//! It exits with 0 if every "must" holds, with 1 if one doesn't, and with 2 if the server never accepted a good token.

mod cases;
mod issuer;
mod keys;
mod life;
mod report;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Map, Value};

use crate::issuer::Issuer;
use crate::report::Report;
use crate::server::Server;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Tests a resource server that accepts JWT access tokens.
///
/// Start your server so that it trusts the issuer and the audience that are printed first.
#[derive(Debug, Parser)]
#[command(name = "jwt-conformance", version)]
struct Arguments {
    /// A URL of the server that answers a GET request with 2xx if its token is good
    url: String,

    /// The server's name, which good tokens have in `aud`
    #[arg(long, value_name = "NAME", default_value = "https://api.example")]
    audience: String,

    /// The issuer's port on 127.0.0.1; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 4000)]
    port: u16,

    /// More claims for every token, as a JSON object, for example the scope that the URL requires
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = object)]
    claims: Map<String, Value>,

    /// Also check the rules of RFC 9068, for a server that accepts no other access tokens
    #[arg(long)]
    rfc9068: bool,

    /// How long to wait until the server is there, and until it accepts a new key
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    patience: Duration,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|error| format!("expected whole seconds: {error}"))
}

#[tokio::main]
async fn main() -> ExitCode {
    match check(&Arguments::parse()).await {
        Ok(report) if report.failed() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("jwt-conformance: {error}");
            ExitCode::from(2)
        }
    }
}

async fn check(arguments: &Arguments) -> Outcome<Report> {
    let issuer = Issuer::start(arguments.port, &arguments.audience, &arguments.claims).await?;
    let server = Server::new(&arguments.url)?;
    let mut report = Report::new(arguments.json);
    eprintln!("issuer    {}", issuer.name());
    eprintln!("keys      {}/jwks", issuer.name());
    eprintln!("audience  {}", arguments.audience);
    server.wait_for(&issuer, arguments.patience).await?;
    for case in cases::all(arguments.rfc9068) {
        let answer = server.ask(&(case.request)(&issuer)).await;
        report.add(case.check(&answer));
    }
    life::check(&server, issuer, arguments.patience, &mut report).await?;
    report.finish();
    Ok(report)
}
