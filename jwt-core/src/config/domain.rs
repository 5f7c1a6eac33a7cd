//! Issuers that are named by a trust domain: SPIFFE and transaction tokens.

use crate::error::BuildError;
use crate::verify::TrustedIssuer;

use super::fields::IssuerConfig;
use super::names::IssuerPaths;

impl IssuerConfig {
    /// Returns the fields that say whose tokens these are. Exactly one must be set.
    pub(super) fn identity(&self) -> Vec<&'static str> {
        [
            (self.issuer.is_some(), "issuer"),
            (self.dangerous_any_issuer, "dangerous_any_issuer"),
            (self.spiffe.is_some(), "spiffe"),
            (self.transaction_tokens.is_some(), "transaction_tokens"),
        ]
        .into_iter()
        .filter_map(|(is_set, field)| is_set.then_some(field))
        .collect()
    }

    /// Returns the issuer of a trust domain, without keys.
    pub(super) fn of_domain(&self) -> Option<TrustedIssuer> {
        match (&self.spiffe, &self.transaction_tokens) {
            (Some(domain), _) => Some(TrustedIssuer::spiffe(domain.as_str())),
            (None, Some(domain)) => Some(TrustedIssuer::transaction_tokens(domain.as_str())),
            (None, None) => None,
        }
    }

    /// Checks the settings that a trust domain excludes: its tokens have no `iss` that discovery could start from, and their
    /// `typ` and audience are fixed.
    pub(super) fn check_domain(&self, paths: &IssuerPaths<'_>) -> Result<(), BuildError> {
        let [domain @ ("spiffe" | "transaction_tokens")] = self.identity()[..] else { return Ok(()) };
        let is_fixed = domain == "transaction_tokens";
        for (is_set, field) in [
            (self.discover == Some(true), "discover"),
            (self.metadata_url.is_some(), "metadata_url"),
            (self.access_token_profile, "access_token_profile"),
            (self.token_types.is_some(), "token_types"),
            (self.dangerous_any_audience, "dangerous_any_audience"),
            (self.audience_claim.is_some(), "audience_claim"),
            (self.dangerous_without_expiry, "dangerous_without_expiry"),
            (is_fixed && self.audience.is_some(), "audience"),
            (is_fixed && self.all_audiences.is_some(), "all_audiences"),
        ] {
            if is_set {
                return Err(paths.conflict(field, domain));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::plain;
    use super::super::verifier::tests::builder;

    #[test]
    fn a_trust_domain_takes_the_place_of_an_issuer() {
        for (lines, expected) in [
            ("spiffe = 'example.org'\naudience = 'a'\njwks_file = 'bundle'", "spiffe://example.org"),
            ("transaction_tokens = 'shop.internal'\njwks_file = 'jwks'", "AnyOf([\"shop.internal\"])"),
        ] {
            let shown = format!("{:?}", builder(&format!("[[issuers]]\n{lines}")).unwrap());
            assert!(shown.contains(expected), "{shown}");
        }
    }

    #[cfg(all(feature = "remote", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn a_trust_domain_can_have_fetched_keys() {
        for lines in [
            "spiffe = 'example.org'\naudience = 'a'\njwks_url = 'https://spire.example/bundle'",
            "transaction_tokens = 'shop.internal'\njwks_url = 'https://tts.example/jwks'",
        ] {
            let fetch =
                crate::keys::fetch_fn(|_url: String| async { Err(crate::keys::FetchErrorKind::Timeout.into()) });
            let built = builder(&format!("[[issuers]]\n{lines}")).unwrap().fetch(fetch).build();
            assert!(built.is_ok(), "{lines}");
        }
    }

    #[test]
    fn a_setting_that_a_trust_domain_excludes_is_named() {
        const SPIFFE: &str = "spiffe = 'example.org'\naudience = 'a'\n";
        for (lines, message) in [
            (format!("{SPIFFE}discover = true"), "discover conflicts with issuers[0].spiffe: remove one of them"),
            (
                format!("{SPIFFE}jwks_file = 'jwks'\ntoken_types = 'x'"),
                "token_types conflicts with issuers[0].spiffe: remove one of them",
            ),
            (
                format!("{SPIFFE}issuer = 'i'\njwks_file = 'jwks'"),
                "spiffe conflicts with issuers[0].issuer: remove one of them",
            ),
            (
                format!("{SPIFFE}transaction_tokens = 'd'\njwks_file = 'jwks'"),
                "transaction_tokens conflicts with issuers[0].spiffe: remove one of them",
            ),
            (
                "transaction_tokens = 'd'\naudience = 'a'\njwks_file = 'jwks'".to_owned(),
                "audience conflicts with issuers[0].transaction_tokens: remove one of them",
            ),
            (
                "spiffe = 'example.org'\njwks_file = 'bundle'".to_owned(),
                "audience is missing: set it to the name of your service, as tokens have it in `aud`",
            ),
            (
                SPIFFE.to_owned(),
                "jwks_url is missing: set it to the address of the domain's keys, or set another source of them",
            ),
            (format!("{SPIFFE}jwks_file = 'jwks'"), "jwks_file has no key that fits an allowed algorithm"),
        ] {
            let error = plain(&builder(&format!("[[issuers]]\n{lines}")).err().unwrap_or_else(|| panic!("{lines}")));
            let error = error.trim_start_matches("issuers[0].");
            assert!(error.starts_with(message), "{error}");
        }
    }
}
