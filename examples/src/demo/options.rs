use clap::{Args, Parser};

/// The same routes on axum and on actix-web, behind one JWT verifier.
///
/// Without options the demo brings its own issuer, for development only. With --issuer and --audience it trusts a real
/// provider, found by discovery, and hands out no tokens itself. Providers differ in how closely their access tokens
/// follow RFC 9068, so its profile is then not required: signature, issuer, audience and times are checked, and a token
/// of the same provider that is no access token may pass if it names the audience.
#[derive(Clone, Debug, Parser)]
#[command(name = "demo", version)]
#[non_exhaustive]
pub struct Options {
    /// A real provider instead of the embedded issuer.
    #[command(flatten)]
    pub provider: Option<Provider>,

    /// The port of the axum server and the page, on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub axum_port: u16,

    /// The port of the actix server, on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 3001)]
    pub actix_port: u16,
}

/// Who issues the tokens, and for whom.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Provider {
    /// The provider's issuer identifier, exactly as its tokens have it in `iss`
    #[arg(long, value_name = "URL", required = false, requires = "audience")]
    pub issuer: String,

    /// The name of this service, as the provider's tokens have it in `aud`
    #[arg(long, value_name = "NAME", required = false, requires = "issuer")]
    pub audience: String,
}

impl Options {
    /// The embedded issuer, on free ports.
    #[must_use]
    pub const fn on_free_ports() -> Self {
        Self { provider: None, axum_port: 0, actix_port: 0 }
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
    }

    #[test]
    fn a_provider_is_an_issuer_and_an_audience() {
        let provider = read("--issuer https://id.example --audience api").unwrap().provider.unwrap();
        assert_eq!((provider.issuer.as_str(), provider.audience.as_str()), ("https://id.example", "api"));
    }

    #[test]
    fn one_without_the_other_is_an_error_that_names_the_other() {
        for (arguments, missing) in
            [("--issuer https://id.example", "--audience <NAME>"), ("--audience api", "--issuer <URL>")]
        {
            let error = read(arguments).unwrap_err();
            assert!(error.contains("required") && error.contains(missing), "{error}");
        }
    }

    #[test]
    fn what_is_no_port_is_an_error_that_names_the_option() {
        for arguments in ["--axum-port 65536", "--axum-port x", "--axum-port=-1"] {
            let error = read(arguments).unwrap_err();
            assert!(error.contains("--axum-port"), "{error}");
        }
    }

    #[test]
    fn the_help_names_every_option_and_says_what_is_not_required_of_a_provider() {
        let help = read("--help").unwrap_err();
        for part in ["--issuer", "--audience", "--axum-port", "--actix-port", "--help", "RFC 9068"] {
            assert!(help.contains(part), "{part} in {help}");
        }
    }
}
