//! Starts the demo: `cargo run`, or `cargo run -- --help` for the options.

use std::process::ExitCode;

use clap::Parser as _;
use jwt_core::keys::FetchErrorKind;
use jwt_core::verify::KeyFetchErrors;
use jwt_examples::demo::{Demo, DemoError, Options};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // The log says why a request is refused. The client only learns that it is.
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time())
        .with(Targets::new().with_target("jwt_core", LevelFilter::DEBUG))
        .init();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), DemoError> {
    let demo = Demo::start(options).await?;
    println!("{}", demo.guide()?);
    if demo.issuer().is_none() {
        let issuer = &demo.provider().issuer;
        println!("Fetching the keys of {issuer}.");
        match demo.fetch_keys().await {
            Ok(()) => println!("The keys are there.\n"),
            Err(error) => println!("{}\n", explain(&error)),
        }
    }
    // If the system has no such signal, the demo runs until it's killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    demo.stop().await;
    Ok(())
}

/// Explains how the failed fetch affects tokens, and how to fix it.
fn explain(error: &KeyFetchErrors) -> String {
    // Only an outage ends by itself. Anything else says that --issuer is another name than the provider's.
    let is_outage = |kind| matches!(kind, FetchErrorKind::Transport | FetchErrorKind::Timeout);
    let advice = if error.issuers().any(|(_, kind)| kind == FetchErrorKind::IssuerMismatch) {
        "The provider's metadata names another issuer, so its tokens are answered 401.\n\
         Restart the demo, with --issuer set to the `iss` of your tokens."
    } else if error.issuers().all(|(_, kind)| is_outage(kind)) {
        "Tokens from this issuer are answered 503 until its keys can be fetched; no restart is needed.\n\
         Tokens with another `iss` are answered 401: restart the demo with --issuer set to it."
    } else {
        "The provider answers, but not with its keys. If --issuer is wrong, its tokens are answered 401.\n\
         Restart the demo, with --issuer set to the `iss` of your tokens."
    };
    format!("Failed: {error}.\n{advice}")
}
