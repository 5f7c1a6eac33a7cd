use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use jwt_core::{TrustedIssuer, Verifier};

use super::super::CliError;
use super::finding::{Finding, Level, fail, fine};
use super::issuer::{Source, examine};
use super::settings;

/// The options of `doctor`.
#[derive(Args, Clone, Debug)]
pub(in super::super) struct Doctor {
    /// The issuer, exactly as in the `iss` of its tokens
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    issuer: Option<String>,

    /// A TOML file with the library's settings, whose issuers are examined too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Also accepts plain http from this host; may be repeated
    #[arg(long, value_name = "HOST")]
    dangerous_http_host: Vec<String>,
}

impl Doctor {
    /// Writes the findings. The status is 1 if one of them means that tokens will be refused.
    pub(in super::super) async fn run(self, output: &mut dyn Write) -> Result<u8, CliError> {
        let mut worst = Level::Fine;
        let mut report = |title: &str, findings: Vec<Finding>, output: &mut dyn Write| -> Result<(), CliError> {
            writeln!(output, "{title}")?;
            for finding in findings {
                finding.write(output)?;
                worst = worst.max(finding.level);
            }
            Ok(())
        };
        let sources = match (&self.config, self.issuer) {
            (Some(path), _) => {
                let (findings, sources) = settings::examine(path)?;
                report(&path.display().to_string(), findings, output)?;
                sources
            }
            (None, issuer) => {
                vec![Source::new(issuer.unwrap_or_default(), self.dangerous_http_host)]
            }
        };
        for source in sources {
            let title = source.issuer.clone();
            let findings = match verifier(&source) {
                Ok(verifier) => examine(&source, &verifier).await?,
                Err(error) => vec![fail("settings", error.to_string())],
            };
            report(&title, findings, output)?;
        }
        Ok(u8::from(worst == Level::Fail))
    }
}

/// A verifier that trusts the issuer, as a service's would.
fn verifier(source: &Source) -> Result<Verifier, jwt_core::BuildError> {
    let issuer = match (&source.jwks_url, &source.metadata_url) {
        (Some(url), _) => TrustedIssuer::jwks(source.issuer.as_str(), url.as_str()),
        (None, Some(url)) => TrustedIssuer::discover(source.issuer.as_str()).metadata_url(url.as_str()),
        (None, None) => TrustedIssuer::discover(source.issuer.as_str()),
    };
    // Only keys are fetched with it: it never sees a token.
    let issuer = issuer.dangerous_any_audience().dangerous_http_hosts(source.http_hosts.iter().cloned());
    Verifier::builder().issuer(issuer).build()
}

/// The library's findings about the issuer's documents.
pub(super) async fn verdict(verifier: &Verifier) -> Finding {
    match verifier.fetch_keys().await {
        Ok(()) => {
            let keys: usize = verifier.key_set_status().iter().map(|(_, status)| status.keys).sum();
            fine("keys", format!("the library can use {keys} of its keys"))
        }
        Err(error) => fail("keys", error.to_string()),
    }
}
