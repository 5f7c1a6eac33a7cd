//! Checks settings before the builder does, so that errors name a path instead of a method.

use std::collections::HashMap;

use crate::error::{BuildError, BuildErrorKind};
use crate::verify::{PrepareContext, TrustedIssuer, VerifierBuilder};

use super::fields::{IssuerConfig, VerifierConfig};
use super::names::{IssuerPaths, at_path, conflict, refused};

impl VerifierConfig {
    /// Checks the settings of the whole verifier, and returns what its issuers are checked with, if there is a back end.
    pub(super) fn issuer_context(&self, builder: VerifierBuilder) -> Result<Option<PrepareContext>, BuildError> {
        #[cfg(feature = "remote")]
        let builder = builder
            .fetch(crate::keys::fetch_fn(|_url: String| async { Err(crate::keys::FetchErrorKind::Transport.into()) }));
        match builder.prepare_context() {
            Ok(mut context) => {
                // An issuer without an audience takes them all, and here it only matters whether there are any.
                context.resources.truncate(1);
                Ok(Some(context))
            }
            // Your code may still supply one.
            Err(error) if error.kind() == BuildErrorKind::NoBackend => Ok(None),
            Err(error) => {
                let path = self.own_path(&error).unwrap_or_else(|| self.names.verifier(error.setting()));
                Err(at_path(error, path))
            }
        }
    }

    /// Checks that an issuer has one name, and that no other issuer has it. `earlier` maps names to positions.
    pub(super) fn check_issuer_name<'c>(
        &'c self,
        config: &'c IssuerConfig,
        paths: &IssuerPaths<'_>,
        earlier: &mut HashMap<&'c str, usize>,
    ) -> Result<(), BuildError> {
        match config.identity()[..] {
            [] => return Err(paths.missing("issuer", "set it to the `iss` of the tokens to accept")),
            [first, second, ..] => return Err(paths.conflict(second, first)),
            [_] => {}
        }
        // RFC 8725 section 3.8: an issuer with any name would also accept the tokens of the others. Among the earlier
        // issuers, only the first can be one, because a later one has been refused already.
        if paths.index > 0
            && let Some(first) = self.issuers.first()
            && (config.dangerous_any_issuer || first.dangerous_any_issuer)
        {
            let field =
                |issuer: &IssuerConfig| if issuer.dangerous_any_issuer { "dangerous_any_issuer" } else { "issuer" };
            let other = paths.names.issuer(0, field(first));
            return Err(conflict(paths.of(field(config)), &other));
        }
        let name = config.issuer.as_deref();
        if let Some(index) = name.and_then(|name| earlier.insert(name, paths.index)) {
            let problem = format!("repeats {}: remove one of them", paths.names.issuer(index, "issuer"));
            return Err(refused(BuildErrorKind::Contradiction, paths.of("issuer"), problem));
        }
        Ok(())
    }

    /// Checks that an issuer can be prepared, so that an error can name the issuer's path.
    pub(super) fn check_issuer(
        &self,
        issuer: TrustedIssuer,
        context: &PrepareContext,
        config: &IssuerConfig,
        paths: &IssuerPaths<'_>,
    ) -> Result<(), BuildError> {
        let Err(error) = issuer.prepare(context) else { return Ok(()) };
        let keys = config.key_settings();
        let keys = keys.first().map_or("issuer", |setting| setting.field);
        let path = match (error.kind(), error.setting()) {
            // Your code may still supply what these need.
            (
                BuildErrorKind::NoBackend
                | BuildErrorKind::NoFetch
                | BuildErrorKind::NoUsableKey
                | BuildErrorKind::UnsupportedAlgorithm,
                _,
            ) => return Ok(()),
            (_, "github_actions") => paths.of("claims"),
            (_, "audience") if config.all_audiences.is_some() => paths.of("all_audiences"),
            // Without `metadata_url`, the address of the metadata follows from the issuer's name.
            (_, "discover") if config.metadata_url.is_none() => paths.of("issuer"),
            (_, "discover" | "jwks" | "keys") => paths.of(keys),
            #[cfg(feature = "remote")]
            (_, "key_refresh") => {
                paths.of(config.refresh.as_ref().map_or("refresh", |refresh| refresh.out_of_range_field()))
            }
            (_, setting) => self.own_path(&error).unwrap_or_else(|| paths.of(setting)),
        };
        Err(at_path(error, path))
    }

    /// Returns the path of a setting of the whole verifier, if the builder's error is about one.
    fn own_path(&self, error: &BuildError) -> Option<String> {
        let field = match (error.kind(), error.setting()) {
            // Bound tokens come in the header `Authorization`, and with FAPI 2.0 in no other place.
            (_, "sources") | (BuildErrorKind::Contradiction, "dpop") => "sources.authorization",
            (_, setting @ ("leeway" | "max_token_bytes" | "realm" | "scope_implies" | "token_cache")) => setting,
            (_, "challenge") => "challenges",
            (_, "resource" | "jwks_uri") => "resources",
            (_, setting) => return self.sender_path(setting),
        };
        Some(self.names.verifier(field))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::plain;
    use super::super::verifier::tests::builder;
    use super::*;

    const KEY: &str = "secret_env = 'SECRET'\nalgorithm = 'HS256'\n";

    #[test]
    fn an_error_of_the_verifier_names_its_setting() {
        use BuildErrorKind::{Contradiction, IllegalCharacters, Invalid, OutOfRange};
        let issuer = format!("[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\n{KEY}");
        let any = format!("[[issuers]]\ndangerous_any_issuer = true\naudience = 'a'\n{KEY}");
        for (toml, kind, message) in [
            (format!("leeway = '301s'\n{issuer}"), OutOfRange, "leeway is out of range"),
            (format!("max_token_bytes = 0\n{issuer}"), OutOfRange, "max_token_bytes is out of range"),
            (format!("realm = 'a\"b'\n{issuer}"), IllegalCharacters, "realm contains characters that aren't allowed"),
            (
                format!("sources.authorization = false\n{issuer}"),
                Invalid,
                "sources.authorization leaves no place for a token: set it to true, or name a cookie, query or header",
            ),
            (format!("sources.cookies = ''\n{issuer}"), Invalid, "sources.cookies contains an empty name"),
            (format!("sources.queries = ['a', 'a']\n{issuer}"), Contradiction, "sources.queries contains a name twice"),
            (format!("sources.headers = ['a', 'A']\n{issuer}"), Contradiction, "sources.headers contains a name twice"),
            (
                format!("sources.headers = 'Authorization'\n{issuer}"),
                Contradiction,
                "sources.headers conflicts with sources.authorization: remove one of them",
            ),
            (
                format!("{issuer}{issuer}"),
                Contradiction,
                "issuers[1].issuer repeats issuers[0].issuer: remove one of them",
            ),
            (
                format!("{issuer}{any}"),
                Contradiction,
                "issuers[1].dangerous_any_issuer conflicts with issuers[0].issuer: remove one of them",
            ),
            (
                format!("{any}{issuer}"),
                Contradiction,
                "issuers[1].issuer conflicts with issuers[0].dangerous_any_issuer: remove one of them",
            ),
        ] {
            let error = builder(&toml).err().unwrap_or_else(|| panic!("accepted: {toml}"));
            assert_eq!((error.kind(), plain(&error)), (kind, message.to_owned()), "{toml}");
        }
    }
}
