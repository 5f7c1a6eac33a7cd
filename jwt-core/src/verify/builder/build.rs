use std::sync::Arc;

use super::resources::several_resources;
use super::settings::VerifierBuilder;
use crate::claim_rules::{MAX_LEEWAY, RequestedResource};
use crate::clock::SystemClock;
use crate::error::{BuildError, BuildErrorKind as Kind};
use crate::gate::{ProtectedResource, ResourceMetadata};
use crate::http::challenge::{Challenger, is_challenge, is_scope};
use crate::proof::{CertificateCheck, DpopCheck};
use crate::verified::{ImpliedScopes, VerifierContext};
use crate::verify::cache::Store;
use crate::verify::issuers::{IssuerSet, PrepareContext};
use crate::verify::pipeline::Pipeline;
use crate::verify::revocation_check::RevocationCheck;
use crate::verify::sender_check::SenderCheck;
use crate::verify::verifier::Verifier;

impl VerifierBuilder {
    /// Builds the verifier. It fetches nothing yet.
    ///
    /// # Errors
    ///
    /// Names the first setting that is missing, invalid or contradicts another one.
    pub fn build(mut self) -> Result<Verifier, BuildError> {
        if self.issuers.is_empty() && !self.has_resolver() {
            return Err(BuildError::new(Kind::Undecided, "issuer").hint(
                ": add a trusted issuer with `VerifierBuilder::issuer`, or look issuers up with `issuer_resolver`",
            ));
        }
        self.check_senders_are_used()?;
        let header_only = self.issuers.iter().any(|issuer| issuer.fapi2);
        let Prepared { dpop, certificates, implied_scopes, published, challenger, context } = self.prepare()?;
        let clock = Arc::clone(&context.clock);
        let issuers: Result<Vec<_>, _> = self.issuers.into_iter().map(|issuer| issuer.prepare(&context)).collect();
        let mut issuers = IssuerSet::new(issuers?)?;
        issuers.any_is_ready = self.any_is_ready;
        #[cfg(feature = "remote")]
        if let Some(resolver) = self.resolver {
            if issuers.accepts_any_name() {
                return Err(BuildError::new(Kind::Contradiction, "issuer_resolver"));
            }
            issuers.resolver = Some(resolver.prepare(PrepareContext { listed: false, ..context })?);
        }
        let cache = match self.cache {
            Some(settings) => {
                let store = Store::new(settings, self.backend);
                Some(Arc::new(store.ok_or(BuildError::new(Kind::NoBackend, "token_cache"))?))
            }
            None => None,
        };
        let budget = cache.as_ref().filter(|cache| !cache.keeps_digests()).map(|cache| Arc::clone(cache.budget()));
        let (accepts_during_outage, observer) = (self.accepts_during_outage, &self.observer);
        let revocations = self
            .revocations
            .map(|list| Arc::new(RevocationCheck { list, accepts_during_outage, observer: observer.clone() }));
        let mut pipeline = Pipeline {
            issuers: Arc::new(issuers),
            cache,
            limits: self.limits,
            revocations: revocations.clone(),
            requirements: self.requirements.into(),
            resource: RequestedResource::Any,
            metadata: None,
            header_only,
            senders: (dpop.is_some() || certificates.is_some()).then(|| Arc::new(SenderCheck { dpop, certificates })),
            context: Arc::new(VerifierContext {
                challenger,
                observer: self.observer,
                clock,
                leeway: self.leeway,
                warned: Arc::default(),
                recheck: revocations.map(RevocationCheck::recheck),
                budget,
                implied_scopes,
            }),
        };
        let resources = match &published[..] {
            [] => None,
            [(_, metadata)] => {
                pipeline = pipeline.of_resource(RequestedResource::Any, metadata);
                None
            }
            several => Some(several_resources(several, &mut pipeline)),
        };
        Ok(Verifier::new(pipeline, self.sources, resources))
    }

    /// Checks the settings of the whole verifier, and returns what each issuer is prepared with. It needs no issuers.
    #[cfg(feature = "config")]
    pub(crate) fn prepare_context(mut self) -> Result<PrepareContext, BuildError> {
        Ok(self.prepare()?.context)
    }

