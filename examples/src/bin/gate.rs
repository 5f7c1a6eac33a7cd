//! The forward-auth server: `cargo run --bin gate -- --config FILE`.

use std::process::ExitCode;

use clap::Parser as _;
use jwt_examples::forward_auth::{Options, run};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Warnings say why keys can't be fetched, and that a setting is probably misspelt.
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time())
        .with(Targets::new().with_target("jwt_core", LevelFilter::WARN))
        .init();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gate: {error}");
            ExitCode::FAILURE
        }
    }
}
