use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::gate::ResourceMetadata;
use crate::http::token::{Location, TokenSources};
use crate::step::Step;
use crate::verified::{Verified, VerifierContext};

use super::VerifierBuilder;
use super::cache::{CacheStatus, Store};
use super::issuers::Issuers;
use super::judge::Judge;

/// Verifies tokens: the one judge behind every layer, middleware and extractor.
///
/// Cheap to clone; clones share their keys. It is built once, with everything decided:
///
/// ```
/// use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::builder()
///     .issuer(
///         TrustedIssuer::new("https://id.example")
///             .key(Key::from_secret(Algorithm::HS256, [7; 32])?)
///             .audience("https://api.example"),
///     )
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier {
    judge: Arc<Judge>,
    sources: Arc<TokenSources>,
}

impl Verifier {
    /// Starts building a verifier.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    pub(super) fn new(judge: Judge, sources: TokenSources) -> Self {
        Self { judge: Arc::new(judge), sources: Arc::new(sources) }
    }

    /// Verifies a token by itself: from a WebSocket message, a queue, a tool.
    ///
    /// # Errors
    ///
    /// Why the token is not accepted. Errors of the class [`Unavailable`](crate::Class::Unavailable) say nothing about
    /// the token.
    pub async fn verify(&self, token: &str) -> Result<Verified, Error> {
        self.start(token, None).wait().await
    }

    /// Starts verifying a token. The result is ready at once unless keys have to be fetched, or a rule or a revocation list
    /// has to be waited for.
    pub fn start(&self, token: &str, location: Option<Location>) -> Step<Result<Verified, Error>> {
        self.begin(token.as_bytes(), || Ok(token), location)
    }

    /// As [`start`](Self::start), with a token of which nobody knows yet whether it is text.
    pub(super) fn begin<'t>(
        &self,
        token: &'t [u8],
        text: impl Fn() -> Result<&'t str, ErrorKind>,
        location: Option<Location>,
    ) -> Step<Result<Verified, Error>> {
        self.judge.begin(token, text, location)
    }

    /// Returns the same verifier, with its keys and policy, looking for tokens in other places.
    ///
    /// A setting that [`VerifierBuilder::build`] would refuse is logged here, and met by no request.
    #[must_use]
    pub fn with_sources(&self, sources: TokenSources) -> Self {
        if let Some(setting) = sources.problem() {
            tracing::error!(setting, "token sources that cannot be met");
        }
        Self { judge: Arc::clone(&self.judge), sources: Arc::new(sources) }
    }

    /// Returns what the cache of tokens holds, or `None` where there is none.
    #[must_use]
    pub fn token_cache(&self) -> Option<CacheStatus> {
        self.judge.cache.as_ref().map(Store::status)
    }

    /// Forgets an issuer that a [resolver](VerifierBuilder::issuer_resolver) answered for: for tenants that are created,
    /// changed or withdrawn.
    ///
    /// Tokens that name it are refused from now on, remembered ones included, until it's looked up again, which the next of
    /// them does. That the name was unknown is forgotten, too. Issuers that the builder was given stay.
    #[cfg(feature = "remote")]
    pub fn forget_issuer(&self, name: &str) {
        if let Some(resolver) = &self.judge.issuers.resolver {
            resolver.forget(name);
        }
    }

    /// Returns the metadata of the [resource](VerifierBuilder::resource) that this verifier guards.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&ResourceMetadata> {
        self.judge.metadata.as_ref()
    }

    pub(super) fn issuers(&self) -> &Issuers {
        &self.judge.issuers
    }

    pub(crate) fn sources(&self) -> &TokenSources {
        &self.sources
    }

    pub(super) fn context(&self) -> &Arc<VerifierContext> {
        &self.judge.context
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.judge.issuers.given().len())
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
