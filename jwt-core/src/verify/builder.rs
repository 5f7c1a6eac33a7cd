use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::challenge::{Challenger, DEFAULT_REALM, NoBody, Renderer, is_challenge};
use crate::clock::{Clock, SystemClock};
use crate::crypto::Backend;
use crate::jose::compact::Limits;
use crate::metadata::{ProtectedResource, Wrong};
use crate::observe::{NoObserver, Observer};
use crate::policy::{DEFAULT_LEEWAY, MAX_LEEWAY};
use crate::revocation::RevocationList;
use crate::token::TokenSources;
use crate::verified::{Surroundings, Verified};

use super::cache::{Store, TokenCache};
use super::issuers::Issuers;
use super::judge::Judge;
use super::prepare::Means;
use super::revocations::Revocations;
use super::rules::Rule;
use super::{BuildError, BuildErrorKind, RuleError, TrustedIssuer, Verifier};

/// Builds a [`Verifier`]; made by [`Verifier::builder`].
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    issuers: Vec<TrustedIssuer>,
    sources: TokenSources,
    leeway: Duration,
    limits: Limits,
    realm: String,
    revocations: Option<Arc<dyn RevocationList>>,
    accepts_unjudged: bool,
    renderer: Arc<dyn Renderer>,
    resource: Option<ProtectedResource>,
    challenges: Vec<String>,
    rules: Vec<Rule>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    backend: Option<Backend>,
    cache: Option<TokenCache>,
    #[cfg(feature = "remote")]
    fetch: Option<Arc<dyn crate::keys::Fetch>>,
    #[cfg(feature = "remote")]
    resolver: Option<super::resolver::Unprepared>,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            issuers: Vec::new(),
            sources: TokenSources::new(),
            leeway: DEFAULT_LEEWAY,
            limits: Limits::default(),
            realm: DEFAULT_REALM.to_owned(),
            revocations: None,
            accepts_unjudged: false,
            renderer: Arc::new(NoBody),
            resource: None,
            challenges: Vec::new(),
            rules: Vec::new(),
            clock: Arc::new(SystemClock),
            observer: Arc::new(NoObserver),
            backend: Backend::compiled_in(),
            cache: Some(TokenCache::new()),
            #[cfg(feature = "remote")]
            fetch: None,
            #[cfg(feature = "remote")]
            resolver: None,
        }
    }

    /// Trusts an issuer. At least one must be given; each judges the tokens that name it, by its own conditions.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets where requests are searched for a token. Default: [`TokenSources::new`], the `Authorization` header alone.
    pub fn sources(mut self, sources: TokenSources) -> Self {
        self.sources = sources;
        self
    }

    /// Sets the clock difference that is tolerated in `exp`, `nbf` and `iat`, at most 300 seconds. Default: 60 seconds.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets the most bytes a token may have, checked before anything is decoded. Default: 16 KiB.
    pub const fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.limits.token = bytes;
        self
    }

    /// Sets the realm that challenges name, in visible ASCII and spaces but `"` and `\`. Default: `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Says of which resource this is the guard. Issuers without a decision about the audience take its name for it; every
    /// challenge says where its [metadata](crate::metadata) is; layers that see requests for it serve that, and
    /// [`ResourceMetadata::endpoint`](crate::metadata::ResourceMetadata::endpoint) where there is none around the whole
    /// application. Default: none.
    pub fn resource(mut self, resource: ProtectedResource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Asks `list` about every token that has passed all other checks of the verifier, before the application's rules.
    /// Default: none, tokens are good until they expire.
    pub fn revocations(mut self, list: impl RevocationList + 'static) -> Self {
        self.revocations = Some(Arc::new(list));
        self
    }

    /// Accepts tokens while the list of revocations cannot tell whether they were revoked. Default: answered 503, with the
    /// code `revocation_unavailable`.
    ///
    /// Whoever can bring the list down, or cut it off, can then use a stolen token that was taken back. Each such token
    /// is told to the observer. Rather run the list so that its outages are short, and tokens that live for minutes.
    pub const fn dangerous_accept_during_revocation_outage(mut self) -> Self {
        self.accepts_unjudged = true;
        self
    }

    /// Writes the bodies of refusals with `renderer`: of layers, middleware, requirements and extractors alike. Default:
    /// [`NoBody`].
    ///
    /// ```
    /// use jwt_core::Verifier;
    /// use jwt_core::challenge::ProblemJson;
    ///
    /// let builder = Verifier::builder().renderer(ProblemJson::new());
    /// ```
    pub fn renderer(mut self, renderer: impl Renderer + 'static) -> Self {
        self.renderer = Arc::new(renderer);
        self
    }

    /// Adds the challenge of another scheme that the application accepts, for example `Basic realm="api"`: its scheme, which is
    /// not `Bearer`, and its parameters. Every answer 401 then carries it in a line of its own, after ours, to which the error
    /// belongs. Requests with credentials of that scheme are to be served outside of the layer, or by an
    /// [optional](super::Authenticator::optional) one. Default: none.
    pub fn challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenges.push(challenge.into());
        self
    }

    /// Accepts logout tokens and nothing else, of every issuer that was given.
    pub(crate) fn logout_tokens(mut self) -> Self {
        self.issuers = self.issuers.into_iter().map(TrustedIssuer::logout_tokens).collect();
        self
    }

    /// Adds a rule of the application's own, run when all other checks have passed. A token for which it returns `false`
    /// is refused with the code `rule_refused` and the rule's name. Default: none.
    pub fn rule<F>(mut self, name: impl Into<Arc<str>>, check: F) -> Self
    where
        F: Fn(&Verified) -> bool + Send + Sync + 'static,
    {
        self.rules.push(Rule::now(name.into(), check));
        self
    }

    /// Adds a rule that waits for something, run when all other rules have passed. An `Err` is an outage: the request is
    /// answered 503, with the code `rule_unavailable`. Default: none.
    pub fn async_rule<F, R>(mut self, name: impl Into<Arc<str>>, check: F) -> Self
    where
        F: Fn(Verified) -> R + Send + Sync + 'static,
        R: Future<Output = Result<bool, RuleError>> + Send + 'static,
    {
        self.rules.push(Rule::later(name.into(), check));
        self
    }

    /// Takes the time from `clock`. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// As [`clock`](Self::clock), for one that others read, too.
    #[cfg(feature = "issue")]
    pub(crate) fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells `observer` about every outcome. Default: [`NoObserver`].
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Verifies signatures with `backend`. Default: [`Backend::compiled_in`], which is `aws-lc-rs` where it is enabled.
    pub const fn crypto(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Remembers verified tokens as `cache` says. Default: [`TokenCache::new`].
    pub const fn token_cache(mut self, cache: TokenCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Verifies every token from the start, each time. Default: verified tokens are remembered.
    pub const fn without_token_cache(mut self) -> Self {
        self.cache = None;
        self
    }

    /// Fetches keys with `fetch`. Default: [`HttpFetch`](crate::keys::HttpFetch) where the feature `reqwest` is enabled.
    #[cfg(feature = "remote")]
    pub fn fetch(mut self, fetch: impl crate::keys::Fetch + 'static) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Looks up issuers that were not given, when a token names one: for services whose tenants bring their own.
    ///
    /// `admits` decides by the name alone, before any I/O: it is called with what a token says, which anyone can write.
    /// `look_up` then answers with the issuer of exactly that name, or `None`; an `Err` is an outage, answered 503. It may
    /// be called for one name several times at once. The 100 issuers that were used last are kept, with their keys; one
    /// that was dropped is looked up again. Default: none.
    #[cfg(feature = "remote")]
    pub fn issuer_resolver<R>(
        mut self,
        admits: impl Fn(&str) -> bool + Send + Sync + 'static,
        look_up: impl Fn(Arc<str>) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<Option<TrustedIssuer>, RuleError>> + Send + 'static,
    {
        self.resolver = Some(super::resolver::Unprepared::new(admits, look_up));
        self
    }

    #[cfg(feature = "remote")]
    pub(crate) const fn has_resolver(&self) -> bool {
        self.resolver.is_some()
    }

    #[cfg(not(feature = "remote"))]
    pub(crate) const fn has_resolver(&self) -> bool {
        false
    }

    /// Builds the verifier. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// The first setting that is missing, impossible or contradicts another, by its name.
    pub fn build(self) -> Result<Verifier, BuildError> {
        use BuildErrorKind as Kind;
        if self.issuers.is_empty() && !self.has_resolver() {
            return Err(BuildError::new(Kind::Undecided, "issuer"));
        }
        if self.sources.is_empty() {
            return Err(BuildError::new(Kind::Empty, "sources"));
        }
        if let Some(setting) = self.sources.problem() {
            let kind = match setting {
                "allow_origin" => Kind::InvalidUrl,
                "form_field" => Kind::Empty,
                _ => Kind::IllegalCharacters,
            };
            return Err(BuildError::new(kind, setting));
        }
        if self.leeway > MAX_LEEWAY {
            return Err(BuildError::new(Kind::OutOfRange, "leeway"));
        }
        if self.limits.token == 0 {
            return Err(BuildError::new(Kind::OutOfRange, "max_token_bytes"));
        }
        if self.cache.is_some_and(|cache| cache.entries == 0 || cache.bytes == 0) {
            return Err(BuildError::new(Kind::OutOfRange, "token_cache"));
        }
        if self.accepts_unjudged && self.revocations.is_none() {
            return Err(BuildError::new(Kind::Contradiction, "dangerous_accept_during_revocation_outage"));
        }
        let challenger = Challenger::new(&self.realm).ok_or(BuildError::new(Kind::IllegalCharacters, "realm"))?;
        if !self.challenges.iter().all(|challenge| is_challenge(challenge)) {
            return Err(BuildError::new(Kind::IllegalCharacters, "challenge"));
        }
        let mut challenger = challenger.with_renderer(self.renderer).with_others(self.challenges);
        let metadata = self.resource.as_ref().map(|resource| {
            let issuers = self.issuers.iter().filter_map(|issuer| issuer.name.as_deref().map(str::to_owned));
            resource.clone().publish(issuers, self.sources.bearer_methods())
        });
        let metadata = metadata.transpose().map_err(|wrong| match wrong {
            Wrong::Invalid(setting) => BuildError::new(Kind::InvalidUrl, setting),
            Wrong::Insecure(setting) => BuildError::new(Kind::InsecureUrl, setting),
        })?;
        if let Some(metadata) = &metadata {
            challenger = challenger.with_resource_metadata(metadata.url());
        }
        let means = Means {
            backend: self.backend,
            clock: Arc::clone(&self.clock),
            audience: self.resource.as_ref().map(|resource| resource.resource().to_owned()),
            #[cfg(feature = "remote")]
            observer: Arc::clone(&self.observer),
            #[cfg(feature = "remote")]
            listed: true,
            #[cfg(feature = "remote")]
            fetch: self.fetch,
            #[cfg(feature = "reqwest")]
            default_fetch: std::sync::OnceLock::new(),
        };
        let issuers: Result<Vec<_>, _> = self.issuers.into_iter().map(|issuer| issuer.prepare(&means)).collect();
        #[cfg_attr(not(feature = "remote"), expect(unused_mut, reason = "only remote issuers are looked up"))]
        let mut issuers = Issuers::new(issuers?)?;
        #[cfg(feature = "remote")]
        if let Some(resolver) = self.resolver {
            if issuers.answers_for_any() {
                return Err(BuildError::new(Kind::Contradiction, "issuer_resolver"));
            }
            issuers.resolver = Some(resolver.prepare(Means { listed: false, ..means }));
        }
        let cache = match self.cache {
            Some(settings) => {
                Some(Store::new(settings, self.backend).ok_or(BuildError::new(Kind::NoBackend, "token_cache"))?)
            }
            None => None,
        };
        let (accepts_unjudged, observer) = (self.accepts_unjudged, &self.observer);
        let revocations = self
            .revocations
            .map(|list| Arc::new(Revocations { list, accepts_unjudged, observer: Arc::clone(observer) }));
        let judge = Judge {
            issuers,
            cache,
            limits: self.limits,
            revocations: revocations.clone(),
            waits: self.rules.iter().any(Rule::waits),
            rules: self.rules,
            metadata,
            surroundings: Arc::new(Surroundings {
                challenger,
                observer: self.observer,
                clock: self.clock,
                leeway: self.leeway,
                recheck: revocations.map(Revocations::recheck),
            }),
        };
        Ok(Verifier::new(judge, self.sources))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, Key};
    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    use crate::token::Csrf;

    fn key(kid: &str) -> Key {
        Key::from_secret(Algorithm::HS256, [7; 32]).expect("long enough").with_kid(kid)
    }

    fn issuer() -> TrustedIssuer {
        TrustedIssuer::new("https://id.example").key(key("a")).audience("api")
    }

    fn error(builder: VerifierBuilder) -> Option<(BuildErrorKind, &'static str)> {
        builder.build().err().map(|error| (error.kind(), error.setting()))
    }

    #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn without_a_back_end_building_is_an_error() {
        assert_eq!(error(Verifier::builder().issuer(issuer())), Some((BuildErrorKind::NoBackend, "crypto")));
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn what_is_wrong_with_a_configuration_is_named() {
        use BuildErrorKind::{
            AmbiguousKeys, Contradiction, Duplicate, Empty, IllegalCharacters, InsecureUrl, InvalidUrl, NoUsableKey,
            OutOfRange, Undecided,
        };
        let with = |issuer| Verifier::builder().issuer(issuer);
        let bare = || TrustedIssuer::new("https://id.example");
        let csrf = |csrf| TokenSources::new().cookie("token").csrf(csrf);
        let any = || TrustedIssuer::dangerous_any_issuer().key(key("a")).audience("api");
        for (builder, expected) in [
            (with(issuer()), None),
            (Verifier::builder(), Some((Undecided, "issuer"))),
            (with(bare().key(key("a"))), Some((Undecided, "audience"))),
            (with(bare().audience("api")), Some((Undecided, "keys"))),
            (with(TrustedIssuer::new("").key(key("a")).audience("api")), Some((Empty, "issuer"))),
            (with(issuer().audience("")), Some((Empty, "audience"))),
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
            (with(issuer()).sources(csrf(Csrf::new().allow_origin("app.example"))), Some((InvalidUrl, "allow_origin"))),
            (with(issuer()).sources(csrf(Csrf::new().header("a b"))), Some((IllegalCharacters, "header"))),
            (with(issuer()).sources(csrf(Csrf::new().form_field(""))), Some((Empty, "form_field"))),
        ] {
            let text = format!("{builder:?}");
            assert_eq!(error(builder), expected, "{text}");
        }
    }

    #[cfg(all(feature = "remote", feature = "aws-lc-rs"))]
    #[test]
    fn what_is_wrong_with_a_remote_issuer_is_named() {
        use BuildErrorKind::{Contradiction, InsecureUrl, InvalidUrl};
        let fetch = || crate::keys::fetch_fn(|_url: String| async { Ok(crate::keys::Fetched::new("")) });
        for (issuer, expected) in [
            (TrustedIssuer::discover("https://id.example"), None),
            (TrustedIssuer::discover("http://id.example"), Some((InsecureUrl, "discover"))),
            (TrustedIssuer::discover("id.example"), Some((InvalidUrl, "discover"))),
            (TrustedIssuer::jwks("joe", "http://id.example/jwks"), Some((InsecureUrl, "jwks"))),
            (
                TrustedIssuer::discover("https://id.example").algorithms([Algorithm::HS256]),
                Some((Contradiction, "algorithms")),
            ),
            (TrustedIssuer::discover("https://id.example").key(key("a")), Some((Contradiction, "key"))),
        ] {
            assert_eq!(error(Verifier::builder().fetch(fetch()).issuer(issuer.audience("api"))), expected);
        }
    }

    #[cfg(all(feature = "remote", feature = "aws-lc-rs", not(feature = "reqwest")))]
    #[test]
    fn without_a_fetch_a_remote_issuer_is_an_error() {
        let issuer = TrustedIssuer::discover("https://id.example").audience("api");
        assert_eq!(error(Verifier::builder().issuer(issuer)), Some((BuildErrorKind::NoFetch, "fetch")));
    }
}