    /// Prepares the settings that don't depend on the preparation of an issuer.
    fn prepare(&mut self) -> Result<Prepared, BuildError> {
        self.check_settings()?;
        let fits_fapi2 = self.fits_fapi2();
        let (dpop, certificates) = (self.build_dpop()?, self.build_certificates()?);
        let implied_scopes = ImpliedScopes::new(&self.implied_scopes);
        let implied_scopes = implied_scopes.ok_or(BuildError::new(Kind::OutOfRange, "scope_implies"))?;
        let published = self.publish_resources(dpop.as_ref())?;
        let challenger = self.challenger(dpop.as_ref())?;
        let clock = self.clock.take().or_else(|| self.issuers.iter().find_map(|issuer| issuer.clock.clone()));
        let context = PrepareContext {
            backend: self.backend,
            clock: clock.unwrap_or_else(|| Arc::new(SystemClock)),
            resources: self.resources.iter().map(|resource| resource.resource().to_owned()).collect(),
            dpop: dpop.is_some(),
            fits_fapi2,
            #[cfg(feature = "remote")]
            observer: self.observer.clone(),
            #[cfg(feature = "remote")]
            listed: true,
            #[cfg(feature = "remote")]
            fetch: self.fetch.take(),
            #[cfg(feature = "jwks")]
            default_fetch: Arc::default(),
            #[cfg(feature = "remote")]
            hosts: None,
            #[cfg(feature = "remote")]
            quota: None,
        };
        Ok(Prepared { dpop, certificates, implied_scopes, published, challenger, context })
    }

    /// Checks the settings that don't depend on an issuer.
    fn check_settings(&self) -> Result<(), BuildError> {
        let error = |kind, setting| Err(BuildError::new(kind, setting));
        if self.sources.is_empty() {
            return error(Kind::Empty, "sources");
        }
        if let Some(setting) = self.sources.problem() {
            let kind = match setting {
                "allow_origin" => Kind::InvalidUrl,
                "form_field" | "query" => Kind::Empty,
                "safe_methods" => Kind::OutOfRange,
                _ => Kind::IllegalCharacters,
            };
            let hint = match setting {
                "allow_origin" => {
                    ": write one origin as browsers do, such as `https://app.example`, without a slash at its end, or \
                     `https://*.shop.example` for one label of any name, or decide with `Csrf::allow_origin_if`"
                }
                "cookie" => ": a cookie's name has letters, digits, `-` and `_`, and no spaces, quotes, `=` or `;`",
                "header" => ": a header's name has letters, digits and `-`, and no spaces or `:`",
                _ => "",
            };
            return Err(BuildError::new(kind, setting).hint(hint));
        }
        if self.leeway > MAX_LEEWAY {
            return error(Kind::OutOfRange, "leeway");
        }
        if self.limits.token == 0 {
            return error(Kind::OutOfRange, "max_token_bytes");
        }
        if self.cache.is_some_and(|cache| cache.entries == 0 || cache.bytes == 0) {
            return error(Kind::OutOfRange, "token_cache");
        }
        if self.accepts_during_outage && self.revocations.is_none() {
            return error(Kind::Contradiction, "dangerous_accept_during_revocation_outage");
        }
        if !self.implied_scopes.iter().all(|(scope, implied)| is_scope(scope) && is_scope(implied)) {
            return error(Kind::IllegalCharacters, "scope_implies");
        }
        if !self.challenges.iter().all(|challenge| is_challenge(challenge)) {
            return error(Kind::IllegalCharacters, "challenge");
        }
        Ok(())
    }

    fn challenger(&self, dpop: Option<&DpopCheck>) -> Result<Challenger, BuildError> {
        let challenger = Challenger::new(&self.realm).ok_or(BuildError::new(Kind::IllegalCharacters, "realm"))?;
        let challenger = challenger.with_renderer(self.renderer.clone()).with_others(self.challenges.clone());
        Ok(match dpop {
            Some(dpop) => challenger.with_dpop(dpop.algorithm_names().join(" "), self.requires_dpop()),
            None => challenger,
        })
    }
}

/// The settings of the whole verifier, checked and ready for use.
struct Prepared {
    dpop: Option<DpopCheck>,
    certificates: Option<CertificateCheck>,
    implied_scopes: ImpliedScopes,
    published: Vec<(ProtectedResource, ResourceMetadata)>,
    challenger: Challenger,
    context: PrepareContext,
}

#[cfg(test)]
mod tests {
    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    use std::time::Duration;

