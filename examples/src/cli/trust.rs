use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jwt_core::config::VerifierConfig;
use jwt_core::keys::{Key, KeyError, KeySet};
use jwt_core::{Algorithm, Clock as _, SystemClock, TrustedIssuer, Verifier, VerifierBuilder};
use serde_json::{Map, Value, json};

use super::CliError;
use super::expected::Expected;
use super::time::{At, Moment};

fn address(text: &str) -> Result<String, &'static str> {
    if text.contains("://") {
        Ok(text.to_owned())
    } else {
        Err("expected an address, such as `https://id.example/jwks`; to read a file, use --key")
    }
}

/// Whose tokens are accepted: a configuration file, or an issuer with its audience and its keys.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Trust {
    /// A TOML file with the library's settings, instead of the options below
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issuer", "audience", "discover", "jwks", "key", "secret_file", "algorithm"])]
    config: Option<PathBuf>,

    /// The issuer's name, exactly as in the `iss` of its tokens; not needed with --discover
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,

    /// The name of the service, as in `aud`; repeat it to accept several
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,

    /// Finds the keys through the metadata of this issuer
    #[arg(long, value_name = "ISSUER", conflicts_with_all = ["jwks", "key", "secret_file"])]
    discover: Option<String>,

    /// Fetches the keys from this address
    #[arg(long, value_name = "URL", conflicts_with_all = ["key", "secret_file"], value_parser = address)]
    jwks: Option<String>,

    /// A file with public keys: a JWK Set, a JWK, or PEM; may be repeated
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,

    /// A file with a shared secret; a line end at its end is left out
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    secret_file: Option<PathBuf>,

    /// An algorithm that is allowed; repeat it to allow several. Default: those of the keys
    #[arg(long, value_name = "NAME")]
    algorithm: Vec<Algorithm>,

    /// The clock difference that is tolerated, in seconds. Default: 60
    #[arg(long, value_name = "SECONDS")]
    leeway: Option<u64>,

    /// Checks tokens at this time, in RFC 3339 or as seconds since 1970. Default: now
    #[arg(long, value_name = "TIME", value_parser = |text: &str| text.parse::<Moment>().map(|moment| moment.0))]
    now: Option<u64>,

    /// Accepts every `iss`: for a key that belongs to one issuer only
    #[arg(long, conflicts_with_all = ["issuer", "discover", "jwks", "config"])]
    dangerous_any_issuer: bool,

    /// Accepts tokens for every audience, so also those for other services
    #[arg(long, conflicts_with_all = ["audience", "config"])]
    dangerous_any_audience: bool,
}

impl Trust {
    /// Builds the verifier, and returns its expectations of a token, to be shown.
    pub(super) fn verifier(&self) -> Result<(Verifier, Expected), CliError> {
        let (mut builder, settings) = match &self.config {
            Some(path) => self.configured(path)?,
            None => (Verifier::builder().issuer(self.trusted_issuer()?), self.settings()),
        };
        if let Some(leeway) = self.leeway {
            builder = builder.leeway(Duration::from_secs(leeway));
        }
        if let Some(seconds) = self.now {
            builder = builder.clock(At(Moment(seconds)));
        }
        Ok((builder.build()?, Expected::new(settings, self.moment(), self.leeway)))
    }

    /// Returns the time at which tokens are checked, in seconds since 1970.
    pub(super) fn moment(&self) -> u64 {
        self.now.unwrap_or_else(|| SystemClock.now().as_secs())
    }

    fn configured(&self, path: &Path) -> Result<(VerifierBuilder, Value), CliError> {
        let text = read(path)?;
        let wrong = |error: toml::de::Error| {
            // The whole message may quote a line with a secret.
            CliError::Usage(format!("{} is not a configuration: {}", path.display(), error.message()))
        };
        let config: VerifierConfig = toml::from_str(&text).map_err(wrong)?;
        Ok((config.into_builder()?, toml::from_str(&text).map_err(wrong)?))
    }

