use std::sync::Arc;
use std::time::Duration;

use crate::authorize::Requirement;
use crate::claim_rules::DEFAULT_LEEWAY;
use crate::clock::Clock;
use crate::crypto::Backend;
use crate::error::Error;
use crate::gate::ProtectedResource;
use crate::http::challenge::{Challenge, DEFAULT_REALM, Rendered, Renderer};
use crate::http::request::RequestView;
use crate::http::token::TokenSources;
use crate::jose::compact::Limits;
use crate::observe::{Observer, OptionalObserver};
use crate::proof::Dpop;
use crate::revocation::RevocationList;
use crate::verify::TrustedIssuer;
use crate::verify::cache::TokenCacheSettings;
use crate::verify::verifier::Verifier;

/// Builds a [`Verifier`]. [`Verifier::builder`] creates it.
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    pub(super) issuers: Vec<TrustedIssuer>,
    pub(super) sources: TokenSources,
    pub(super) leeway: Duration,
    pub(super) limits: Limits,
    pub(super) realm: String,
    pub(super) revocations: Option<Arc<dyn RevocationList>>,
    pub(super) accepts_during_outage: bool,
    pub(super) renderer: Option<Renderer>,
    pub(super) resources: Vec<ProtectedResource>,
    pub(super) challenges: Vec<String>,
    pub(super) requirements: Vec<Box<dyn Requirement>>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) observer: OptionalObserver,
    pub(super) backend: Option<Backend>,
    pub(super) cache: Option<TokenCacheSettings>,
    pub(super) any_is_ready: bool,
    /// Each scope with one that it implies.
    pub(super) implied_scopes: Vec<(String, String)>,
    pub(super) dpop: Option<Dpop>,
    /// The header's name, and the addresses of the proxies that write it.
    pub(super) certificate_header: Option<(String, Vec<String>)>,
    #[cfg(feature = "remote")]
    pub(super) fetch: Option<Arc<dyn crate::keys::Fetch>>,
    #[cfg(feature = "remote")]
    pub(super) resolver: Option<crate::verify::IssuerResolver>,
}

impl Verifier {
    /// Starts building a verifier.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }
}

impl VerifierBuilder {
    fn new() -> Self {
        Self {
            issuers: Vec::new(),
            sources: TokenSources::new(),
            leeway: DEFAULT_LEEWAY,
            limits: Limits::default(),
            realm: DEFAULT_REALM.to_owned(),
            revocations: None,
            accepts_during_outage: false,
            renderer: None,
            resources: Vec::new(),
            challenges: Vec::new(),
            requirements: Vec::new(),
            clock: None,
            observer: OptionalObserver::default(),
            backend: Backend::compiled_in(),
            cache: Some(TokenCacheSettings::new()),
            any_is_ready: false,
            implied_scopes: Vec::new(),
            dpop: None,
            certificate_header: None,
            #[cfg(feature = "remote")]
            fetch: None,
            #[cfg(feature = "remote")]
            resolver: None,
        }
    }

    /// Trusts an issuer. You need at least one, or an `issuer_resolver`. A token is checked against the settings of the issuer that
    /// it names.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets where requests carry their tokens. Default: [`TokenSources::new`], only the `Authorization` header.
    pub fn sources(mut self, sources: TokenSources) -> Self {
        self.sources = sources;
        self
    }

