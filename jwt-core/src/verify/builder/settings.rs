use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::claim_rules::DEFAULT_LEEWAY;
use crate::clock::{Clock, SystemClock};
use crate::crypto::Backend;
use crate::gate::ProtectedResource;
use crate::http::challenge::{DEFAULT_REALM, Renderer, no_body};
use crate::http::token::TokenSources;
use crate::jose::compact::Limits;
use crate::observe::{NoObserver, Observer};
use crate::revocation::RevocationList;
use crate::verified::Verified;
#[cfg(doc)]
use crate::verify::Verifier;
use crate::verify::cache::TokenCacheSettings;
use crate::verify::rules::Rule;
use crate::verify::{RuleError, TrustedIssuer};

/// Builds a [`Verifier`]; made by [`Verifier::builder`].
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    pub(super) issuers: Vec<TrustedIssuer>,
    pub(super) sources: TokenSources,
    pub(super) leeway: Duration,
    pub(super) limits: Limits,
    pub(super) realm: String,
    pub(super) revocations: Option<Arc<dyn RevocationList>>,
    pub(super) accepts_unjudged: bool,
    pub(super) renderer: Arc<dyn Renderer>,
    pub(super) resource: Option<ProtectedResource>,
    pub(super) challenges: Vec<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) backend: Option<Backend>,
    pub(super) cache: Option<TokenCacheSettings>,
    pub(super) any_is_ready: bool,
    #[cfg(feature = "remote")]
    pub(super) fetch: Option<Arc<dyn crate::keys::Fetch>>,
    #[cfg(feature = "remote")]
    pub(super) resolver: Option<crate::verify::IssuerResolver>,
}

impl VerifierBuilder {
    pub(in crate::verify) fn new() -> Self {
        Self {
            issuers: Vec::new(),
            sources: TokenSources::new(),
            leeway: DEFAULT_LEEWAY,
            limits: Limits::default(),
            realm: DEFAULT_REALM.to_owned(),
            revocations: None,
            accepts_unjudged: false,
            renderer: Arc::new(no_body()),
            resource: None,
            challenges: Vec::new(),
            rules: Vec::new(),
            clock: Arc::new(SystemClock),
            observer: Arc::new(NoObserver),
            backend: Backend::compiled_in(),
            cache: Some(TokenCacheSettings::new()),
            any_is_ready: false,
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
    /// challenge says where its [metadata](crate::gate) is; layers that see requests for it serve that, and
    /// [`ResourceMetadata::endpoint`](crate::gate::ResourceMetadata::endpoint) where there is none around the whole
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
    /// empty bodies.
    ///
    /// ```
    /// use jwt_core::Verifier;
    /// use jwt_core::http::ProblemJson;
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
    /// [optional](crate::verify::Authenticator::optional) one. Default: none.
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

    /// Remembers verified tokens as `cache` says. Default: [`TokenCacheSettings::new`].
    pub const fn token_cache(mut self, cache: TokenCacheSettings) -> Self {
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

    /// Looks up issuers that weren't given, when a token names one: for services whose tenants bring their own. Default: no
    /// issuer is looked up.
    #[cfg(feature = "remote")]
    pub fn issuer_resolver(mut self, resolver: crate::verify::IssuerResolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Is ready when tokens of at least one of the given issuers can be verified. Default: of all of them.
    ///
    /// Set it if most requests can be served while one issuer is down. It decides what
    /// [`readiness`](Verifier::readiness) and [`is_ready`](Verifier::is_ready) answer. Issuers that a
    /// [resolver](Self::issuer_resolver) finds never count.
    pub const fn ready_with_any_issuer(mut self) -> Self {
        self.any_is_ready = true;
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
}
