//! Keys that are fetched: from where, and how long they are used.

#[cfg(feature = "remote")]
use crate::keys::KeyRefreshSettings;
use crate::verify::TrustedIssuer;

use super::error::ConfigError;
#[cfg(not(feature = "remote"))]
use super::error::ConfigErrorKind;
use super::keys::KeySetting;
use super::model::{IssuerConfig, RefreshConfig};
use super::place::Place;

impl IssuerConfig {
    #[cfg(not(feature = "remote"))]
    #[expect(clippy::unused_self, reason = "the other one needs it")]
    pub(super) fn remote(&self, setting: &KeySetting<'_>, place: &Place<'_>) -> Result<TrustedIssuer, ConfigError> {
        let path = place.path(setting.field);
        Err(ConfigError::new(ConfigErrorKind::Missing, path, "needs the feature `remote`"))
    }

    #[cfg(feature = "remote")]
    pub(super) fn remote(&self, setting: &KeySetting<'_>, place: &Place<'_>) -> Result<TrustedIssuer, ConfigError> {
        let Some(name) = self.issuer.as_deref() else {
            return Err(place.contradiction(setting.field, "dangerous_any_issuer"));
        };
        let issuer = match (&self.jwks_url, &self.metadata_url) {
            (Some(url), _) => TrustedIssuer::jwks(name, url.as_str()),
            (None, Some(at)) => TrustedIssuer::discover(name).metadata_url(at.as_str()),
            (None, None) => TrustedIssuer::discover(name),
        };
        Ok(match &self.refresh {
            Some(refresh) => issuer.key_refresh(refresh.policy()),
            None => issuer,
        })
    }
}

impl RefreshConfig {
    /// The first field that is given.
    pub(super) fn first_field(&self) -> &'static str {
        [
            (self.lifetime.is_some(), "refresh.lifetime"),
            (self.least_lifetime.is_some(), "refresh.least_lifetime"),
            (self.most_lifetime.is_some(), "refresh.most_lifetime"),
            (self.stale_if_error.is_some(), "refresh.stale_if_error"),
            (self.timeout.is_some(), "refresh.timeout"),
            (self.max_bytes.is_some(), "refresh.max_bytes"),
        ]
        .into_iter()
        .find_map(|(given, field)| given.then_some(field))
        .unwrap_or("refresh")
    }
}

#[cfg(feature = "remote")]
impl RefreshConfig {
    fn policy(&self) -> KeyRefreshSettings {
        let mut policy = KeyRefreshSettings::new();
        let least = self.least_lifetime.map_or(policy.least_lifetime, |least| least.0);
        let most = self.most_lifetime.map_or(policy.most_lifetime, |most| most.0);
        policy = policy.lifetime_between(least, most);
        if let Some(lifetime) = self.lifetime {
            policy = policy.lifetime(lifetime.0);
        }
        if let Some(stale) = self.stale_if_error {
            policy = policy.stale_if_error(stale.0);
        }
        self.limits(policy)
    }

    fn limits(&self, mut policy: KeyRefreshSettings) -> KeyRefreshSettings {
        if let Some(timeout) = self.timeout {
            policy = policy.timeout(timeout.0);
        }
        if let Some(bytes) = self.max_bytes {
            policy = policy.max_bytes(bytes.0);
        }
        policy
    }

    /// The field to name when the policy is not sound.
    pub(super) fn culprit(&self) -> &'static str {
        let alone = |one: Self| !one.limits(KeyRefreshSettings::new()).is_valid();
        if alone(Self { timeout: self.timeout, ..Self::default() }) {
            "refresh.timeout"
        } else if alone(Self { max_bytes: self.max_bytes, ..Self::default() }) {
            "refresh.max_bytes"
        } else if self.lifetime.is_some() {
            "refresh.lifetime"
        } else if self.least_lifetime.is_some() {
            "refresh.least_lifetime"
        } else {
            "refresh.most_lifetime"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConfigErrorKind as Kind;
    use super::super::build::tests::builder;
    #[cfg(feature = "remote")]
    use super::*;

    const GOOD: &str = "issuer = 'https://id.example'\naudience = 'a'\n";

    fn refused(toml: &str) -> (Kind, String) {
        let error = builder(toml).err().unwrap_or_else(|| panic!("accepted: {toml}"));
        (error.kind(), error.to_string())
    }

    #[cfg(not(feature = "remote"))]
    #[test]
    fn without_the_feature_remote_settings_are_read_and_refused() {
        for line in ["discover = true", "metadata_url = 'u'", "jwks_url = 'u'\nrefresh.timeout = 1"] {
            let field = line.split(' ').next().unwrap_or_default();
            let message = format!("issuers[0].{field} needs the feature `remote`");
            assert_eq!(refused(&format!("[[issuers]]\n{GOOD}{line}")), (Kind::Missing, message));
        }
    }

    #[cfg(all(feature = "remote", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn what_is_wrong_with_remote_keys_is_named_with_its_path() {
        for (lines, message) in [
            ("jwks_url = 'http://id.example/keys'", "jwks_url is neither https nor on a loopback host"),
            ("jwks_url = 'keys'", "jwks_url is not a usable URL"),
            ("metadata_url = 'keys'", "metadata_url is not a usable URL"),
            ("discover = true\nrefresh.timeout = '31s'", "refresh.timeout is out of range"),
            ("discover = true\nrefresh.max_bytes = '1MiB'", "refresh.max_bytes is out of range"),
            ("discover = true\nrefresh.lifetime = '2d'", "refresh.lifetime is out of range"),
            ("discover = true\nrefresh.least_lifetime = '20m'", "refresh.least_lifetime is out of range"),
            ("discover = true\nrefresh.most_lifetime = '5m'", "refresh.most_lifetime is out of range"),
        ] {
            let toml = format!("[[issuers]]\n{GOOD}{lines}");
            assert_eq!(refused(&toml), (Kind::Invalid, format!("issuers[0].{message}")));
        }
        let plain = "[[issuers]]\nissuer = 'joe'\naudience = 'a'\ndiscover = true";
        assert_eq!(refused(plain).1, "issuers[0].issuer is not a usable URL");
    }

    #[cfg(feature = "remote")]
    #[test]
    fn every_field_of_refresh_reaches_its_policy() {
        use std::time::Duration;
        let (policy, minute) = (KeyRefreshSettings::new, Duration::from_secs(60));
        for (line, expected) in [
            ("lifetime = '2m'", policy().lifetime(2 * minute)),
            ("least_lifetime = '2m'", policy().lifetime_between(2 * minute, 24 * 60 * minute)),
            ("most_lifetime = '1h'", policy().lifetime_between(minute, 60 * minute)),
            ("stale_if_error = 0", policy().stale_if_error(Duration::ZERO)),
            ("timeout = '2s'", policy().timeout(Duration::from_secs(2))),
            ("max_bytes = '16KiB'", policy().max_bytes(16 * 1024)),
        ] {
            assert_eq!(toml::from_str::<RefreshConfig>(line).unwrap().policy(), expected, "{line}");
        }
    }
}