    /// Sets the clock difference that `exp`, `nbf` and `iat` may have, at most 300 seconds. Default: 60 seconds.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets how many bytes a token may have at most, checked before it's decoded. Default: 16 KiB.
    pub const fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.limits.token = bytes;
        self
    }

    /// Sets the realm of challenges: visible ASCII and spaces, without `"` and `\`. Default: `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Declares the protected resource (RFC 9728). Default: no resource.
    ///
    /// Its name becomes the audience of issuers without one, and every challenge links to its [metadata](crate::gate). A layer
    /// around the whole application serves the metadata. If there is no such layer, add
    /// [`ResourceMetadata::endpoint`](crate::gate::ResourceMetadata::endpoint) as a route.
    ///
    /// Call it again for each further resource of the application. They have the same origin and different paths, and a request is
    /// for the resource with the longest path that its own path starts with, in whole segments:
    ///
    /// ```
    /// use jwt_core::Verifier;
    /// use jwt_core::gate::ProtectedResource;
    ///
    /// let builder = Verifier::builder()
    ///     .resource(ProtectedResource::new("https://api.example/reports").scopes(["reports:read"]))
    ///     .resource(ProtectedResource::new("https://api.example/mail").scopes(["mail:send"]));
    /// ```
    ///
    /// - A token of an issuer without an audience of its own must name the resource that the request is for. So a token for
    ///   `/mail` is refused at `/reports`, with 401 `wrong_audience`.
    /// - Challenges link to the metadata of that resource, and the layer serves the metadata of each.
    /// - If a path is in no resource, no such token is accepted. Neither is one if escapes, doubled slashes or dots in the path
    ///   decide which resource it is, because routers disagree about them. Declare the origin itself, `https://api.example`, as a
    ///   resource to include every other path.
    ///
    /// The layer must see whole paths. [`Verifier::for_resource`] is for one that does not, such as a layer inside axum's `nest`.
    pub fn resource(mut self, resource: ProtectedResource) -> Self {
        self.resources.push(resource);
        self
    }

    /// Asks `list` about every token, after all other checks except your own requirements. Default: no list, so tokens are good
    /// until they expire.
    pub fn revocations(mut self, list: impl RevocationList + 'static) -> Self {
        self.revocations = Some(Arc::new(list));
        self
    }

    /// Accepts tokens while the revocation list is unavailable. Default: answered 503, with the code `revocation_unavailable`.
    ///
    /// An attacker who can take down the list, or cut it off, can then use revoked tokens. Make the list more available instead,
    /// and issue tokens that expire within minutes. The observer gets an event for each token that is accepted this way.
    pub const fn dangerous_accept_during_revocation_outage(mut self) -> Self {
        self.accepts_during_outage = true;
        self
    }

    /// Sets the closure that writes the body of every rejection: from layers, middleware, requirements and extractors. Default:
    /// empty bodies.
    ///
    /// Status and challenge are already decided. The closure sees them, the [`Error`] and the request; it adds a body, and headers
    /// that are not there yet. [`problem_json`](crate::http::problem_json) is ready-made. If the closure panics, the request panics.
    ///
    /// ```
    /// use jwt_core::http::Rendered;
    /// use jwt_core::{Class, ErrorKind, Verifier};
    ///
    /// let builder = Verifier::builder().renderer(|error, _challenge, _request| match error.kind() {
    ///     ErrorKind::NoCredentials => Rendered::json(r#"{"msg":"Missing Authorization Header"}"#),
    ///     ErrorKind::Expired => Rendered::json(r#"{"msg":"Token has expired"}"#),
    ///     kind if kind.class() == Class::Refused => Rendered::json(r#"{"msg":"Invalid token"}"#),
    ///     _ => Rendered::empty(),
    /// });
    /// ```
    ///
    /// An attacker who forges tokens reads these bodies too. Of the class [`Refused`](crate::Class::Refused), name only the
    /// kinds that clients may know, and give all others the same body.
    ///
    /// The request is the one that was rejected, for example for its `x-request-id`. A rejection that a handler makes itself, with
    /// [`Verified::require`](crate::Verified::require), does not know it: then method and target are empty, and there are no
    /// headers. Everything in a request is the client's choice, so escape it.
    ///
    /// ```
    /// use jwt_core::Verifier;
    /// use jwt_core::http::Rendered;
    ///
    /// let builder = Verifier::builder().renderer(|_error, challenge, request| {
    ///     let id = request.header_value("x-request-id").unwrap_or("none");
    ///     Rendered::json(serde_json::json!({"status": challenge.status, "request": id}).to_string())
    /// });
    /// ```
    ///
    /// If no layer ran, there is no verifier that could have a renderer, so the 500 for
    /// [`LayerMissing`](crate::ErrorKind::LayerMissing) has no body.
    pub fn renderer(
        mut self,
        renderer: impl Fn(&Error, &Challenge, &dyn RequestView) -> Rendered + Send + Sync + 'static,
    ) -> Self {
        self.renderer = Some(Renderer::new(renderer));
        self
    }

    /// Adds a challenge for another scheme than `Bearer` that your application accepts, for example `Basic realm="api"`. Default:
    /// no other challenge.
    ///
    /// Every 401 response carries it in a `WWW-Authenticate` header of its own, after the `Bearer` challenge. Serve requests with
    /// that scheme outside of the layer, or with an [optional](crate::verify::Authenticator::optional) one.
    pub fn challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenges.push(challenge.into());
        self
    }

    /// Makes every given issuer accept only logout tokens.
    pub(crate) fn logout_tokens(mut self) -> Self {
        self.issuers = self.issuers.into_iter().map(TrustedIssuer::logout_tokens).collect();
        self
    }

    /// Requires every token to meet `requirement`, which is checked last, each time a token is used. Default: no requirements.
    ///
    /// A token that does not meet it is refused with 401 `rule_refused`, even if the requirement itself would mean 403. The
    /// [detail](crate::Error::detail) of the error stays, for example the name that you pass to
    /// [`check`](fn@crate::authorize::check). If the requirement could not be checked, its error stays as well: a closure of
    /// [`check_async`](crate::authorize::check_async) that returns `Err` means 503 `rule_unavailable`.
    ///
    /// You can call this several times. Requirements that have to wait come after the others.
    ///
    /// ```
    /// use jwt_core::Verifier;
    /// use jwt_core::authorize::check;
    ///
    /// let builder = Verifier::builder()
    ///     .require_token(check("a person", |verified| verified.registered().client_id().is_none()));
    /// ```
    pub fn require_token(mut self, requirement: impl Requirement + 'static) -> Self {
        self.requirements.push(Box::new(requirement));
        self
    }

    /// Lets tokens with `scope` do what needs any of the `implied` scopes. Default: no scope implies another.
    ///
    /// Requirements and [`Verified::has_scope`](crate::Verified::has_scope) follow implications, also through several steps, and
    /// scopes that imply each other are equal. A challenge names only scopes that the token neither has nor implies. The scopes
    /// of all issuers are meant; at most 1,000 pairs.
    ///
    /// ```
    /// use jwt_core::Verifier;
    ///
    /// let builder = Verifier::builder()
    ///     .scope_implies("reports:admin", ["reports:write"])
    ///     .scope_implies("reports:write", ["reports:read"]);
    /// ```
    pub fn scope_implies<N: Into<String>>(
        mut self,
        scope: impl Into<String>,
        implied: impl IntoIterator<Item = N>,
    ) -> Self {
        let scope = scope.into();
        self.implied_scopes.extend(implied.into_iter().map(|implied| (scope.clone(), implied.into())));
        self
    }

    /// Sets how proofs are checked for tokens that are bound to a key. Default: no proofs are accepted. RFC 9449.
    ///
    /// It concerns the issuers that [allow](TrustedIssuer::dpop_allowed) or [require](TrustedIssuer::dpop_required) such tokens.
    /// [The guide](crate::guide::proof) has the whole set-up.
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = Some(dpop);
        self
    }

    /// Reads the client's certificate from the header `name` of these proxies, at which TLS ends: addresses such as `10.0.0.7`, or
    /// networks such as `10.0.0.0/8`. Default: only the certificate of the connection itself. RFC 8705 section 6.5.
    ///
    /// It concerns tokens that are [bound to a certificate](TrustedIssuer::mutual_tls_required). The forms of RFC 9440
    /// (`Client-Cert`), nginx (`$ssl_client_escaped_cert`), Envoy (`X-Forwarded-Client-Cert` with `Cert`), Traefik and AWS are
    /// recognized. The proxies must remove this header from what clients send. In requests from other addresses it's ignored.
    ///
    /// The service must know the address of the connection: actix-web does; with axum and tower, put a
    /// [`Peer`](crate::http::Peer) into the request's extensions.
    pub fn certificate_header<N: Into<String>>(
        mut self,
        name: impl Into<String>,
        proxies: impl IntoIterator<Item = N>,
    ) -> Self {
        self.certificate_header = Some((name.into(), proxies.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets the clock. Default: that of the first trusted issuer which has one, because it's from `TokenIssuer::trusted` or
    /// `TestAuth::trusted`; otherwise [`SystemClock`](crate::SystemClock).
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Sends an event for every outcome to `observer`. Default: no observer.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = OptionalObserver::new(observer);
        self
    }

    /// Sets the cryptographic back end. Default: [`Backend::compiled_in`], which is `aws-lc-rs` if it's enabled.
    pub const fn crypto(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Sets how verified tokens are cached. Default: [`TokenCacheSettings::new`].
    pub const fn token_cache(mut self, settings: TokenCacheSettings) -> Self {
        self.cache = Some(settings);
        self
    }

    /// Turns the token cache off, so that every signature is verified. Default: on.
    pub const fn without_token_cache(mut self) -> Self {
        self.cache = None;
        self
    }

    /// Sets the HTTP client that fetches keys. Default: `HttpFetch`, if the feature `jwks` is enabled.
    #[cfg(feature = "remote")]
    pub fn fetch(mut self, fetch: impl crate::keys::Fetch + 'static) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Looks up issuers that were not given, for services whose tenants bring their own. Default: no resolver.
    #[cfg(feature = "remote")]
    pub fn issuer_resolver(mut self, resolver: crate::verify::IssuerResolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Makes the verifier ready when tokens of at least one given issuer can be verified. Default: of every given issuer.
    ///
    /// Set it if most requests can be served while one issuer is down. [`readiness`](Verifier::readiness) and
    /// [`is_ready`](Verifier::is_ready) depend on it. Issuers that an `issuer_resolver` finds never count.
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