    use super::*;
    use crate::error::BuildErrorKind;
    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    use crate::http::csrf::Csrf;
    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    use crate::http::token::TokenSources;
    use crate::jose::{Algorithm, Key};
    #[cfg(all(not(feature = "remote"), any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    use crate::keys::KeyRefreshSettings;
    use crate::verify::TrustedIssuer;

    fn key(kid: &str) -> Key {
        Key::from_secret(Algorithm::HS256, [7; 32]).expect("long enough").with_kid(kid)
    }

    fn issuer() -> TrustedIssuer {
        TrustedIssuer::new("https://id.example").key(key("a")).audience("api")
    }

    fn error(builder: VerifierBuilder) -> Option<(BuildErrorKind, String)> {
        builder.build().err().map(|error| (error.kind(), error.setting().to_owned()))
    }

    /// The error that a row of a table expects.
    fn about((kind, setting): (BuildErrorKind, &str)) -> (BuildErrorKind, String) {
        (kind, setting.to_owned())
    }

    #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn building_without_a_back_end_fails() {
        assert_eq!(error(Verifier::builder().issuer(issuer())), Some(about((BuildErrorKind::NoBackend, "crypto"))));
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn a_build_error_names_the_wrong_setting() {
        use BuildErrorKind::{
            AmbiguousKeys, Contradiction, Duplicate, Empty, IllegalCharacters, InsecureUrl, InvalidUrl, NoUsableKey,
            OutOfRange, Undecided,
        };
        let with = |issuer| Verifier::builder().issuer(issuer);
        let bare = || TrustedIssuer::new("https://id.example");
        let metadata = |name: &str| with(TrustedIssuer::new(name).key(key("a")).audience("api"));
        let at = |name: &str| ProtectedResource::new(name);
        let csrf = |csrf| TokenSources::new().cookie("token").csrf(csrf);
        let any = || TrustedIssuer::dangerous_any_issuer().key(key("a")).audience("api");
        for (builder, expected) in [
            (with(issuer()), None),
            (Verifier::builder(), Some((Undecided, "issuer"))),
            (with(bare().key(key("a"))), Some((Undecided, "audience"))),
            (with(bare().audience("api")), Some((Undecided, "keys"))),
            (with(TrustedIssuer::new("").key(key("a")).audience("api")), Some((Empty, "issuer"))),
            (with(issuer().audience("")), Some((Empty, "audience"))),
            (with(issuer().audience("https://api.example\n")), Some((IllegalCharacters, "audience"))),
            (
                with(TrustedIssuer::new(" https://id.example").key(key("a")).audience("api")),
                Some((IllegalCharacters, "issuer")),
            ),
            (metadata("https://id.example/a/.well-known/openid-configuration"), Some((InvalidUrl, "issuer"))),
            (metadata("https://id.example/.well-known/oauth-authorization-server/a"), Some((InvalidUrl, "issuer"))),
            (with(bare().key(key("a")).all_audiences::<&str>([])), Some((Empty, "audience"))),
            (with(issuer().dangerous_any_audience()), Some((Contradiction, "dangerous_any_audience"))),
            (with(issuer().all_audiences(["b"])), Some((Contradiction, "all_audiences"))),
            (with(issuer().algorithms([])), Some((Empty, "algorithms"))),
            (with(issuer().algorithms([Algorithm::RS256])), Some((NoUsableKey, "keys"))),
            (
                with(issuer().key(Key::from_secret(Algorithm::HS256, [8; 32]).expect("long enough").with_kid("a"))),
                Some((AmbiguousKeys, "keys")),
            ),
            (with(issuer().token_types::<&str>([])), Some((Empty, "token_types"))),
            (with(issuer().require_claims([""])), Some((Empty, "require_claims"))),
            (with(issuer().subject("")), Some((Empty, "subject"))),
            (with(issuer().max_age(Duration::ZERO)), Some((OutOfRange, "max_age"))),
            (with(issuer().max_lifetime(Duration::ZERO)), Some((OutOfRange, "max_lifetime"))),
            (with(issuer().access_token_profile()), None),
            (with(issuer().token_types(["JWT"]).allow_missing_type()), None),
            (with(issuer().allow_missing_type()), Some((Contradiction, "allow_missing_type"))),
            (with(issuer().access_token_profile().allow_missing_type()), Some((Contradiction, "allow_missing_type"))),
            (with(issuer().access_token_profile().token_types(["JWT"])), Some((Contradiction, "token_types"))),
            (with(issuer().token_types(["JWT"]).access_token_profile()), Some((Contradiction, "access_token_profile"))),
            (with(any().access_token_profile()), Some((Contradiction, "access_token_profile"))),
            (
                with(issuer().access_token_profile().dangerous_without_expiry()),
                Some((Contradiction, "access_token_profile")),
            ),
            (with(issuer()).issuer(issuer()), Some((Duplicate, "issuer"))),
            (with(issuer()).issuer(any()), Some((Contradiction, "dangerous_any_issuer"))),
            (with(any()).issuer(any()), Some((Contradiction, "dangerous_any_issuer"))),
            (with(issuer()).leeway(Duration::from_secs(301)), Some((OutOfRange, "leeway"))),
            (with(issuer()).max_token_bytes(0), Some((OutOfRange, "max_token_bytes"))),
            (with(issuer()).scope_implies("admin", ["read", "write"]), None),
            (with(issuer()).scope_implies("admin", ["a b"]), Some((IllegalCharacters, "scope_implies"))),
            (with(issuer()).scope_implies("", ["read"]), Some((IllegalCharacters, "scope_implies"))),
            (
                with(issuer()).scope_implies("admin", (0..1001).map(|at| at.to_string())),
                Some((OutOfRange, "scope_implies")),
            ),
            (with(issuer()).realm("a\"b"), Some((IllegalCharacters, "realm"))),
            (with(issuer()).challenge("Basic realm=\"a\""), None),
            (with(issuer()).challenge("Basic\r\n"), Some((IllegalCharacters, "challenge"))),
            (with(issuer()).sources(TokenSources::none()), Some((Empty, "sources"))),
            (
                with(issuer()).dangerous_accept_during_revocation_outage(),
                Some((Contradiction, "dangerous_accept_during_revocation_outage")),
            ),
            (with(bare().key(key("a"))).resource(ProtectedResource::new("https://api.example")), None),
            (with(issuer()).resource(ProtectedResource::new("api.example")), Some((InvalidUrl, "resource"))),
            (with(issuer()).resource(ProtectedResource::new("http://api.example")), Some((InsecureUrl, "resource"))),
            (
                with(issuer()).resource(ProtectedResource::new("https://a.example").jwks_uri("http://a.example/k")),
                Some((InsecureUrl, "jwks_uri")),
            ),
            (with(issuer()).resource(at("https://a.example/a")).resource(at("https://a.example/b")), None),
            (with(issuer()).resource(at("https://a.example")).resource(at("https://a.example/b")), None),
            (
                with(issuer()).resource(at("https://a.example/a")).resource(at("https://a.example/a/")),
                Some((Duplicate, "resource")),
            ),
            (
                with(issuer()).resource(at("https://a.example/a")).resource(at("https://b.example/b")),
                Some((Contradiction, "resource")),
            ),
            (
                with(issuer()).resource(at("https://a.example/a")).resource(at("a.example/b")),
                Some((InvalidUrl, "resource")),
            ),
            (with(issuer()).sources(csrf(Csrf::new().allow_origin("app.example"))), Some((InvalidUrl, "allow_origin"))),
            (with(issuer()).sources(csrf(Csrf::new().header("a b"))), Some((IllegalCharacters, "header"))),
            (with(issuer()).sources(TokenSources::new().cookie("my session")), Some((IllegalCharacters, "cookie"))),
            (with(issuer()).sources(TokenSources::new().cookie("")), Some((IllegalCharacters, "cookie"))),
            (with(issuer()).sources(TokenSources::new().header("x-token:")), Some((IllegalCharacters, "header"))),
            (with(issuer()).sources(TokenSources::new().bearer_header("x token")), Some((IllegalCharacters, "header"))),
            (with(issuer()).sources(TokenSources::new().query("")), Some((Empty, "query"))),
            (with(issuer()).sources(csrf(Csrf::new().form_field(""))), Some((Empty, "form_field"))),
        ] {
            let shown = format!("{builder:?}");
            assert_eq!(error(builder), expected.map(about), "{shown}");
        }
    }

