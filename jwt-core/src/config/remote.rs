//! Keys that are fetched over HTTP: their address, and how long they are used.

use crate::error::BuildError;
#[cfg(not(feature = "remote"))]
use crate::error::BuildErrorKind;
#[cfg(feature = "remote")]
use crate::keys::KeyRefreshSettings;
use crate::verify::TrustedIssuer;

use super::fields::{IssuerConfig, RefreshConfig};
use super::keys::KeySetting;
use super::names::IssuerPaths;
#[cfg(not(feature = "remote"))]
use super::names::refused;

impl IssuerConfig {
    #[cfg(not(feature = "remote"))]
    #[expect(clippy::unused_self, reason = "it has the signature of the function with the feature")]
    pub(super) fn remote_issuer(
        &self,
        setting: &KeySetting<'_>,
        paths: &IssuerPaths<'_>,
    ) -> Result<TrustedIssuer, BuildError> {
        let path = paths.of(setting.field);
        Err(refused(BuildErrorKind::Missing, path, "needs the feature `jwks`, or `remote` with your own HTTP client"))
    }

    #[cfg(feature = "remote")]
    pub(super) fn remote_issuer(
        &self,
        setting: &KeySetting<'_>,
        paths: &IssuerPaths<'_>,
    ) -> Result<TrustedIssuer, BuildError> {
        let issuer = match (self.issuer.as_deref(), self.of_domain(), &self.jwks_url, &self.metadata_url) {
            (Some(name), _, Some(url), _) => TrustedIssuer::jwks(name, url.as_str()),
            (Some(name), _, None, Some(at)) => TrustedIssuer::discover(name).metadata_url(at.as_str()),
            (Some(name), _, None, None) => TrustedIssuer::discover(name),
            (None, Some(issuer), Some(url), _) => issuer.jwks_url(url.as_str()),
            _ => return Err(paths.conflict(setting.field, "dangerous_any_issuer")),
        };
        Ok(match &self.refresh {
            Some(refresh) => issuer.key_refresh(refresh.settings()),
            None => issuer,
        })
    }
}

impl RefreshConfig {
    /// Returns the first field that is set.
    pub(super) fn first_field(&self) -> &'static str {
        [
            (self.lifetime.is_some(), "refresh.lifetime"),
            (self.least_lifetime.is_some(), "refresh.least_lifetime"),
            (self.most_lifetime.is_some(), "refresh.most_lifetime"),
            (self.stale_if_error.is_some(), "refresh.stale_if_error"),
            (self.timeout.is_some(), "refresh.timeout"),
            (self.max_bytes.is_some(), "refresh.max_bytes"),
            (self.max_keys.is_some(), "refresh.max_keys"),
        ]
        .into_iter()
        .find_map(|(given, field)| given.then_some(field))
        .unwrap_or("refresh")
    }
}

#[cfg(feature = "remote")]
impl RefreshConfig {
    fn settings(&self) -> KeyRefreshSettings {
        let mut settings = KeyRefreshSettings::new();
        let least = self.least_lifetime.map_or(settings.least_lifetime, |least| least.0);
        let most = self.most_lifetime.map_or(settings.most_lifetime, |most| most.0);
        settings = settings.lifetime_between(least, most);
        if let Some(lifetime) = self.lifetime {
            settings = settings.lifetime(lifetime.0);
        }
        if let Some(stale) = self.stale_if_error {
            settings = settings.stale_if_error(stale.0);
        }
        self.limits(settings)
    }

    fn limits(&self, mut settings: KeyRefreshSettings) -> KeyRefreshSettings {
        if let Some(timeout) = self.timeout {
            settings = settings.timeout(timeout.0);
        }
        if let Some(bytes) = self.max_bytes {
            settings = settings.max_bytes(bytes.0);
        }
        if let Some(keys) = self.max_keys {
            settings = settings.max_keys(keys);
        }
        settings
    }

