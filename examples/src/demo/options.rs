use std::path::PathBuf;

use clap::{Args, Parser};

/// Serves the same routes on axum and on actix-web, protected by one JWT verifier.
///
/// Without options, the demo has its own issuer, for development only. With --issuer and --audience, it trusts a real
/// provider, whose keys it finds by discovery, and issues no tokens itself. Not every provider's access tokens follow
/// RFC 9068, so the demo then checks the signature, issuer, audience and times, but requires no type of token: an ID
/// token with the same audience is refused only if it has `nonce`, `at_hash` or `c_hash`.
#[derive(Clone, Debug, Parser)]
#[command(name = "demo", version)]
#[non_exhaustive]
pub struct Options {
    /// A real provider, instead of the embedded issuer.
    #[command(flatten)]
    pub provider: Option<Provider>,

    /// The port of the axum server and the web page, on 127.0.0.1; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub axum_port: u16,

    /// The port of the actix server, on 127.0.0.1; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 3001)]
    pub actix_port: u16,

    /// Whether tokens may or must be bound to their client's key (DPoP). The web page then shows that a stolen one is refused
    #[arg(long, value_name = "MODE", default_value = "off")]
    pub dpop: DpopMode,

    /// The address that clients use for both servers, for DPoP; by default each server's own
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// The servers' certificate, and those up to its authority, in PEM: both then speak https
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Authorities in PEM: clients may authenticate with their certificates, and tokens may be bound to them (mutual TLS)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub client_ca: Option<PathBuf>,
}

/// Whether tokens may or must be bound to a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum DpopMode {
    /// Bound tokens are refused.
    #[default]
    Off,
    /// Bound tokens need a proof, and bearer tokens are accepted.
    Allowed,
    /// Every token needs a proof.
    Required,
}

/// The issuer of the tokens and their audience.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Provider {
    /// The provider's issuer identifier, exactly as in the `iss` of its tokens
    #[arg(long, value_name = "URL", required = false, requires = "audience")]
    pub issuer: String,

    /// The name of this service, as in the `aud` of the provider's tokens
    #[arg(long, value_name = "NAME", required = false, requires = "issuer")]
    pub audience: String,
}

impl Options {
    /// Returns options for the embedded issuer, on free ports.
    #[must_use]
    pub const fn on_free_ports() -> Self {
        Self {
            provider: None,
            axum_port: 0,
            actix_port: 0,
            dpop: DpopMode::Off,
            public_url: None,
            tls_cert: None,
            tls_key: None,
            client_ca: None,
        }
    }

    /// Sets whether tokens may or must be bound to a key. Default: off.
    #[must_use]
    pub const fn dpop(mut self, mode: DpopMode) -> Self {
        self.dpop = mode;
        self
    }

    /// Sets the certificate and the key of both servers. Default: no TLS.
    #[must_use]
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        (self.tls_cert, self.tls_key) = (Some(certificate.into()), Some(key.into()));
        self
    }

    /// Sets the authorities of clients' certificates. Default: clients can't authenticate with certificates.
    #[must_use]
    pub fn client_ca(mut self, certificates: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(certificates.into());
        self
    }

    /// Sets the provider. Default: the embedded issuer.
    #[must_use]
    pub fn provider(mut self, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        self.provider = Some(Provider { issuer: issuer.into(), audience: audience.into() });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &str) -> Result<Options, String> {
        Options::try_parse_from(["demo"].into_iter().chain(arguments.split_whitespace())).map_err(|e| e.to_string())
    }

    #[test]
    fn without_options_the_issuer_is_embedded_and_the_ports_are_3000_and_3001() {
        let options = read("").unwrap();
        assert!(options.provider.is_none());
        assert_eq!((options.axum_port, options.actix_port), (3000, 3001));
        assert_eq!((options.dpop, options.public_url), (DpopMode::Off, None));
    }

    #[test]
    fn a_provider_has_an_issuer_and_an_audience() {
        let provider = read("--issuer https://id.example --audience api").unwrap().provider.unwrap();
        assert_eq!((provider.issuer.as_str(), provider.audience.as_str()), ("https://id.example", "api"));
    }

    #[test]
    fn an_issuer_without_an_audience_is_an_error_and_the_reverse_too() {
        for (arguments, missing) in
            [("--issuer https://id.example", "--audience <NAME>"), ("--audience api", "--issuer <URL>")]
        {
            let error = read(arguments).unwrap_err();
            assert!(error.contains("required") && error.contains(missing), "{error}");
        }
    }

    #[test]
    fn the_mode_of_dpop_is_one_of_three() {
        for (text, mode) in [("off", DpopMode::Off), ("allowed", DpopMode::Allowed), ("required", DpopMode::Required)] {
            assert_eq!(read(&format!("--dpop {text}")).unwrap().dpop, mode);
        }
        assert!(read("--dpop on").unwrap_err().contains("required"));
    }

    #[test]
    fn an_invalid_port_is_an_error_that_names_the_option() {
        for arguments in ["--axum-port 65536", "--axum-port x", "--axum-port=-1"] {
            let error = read(arguments).unwrap_err();
            assert!(error.contains("--axum-port"), "{error}");
        }
    }

    #[test]
    fn the_help_names_every_option_and_the_missing_profile_check() {
        let help = read("--help").unwrap_err();
        for part in
            ["--issuer", "--audience", "--axum-port", "--actix-port", "--dpop", "--public-url", "--help", "RFC 9068"]
        {
            assert!(help.contains(part), "{part} in {help}");
        }
    }
}
