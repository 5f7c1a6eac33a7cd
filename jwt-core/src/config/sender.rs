//! The settings of tokens that are bound to their sender.

use super::fields::{CertificateConfig, DpopConfig, VerifierConfig};
use super::keys::{Inputs, unreadable, without_line_end};
use super::names::{IssuerPaths, refused};
use crate::error::{BuildError, BuildErrorKind};
use crate::proof::Dpop;
use crate::verify::{TrustedIssuer, VerifierBuilder};

/// What checks bound tokens.
#[derive(Clone, Default)]
pub(super) struct Senders {
    dpop: Option<Dpop>,
    certificate: Option<(String, Vec<String>)>,
}

/// Whether tokens may or must be bound in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Off,
    Allowed,
    Required,
}

impl Mode {
    pub(super) fn of(text: Option<&str>, field: &str, paths: &IssuerPaths<'_>) -> Result<Self, BuildError> {
        match text {
            None | Some("off") => Ok(Self::Off),
            Some("allowed") => Ok(Self::Allowed),
            Some("required") => Ok(Self::Required),
            Some(_) => {
                let problem = "must be \"off\", \"allowed\" or \"required\"";
                Err(refused(BuildErrorKind::Invalid, paths.of(field), problem))
            }
        }
    }

    pub(super) fn apply(
        self,
        issuer: TrustedIssuer,
        allowed: fn(TrustedIssuer) -> TrustedIssuer,
        required: fn(TrustedIssuer) -> TrustedIssuer,
    ) -> TrustedIssuer {
        match self {
            Self::Off => issuer,
            Self::Allowed => allowed(issuer),
            Self::Required => required(issuer),
        }
    }
}

impl Senders {
    /// Adds the checks to a builder.
    pub(super) fn add_to(&self, mut builder: VerifierBuilder) -> VerifierBuilder {
        if let Some(settings) = &self.dpop {
            builder = builder.dpop(settings.clone());
        }
        if let Some((header, proxies)) = &self.certificate {
            builder = builder.certificate_header(header.as_str(), proxies.iter().map(String::as_str));
        }
        builder
    }
}

impl VerifierConfig {
    /// Reads the settings of both checks.
    pub(super) fn senders(&self, inputs: &dyn Inputs) -> Result<Senders, BuildError> {
        let dpop = self.dpop.as_ref().map(|dpop| self.read_dpop(dpop, inputs)).transpose()?;
        let missing = |field: &str, instruction: &str| {
            let problem = format!("is missing: {instruction}");
            refused(BuildErrorKind::Undecided, self.names.verifier(field), problem)
        };
        let certificate = match &self.certificate {
            None => None,
            Some(CertificateConfig { header: Some(header), proxies: Some(proxies) }) => {
                Some((header.clone(), proxies.0.clone()))
            }
            Some(CertificateConfig { header: None, .. }) => {
                return Err(missing(
                    "certificate.header",
                    "set it to the header in which the proxy sends certificates",
                ));
            }
            Some(CertificateConfig { proxies: None, .. }) => {
                return Err(missing("certificate.proxies", "set it to the addresses of the proxies"));
            }
        };
        Ok(Senders { dpop, certificate })
    }

    fn read_dpop(&self, config: &DpopConfig, inputs: &dyn Inputs) -> Result<Dpop, BuildError> {
        let path = |field: &str| self.names.verifier(field);
        let mut dpop = match (&config.url, &config.proxies) {
            (Some(url), None) => Dpop::new(url.as_str()),
            (None, Some(proxies)) => Dpop::behind_proxies(proxies.0.iter().map(String::as_str)),
            (Some(_), Some(_)) => return Err(super::names::conflict(path("dpop.proxies"), &path("dpop.url"))),
            (None, None) => {
                let problem = "is missing: set it to the address that clients use, for example `https://api.example`";
                return Err(refused(BuildErrorKind::Undecided, path("dpop.url"), problem));
            }
        };
        if let Some(file) = &config.nonce_secret_file {
            let secret = inputs.read_file(file).map_err(|error| {
                let problem = unreadable(file, &error);
                refused(BuildErrorKind::Unreadable, path("dpop.nonce_secret_file"), problem)
            })?;
            dpop = dpop.nonces(without_line_end(&secret));
        }
        if let Some(period) = config.nonce_period {
            dpop = dpop.nonce_period(period.0);
        }
        if let Some(age) = config.max_age {
            dpop = dpop.max_age(age.0);
        }
        if let Some(leeway) = config.leeway {
            dpop = dpop.leeway(leeway.0);
        }
        Ok(dpop)
    }