    #[cfg(all(feature = "remote", feature = "aws-lc-rs"))]
    #[test]
    fn a_build_error_names_the_wrong_setting_of_a_remote_issuer() {
        use BuildErrorKind::{Contradiction, InsecureUrl, InvalidUrl};
        let fetch = || crate::keys::fetch_fn(|_url: String| async { Ok(crate::keys::Fetched::new("")) });
        for (issuer, expected) in [
            (TrustedIssuer::discover("https://id.example"), None),
            (TrustedIssuer::discover("http://id.example"), Some((InsecureUrl, "discover"))),
            (TrustedIssuer::discover("id.example"), Some((InvalidUrl, "discover"))),
            (TrustedIssuer::jwks("joe", "http://id.example/jwks"), Some((InsecureUrl, "jwks"))),
            (TrustedIssuer::jwks("joe", "http://keycloak:8080/jwks").dangerous_http_hosts(["keycloak"]), None),
            (TrustedIssuer::discover("http://keycloak:8080").dangerous_http_hosts(["keycloak"]), None),
            (
                TrustedIssuer::discover("http://keycloak")
                    .dangerous_http_hosts(["keycloak"])
                    .key_refresh(crate::keys::KeyRefreshSettings::new()),
                None,
            ),
            (
                TrustedIssuer::discover("http://id.example").dangerous_http_hosts(["keycloak"]),
                Some((InsecureUrl, "discover")),
            ),
            (
                TrustedIssuer::discover("https://id.example").dangerous_http_hosts(["keycloak:8080"]),
                Some((InvalidUrl, "dangerous_http_hosts")),
            ),
            (
                TrustedIssuer::new("joe").dangerous_http_hosts(["keycloak"]),
                Some((Contradiction, "dangerous_http_hosts")),
            ),
            (
                TrustedIssuer::discover("https://id.example").algorithms([Algorithm::HS256]),
                Some((Contradiction, "algorithms")),
            ),
            (TrustedIssuer::discover("https://id.example").key(key("a")), Some((Contradiction, "key"))),
        ] {
            assert_eq!(error(Verifier::builder().fetch(fetch()).issuer(issuer.audience("api"))), expected.map(about));
        }
    }

