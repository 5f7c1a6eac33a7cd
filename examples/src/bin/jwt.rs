//! The command-line tool: `cargo run --bin jwt -- --help`.

use std::io::{ErrorKind, stdin, stdout};
use std::process::ExitCode;

use clap::Parser as _;
use jwt_examples::cli::{CliError, Options, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse(), &mut stdin().lock(), &mut stdout().lock()).await {
        Ok(status) => ExitCode::from(status),
        // The reader of a pipe has seen enough.
        Err(CliError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jwt: {error}");
            ExitCode::from(2)
        }
    }
}