    fn trusted_issuer(&self) -> Result<TrustedIssuer, CliError> {
        let name = self.issuer.as_deref().or(self.discover.as_deref());
        let issuer = match (name, &self.discover, &self.jwks) {
            (Some(name), None, Some(url)) => TrustedIssuer::jwks(name, url.as_str()),
            // If the name differs, only the metadata are at the other address.
            (Some(name), Some(address), _) if name != address => {
                TrustedIssuer::discover(name).metadata_url(metadata(address))
            }
            (Some(name), Some(_), _) => TrustedIssuer::discover(name),
            (Some(name), None, None) => TrustedIssuer::new(name),
            (None, ..) if self.dangerous_any_issuer => TrustedIssuer::dangerous_any_issuer(),
            (None, ..) => {
                return Err(CliError::Usage(
                    "whose tokens? Name the issuer with --discover or --issuer, or a configuration with --config"
                        .into(),
                ));
            }
        };
        let issuer = match &self.audience[..] {
            [] if self.dangerous_any_audience => issuer.dangerous_any_audience(),
            [] => {
                return Err(CliError::Usage(
                    "for which service? Name it with --audience, as in the `aud` of the tokens".into(),
                ));
            }
            names => issuer.audiences(names),
        };
        let issuer = if self.algorithm.is_empty() { issuer } else { issuer.algorithms(self.algorithm.iter().copied()) };
        let issuer = self.key.iter().try_fold(issuer, |issuer, path| {
            let bytes = fs::read(path).map_err(CliError::file(path))?;
            let keys = public_keys(&bytes, &self.algorithm).map_err(CliError::key(path))?;
            Ok::<_, CliError>(issuer.keys(&keys))
        })?;
        match &self.secret_file {
            Some(path) => Ok(issuer.key(self.secret(path)?)),
            None => Ok(issuer),
        }
    }

    fn secret(&self, path: &Path) -> Result<Key, CliError> {
        let bytes = fs::read(path).map_err(CliError::file(path))?;
        let algorithm = self.algorithm.first().copied().unwrap_or(Algorithm::HS256);
        Key::from_secret(algorithm, without_line_end(&bytes)).map_err(CliError::key(path))
    }

    /// Returns the options as the settings that a configuration file would have.
    fn settings(&self) -> Value {
        let mut issuer = Map::new();
        let name = self.issuer.as_ref().or(self.discover.as_ref());
        issuer.extend(name.map(|name| ("issuer".to_owned(), json!(name))));
        if !self.audience.is_empty() {
            issuer.insert("audience".to_owned(), json!(self.audience));
        }
        if !self.algorithm.is_empty() {
            let names: Vec<&str> = self.algorithm.iter().map(|algorithm| algorithm.name()).collect();
            issuer.insert("algorithms".to_owned(), json!(names));
        }
        json!({"issuers": [issuer]})
    }
}

/// Returns the address of an issuer's metadata, unless this is one already. OpenID Connect Discovery 1.0 section 4.
fn metadata(address: &str) -> String {
    if address.contains("/.well-known/") {
        return address.to_owned();
    }
    format!("{}/.well-known/openid-configuration", address.trim_end_matches('/'))
}

pub(super) fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(CliError::file(path))
}

/// Reads public keys of any form. A PEM file doesn't say its algorithm, so the first one that fits is used: RS256 for RSA.
pub(super) fn public_keys(bytes: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
    let text = String::from_utf8_lossy(bytes);
    if text.trim_start().starts_with('{') {
        return match serde_json::from_str::<Value>(&text) {
            Ok(json) if json.get("kty").is_some() => Key::from_jwk(&text).map(KeySet::from),
            _ => KeySet::from_jwks(&text),
        };
    }
    let all = Algorithm::ALL.iter().copied().filter(|algorithm| !algorithm.is_symmetric());
    let allowed: Vec<Algorithm> = if algorithms.is_empty() { all.collect() } else { algorithms.to_vec() };
    let read = |algorithm: &Algorithm| Key::from_pem(*algorithm, bytes);
    match allowed.iter().find_map(|algorithm| read(algorithm).ok()) {
        Some(key) => Ok(key.into()),
        None => read(allowed.first().unwrap_or(&Algorithm::ES256)).map(KeySet::from),
    }
}

/// Removes the line end that editors and `echo` add.
pub(super) fn without_line_end(bytes: &[u8]) -> &[u8] {
    let Some(line) = bytes.strip_suffix(b"\n") else { return bytes };
    line.strip_suffix(b"\r").unwrap_or(line)
}
