//! The demo: `cargo run`, or `cargo run -- --help`.

use std::process::ExitCode;

use clap::Parser as _;
use jwt_examples::demo::{Demo, DemoError, Options};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Why a request is refused stands in the log and nowhere else: the client is only told that it is.
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
        println!("Looking for the keys of {issuer}.");
        if demo.issuer_answers().await {
            println!("They are there.\n");
        } else {
            println!("They cannot be had. Tokens are answered 503 until they can; no restart is needed.\n");
        }
    }
    // Where signals cannot be had, the demo runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    demo.stop().await;
    Ok(())
}