    /// Returns the field to name when the settings are out of range.
    pub(super) fn out_of_range_field(&self) -> &'static str {
        let invalid = |one: Self| !one.limits(KeyRefreshSettings::new()).is_valid();
        if invalid(Self { timeout: self.timeout, ..Self::default() }) {
            "refresh.timeout"
        } else if invalid(Self { max_bytes: self.max_bytes, ..Self::default() }) {
            "refresh.max_bytes"
        } else if invalid(Self { max_keys: self.max_keys, ..Self::default() }) {
            "refresh.max_keys"
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
    use super::super::names::plain;
    use super::super::verifier::tests::builder;
    #[cfg(feature = "remote")]
    use super::*;
    use crate::error::BuildErrorKind as Kind;

    const GOOD: &str = "issuer = 'https://id.example'\naudience = 'a'\n";

    fn refused(toml: &str) -> (Kind, String) {
        let error = builder(toml).err().unwrap_or_else(|| panic!("accepted: {toml}"));
        (error.kind(), plain(&error))
    }

    #[cfg(not(feature = "remote"))]
    #[test]
    fn without_the_feature_settings_of_remote_keys_are_refused() {
        for line in ["discover = true", "metadata_url = 'u'", "jwks_url = 'u'\nrefresh.timeout = 1"] {
            let field = line.split(' ').next().unwrap_or_default();
            let message = format!("issuers[0].{field} needs the feature `jwks`, or `remote` with your own HTTP client");
            assert_eq!(refused(&format!("[[issuers]]\n{GOOD}{line}")), (Kind::Missing, message));
        }
    }

    #[cfg(all(feature = "remote", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn an_error_about_remote_keys_names_its_path() {
        for (lines, kind, message) in [
            (
                "jwks_url = 'http://id.example/keys'",
                Kind::InsecureUrl,
                "jwks_url is neither https nor on a loopback host",
            ),
            (
                "jwks_url = 'keys'",
                Kind::InvalidUrl,
                "jwks_url is not a usable URL: write all of it, for example `https://id.example`",
            ),
            (
                "metadata_url = 'keys'",
                Kind::InvalidUrl,
                "metadata_url is not a usable URL: write all of it, for example `https://id.example`",
            ),
            ("discover = true\nrefresh.timeout = '31s'", Kind::OutOfRange, "refresh.timeout is out of range"),
            ("discover = true\nrefresh.max_bytes = '1MiB'", Kind::OutOfRange, "refresh.max_bytes is out of range"),
            ("discover = true\nrefresh.max_keys = 1001", Kind::OutOfRange, "refresh.max_keys is out of range"),
            ("discover = true\nrefresh.lifetime = '2d'", Kind::OutOfRange, "refresh.lifetime is out of range"),
            (
                "discover = true\nrefresh.least_lifetime = '20m'",
                Kind::OutOfRange,
                "refresh.least_lifetime is out of range",
            ),
            (
                "discover = true\nrefresh.most_lifetime = '5m'",
                Kind::OutOfRange,
                "refresh.most_lifetime is out of range",
            ),
        ] {
            let toml = format!("[[issuers]]\n{GOOD}{lines}");
            assert_eq!(refused(&toml), (kind, format!("issuers[0].{message}")));
        }
        let plain = "[[issuers]]\nissuer = 'joe'\naudience = 'a'\ndiscover = true";
        assert_eq!(
            refused(plain).1,
            "issuers[0].issuer is not a usable URL: write all of it, for example `https://id.example`"
        );
    }

    #[cfg(feature = "remote")]
    #[test]
    fn every_field_of_refresh_reaches_the_settings() {
        use std::time::Duration;
        let (settings, minute) = (KeyRefreshSettings::new, Duration::from_secs(60));
        for (line, expected) in [
            ("lifetime = '2m'", settings().lifetime(2 * minute)),
            ("least_lifetime = '2m'", settings().lifetime_between(2 * minute, 24 * 60 * minute)),
            ("most_lifetime = '1h'", settings().lifetime_between(minute, 60 * minute)),
            ("stale_if_error = 0", settings().stale_if_error(Duration::ZERO)),
            ("timeout = '2s'", settings().timeout(Duration::from_secs(2))),
            ("max_bytes = '16KiB'", settings().max_bytes(16 * 1024)),
            ("max_keys = 200", settings().max_keys(200)),
        ] {
            assert_eq!(toml::from_str::<RefreshConfig>(line).unwrap().settings(), expected, "{line}");
        }
    }
}
