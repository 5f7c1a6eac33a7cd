use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use jwt_core::config::VerifierConfig;
use serde::Deserialize;

use super::GateError;

/// The configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The address to listen on. Only the proxy may reach it.
    #[serde(default = "loopback")]
    pub(super) listen: SocketAddr,

    /// The headers that tell the upstream service about the user: their names, and JSON pointers to claims.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,

    /// What parts of the site require, by the name that the proxy puts behind `/auth/`.
    #[serde(default)]
    pub(super) policies: BTreeMap<String, Policy>,

    /// Whose tokens are accepted.
    pub(super) verifier: VerifierConfig,
}

/// The requirement of a part of the site, besides a valid token.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Policy {
    /// Scopes that the token must have.
    pub(super) scopes: Vec<String>,

    /// Whether requests without a token are let through too.
    pub(super) optional: bool,
}

const fn loopback() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4180)
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, GateError> {
        let text = fs::read_to_string(path).map_err(GateError::file(path))?;
        // The whole message may quote a line with a secret.
        toml::from_str(&text).map_err(|error| GateError::Form(path.display().to_string(), error.message().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verifier_must_be_configured() {
        let config: Config = toml::from_str("[verifier]\n").expect("a configuration");
        assert_eq!(config.listen.to_string(), "127.0.0.1:4180");
        assert!(config.headers.is_empty() && config.policies.is_empty());
        for wrong in ["", "listen = 'x'\n[verifier]", "[verifier]\nleway = 5", "[verifier]\n[policies.a]\nscope = 'a'"]
        {
            assert!(toml::from_str::<Config>(wrong).is_err(), "{wrong}");
        }
    }
}