    /// Returns the path of a setting of the checks by the builder's name for it.
    pub(super) fn sender_path(&self, setting: &str) -> Option<String> {
        let field = match setting {
            "dpop" => "dpop.url",
            "dpop.behind_proxies" => "dpop.proxies",
            "dpop.nonces" => "dpop.nonce_secret_file",
            "dpop.max_age" | "dpop.leeway" | "dpop.nonce_period" => setting,
            "certificate_header" => "certificate.proxies",
            _ => return None,
        };
        Some(self.names.verifier(field))
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::super::names::plain;
    use super::super::verifier::tests::builder;

    const ISSUER: &str =
        "[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\nsecret_env = 'SECRET'\nalgorithm = 'HS256'\n";

    #[test]
    fn each_setting_reaches_the_builder() {
        let full = "[dpop]\nurl = 'https://api.example'\nnonce_secret_file = 'secret'\nnonce_period = '1m'\nmax_age = '30s'\nleeway = '5s'\n";
        for (top, issuer, shown) in [
            (full, "dpop = 'required'", &["nonces: true", "max_age: 30s", "leeway: 5s", "dpop: Required"][..]),
            ("[dpop]\nproxies = '10.0.0.0/8'\n", "dpop = 'allowed'", &["nonces: false", "dpop: Allowed"]),
            ("", "mutual_tls = 'required'", &["mutual_tls: Required", "certificate_header: None"]),
            (
                "[certificate]\nheader = 'Client-Cert'\nproxies = ['::1']\n",
                "mutual_tls = 'allowed'",
                &["mutual_tls: Allowed", "certificate_header: Some((\"Client-Cert\", [\"::1\"]))"],
            ),
            ("", "dpop = 'off'\nmutual_tls = 'off'", &["dpop: Off", "mutual_tls: Off"]),
        ] {
            let built = builder(&format!("{top}{ISSUER}{issuer}")).unwrap_or_else(|error| panic!("{top}: {error}"));
            let text = format!("{built:?}");
            assert!(shown.iter().all(|part| text.contains(part)), "{text}");
            assert!(built.build().is_ok(), "{top} {issuer}");
        }
        let fapi = "[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\njwks_file = 'jwks'\nfapi2 = true\ndpop = 'required'";
        assert!(builder(&format!("[dpop]\nurl = 'https://api.example'\n{fapi}")).is_ok());
    }

    #[test]
    fn an_error_names_the_setting() {
        let url = "[dpop]\nurl = 'https://api.example'\n";
        for (top, issuer, message) in [
            (url, "dpop = 'on'", "issuers[0].dpop must be \"off\", \"allowed\" or \"required\""),
            ("", "dpop = 'required'", "dpop.url must be decided"),
            (
                "[dpop]\n",
                "",
                "dpop.url is missing: set it to the address that clients use, for example `https://api.example`",
            ),
            ("[dpop]\nurl = 'api'\n", "dpop = 'allowed'", "dpop.url is not a usable URL"),
            (
                "[dpop]\nurl = 'https://api.example'\nproxies = '::1'\n",
                "",
                "dpop.proxies conflicts with dpop.url: remove one of them",
            ),
            ("[dpop]\nproxies = 'proxy'\n", "dpop = 'allowed'", "dpop.proxies is invalid"),
            (
                "[dpop]\nurl = 'https://api.example'\nnonce_secret_file = 'none'\n",
                "",
                "dpop.nonce_secret_file names a file that can't be read: there is no such file; a relative name is relative to the \
                 working directory of the process",
            ),
            (
                "[dpop]\nurl = 'https://api.example'\nmax_age = '1h'\n",
                "dpop = 'allowed'",
                "dpop.max_age is out of range",
            ),
            (
                "[certificate]\nheader = 'a'\n",
                "",
                "certificate.proxies is missing: set it to the addresses of the proxies",
            ),
            (
                "[certificate]\nproxies = '::1'\n",
                "",
                "certificate.header is missing: set it to the header in which the proxy sends certificates",
            ),
            ("", "fapi2 = true", "issuers[0].fapi2 must be decided"),
            (
                "[dpop]\nurl = 'https://api.example'\n[sources]\nauthorization = false\ncookies = 't'\n",
                "dpop = 'required'",
                "sources.authorization contradicts another setting",
            ),
            (
                "[dpop]\nurl = 'https://api.example'\n[sources]\ncookies = 't'\n",
                "fapi2 = true\ndpop = 'required'",
                "sources.authorization contradicts another setting",
            ),
        ] {
            let error = builder(&format!("{top}{ISSUER}{issuer}")).err().unwrap_or_else(|| panic!("{top} {issuer}"));
            assert_eq!(plain(&error), message, "{top} {issuer}");
        }
    }
}
