use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Checks JSON Web Tokens for a proxy: nginx, Caddy, Traefik, HAProxy or Envoy.
///
/// SIGHUP reloads the configuration without losing a request, SIGTERM and Ctrl-C stop after the running requests.
#[derive(Clone, Debug, Parser)]
#[command(name = "gate", version)]
#[non_exhaustive]
pub struct Options {
    /// The TOML file with the settings
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// The framework that serves; the answers are the same
    #[arg(long, value_name = "NAME", default_value = "axum")]
    pub framework: Framework,
}

/// A web framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Framework {
    /// axum
    Axum,
    /// actix-web
    Actix,
}