    #[cfg(all(feature = "remote", feature = "aws-lc-rs", not(feature = "jwks")))]
    #[test]
    fn a_remote_issuer_without_a_client_is_an_error() {
        let issuer = TrustedIssuer::discover("https://id.example").audience("api");
        assert_eq!(error(Verifier::builder().issuer(issuer)), Some(about((BuildErrorKind::NoFetch, "fetch"))));
    }
    #[cfg(all(not(feature = "remote"), any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn a_remote_issuer_without_the_feature_is_an_error_that_names_the_feature() {
        for (issuer, expected) in [
            (TrustedIssuer::discover("https://id.example").metadata_url("https://internal.example"), "discover"),
            (TrustedIssuer::jwks("joe", "https://id.example/jwks").key_refresh(KeyRefreshSettings::new()), "jwks"),
        ] {
            let error = Verifier::builder().issuer(issuer.audience("api")).build().expect_err("no client");
            assert_eq!((error.kind(), error.setting()), (BuildErrorKind::NoFetch, expected));
            assert!(error.to_string().contains("enable the feature `jwks` of"), "{error}");
        }
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn an_error_about_a_missing_decision_names_the_methods_that_make_it() {
        let bare = || TrustedIssuer::new("https://id.example");
        for (builder, methods) in [
            (Verifier::builder(), &["`VerifierBuilder::issuer`"][..]),
            (
                Verifier::builder().issuer(bare().key(key("a"))),
                &["`audience`", "`audiences`", "`all_audiences`", "`dangerous_any_audience`"],
            ),
            (Verifier::builder().issuer(bare().audience("api")), &["`key`", "`discover`", "`jwks`"]),
        ] {
            let message = builder.build().expect_err("undecided").to_string();
            assert!(methods.iter().all(|method| message.contains(method)), "{message}");
        }
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn several_audiences_are_added_up_in_any_order() {
        let audience = || TrustedIssuer::new("https://id.example").key(key("a"));
        for (issuer, expected) in [
            (audience().audiences(["a", "b"]), None),
            (audience().audience("a").audiences(["b"]).audience("c"), None),
            (audience().audiences::<&str>([]), Some((BuildErrorKind::Empty, "audience"))),
            (audience().audiences(["a", ""]), Some((BuildErrorKind::Empty, "audience"))),
            (audience().all_audiences(["a"]).audiences(["b"]), Some((BuildErrorKind::Contradiction, "audiences"))),
        ] {
            assert_eq!(error(Verifier::builder().issuer(issuer)), expected.map(about));
        }
    }
}
