use std::fmt;
use std::sync::Arc;

use crate::error::{Check, Error};
use crate::gate::ResourceMetadata;
use crate::http::token::{Location, TokenSources};
use crate::step::Step;
use crate::verified::Verified;

use super::cache::TokenCacheStatus;
use super::issuers::IssuerSet;
use super::pipeline::Pipeline;
use super::resources::Resources;
use super::sender_check::SenderCheck;
use super::signature::Signature;

/// Verifies tokens. Every layer, middleware and extractor uses one.
///
/// Build it once, at start. It's cheap to clone, and clones share their keys and their cache.
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
    pipeline: Arc<Pipeline>,
    sources: Arc<TokenSources>,
    /// The protected resources, if there are several.
    resources: Option<Arc<Resources>>,
}

impl Verifier {
    /// The names of the checks, in their order. [`Error::check`] names the one that refused a token.
    pub const CHECKS: &'static [&'static str] = Check::NAMES;

    pub(super) fn new(pipeline: Pipeline, sources: TokenSources, resources: Option<Resources>) -> Self {
        Self { pipeline: Arc::new(pipeline), sources: Arc::new(sources), resources: resources.map(Arc::new) }
    }

    /// Verifies a token that did not come in an HTTP request: from a WebSocket message, a queue or a command line.
    ///
    /// If the verifier has several [resources](crate::VerifierBuilder::resource), the token may be for any of them. Use
    /// [`for_resource`](Self::for_resource) if you know which one is meant.
    ///
    /// # Errors
    ///
    /// Says why the token isn't accepted. An error of the class [`Unavailable`](crate::Class::Unavailable) is an outage, and says
    /// nothing about the token.
    pub async fn verify(&self, token: &str) -> Result<Verified, Error> {
        self.verify_step(token, None).wait().await
    }

    /// Starts verifying a token. The result is ready unless keys have to be fetched, or a requirement or a revocation list has to wait.
    ///
    /// A token that is [bound to its sender](crate::proof) is refused, because only a request can show who sends it.
    pub fn verify_step(&self, token: &str, location: Option<Location>) -> Step<Result<Verified, Error>> {
        self.pipeline.start(token.as_bytes(), || Ok(token), location, None, Signature::Checked)
    }

    /// Returns a verifier that takes tokens from other places of a request, and shares everything else with this one.
    ///
    /// A setting that [`VerifierBuilder::build`](crate::VerifierBuilder::build) would refuse is logged at `ERROR`, and requests
    /// that depend on it are refused.
    #[must_use]
    pub fn with_sources(&self, sources: TokenSources) -> Self {
        if let Some(setting) = sources.problem() {
            tracing::error!(setting, "these token sources can't be used: fix the setting");
        }
        let sources = if self.pipeline.header_only && !sources.is_only_authorization() {
            tracing::error!(
                "with `TrustedIssuer::fapi2`, tokens come only in the header `Authorization`: no other source is used"
            );
            TokenSources::new()
        } else {
            sources
        };
        let accepts_dpop = self.pipeline.senders.as_deref().is_some_and(SenderCheck::accepts_dpop);
        let sources = if accepts_dpop { sources.with_dpop() } else { sources };
        Self { sources: Arc::new(sources), ..self.clone() }
    }

    /// Returns a verifier for one of several [resources](crate::VerifierBuilder::resource), named as it was declared. It shares
    /// keys and cache with this one. `None` if no such resource was declared, or only one.
    ///
    /// Use it for tokens that don't come in a request, and for a layer inside a router that cuts off the beginning of paths.
    #[must_use]
    pub fn for_resource(&self, resource: &str) -> Option<Self> {
        let pipeline = self.resources.as_ref()?.named(resource)?;
        Some(Self { pipeline: Arc::clone(pipeline), sources: Arc::clone(&self.sources), resources: None })
    }

    /// Whether a request's path and query matter: only if a protected resource is declared.
    pub(super) fn looks_at_targets(&self) -> bool {
        self.resources.is_some() || self.pipeline.metadata.is_some()
    }

    /// Returns the checks for a request with this path and query.
    pub(super) fn pipeline_for(&self, target: &str) -> &Arc<Pipeline> {
        self.resources.as_ref().map_or(&self.pipeline, |resources| resources.pipeline(target))
    }

    /// Returns the size of the token cache, or `None` if the verifier has no cache.
    #[must_use]
    pub fn token_cache_status(&self) -> Option<TokenCacheStatus> {
        self.pipeline.cache.as_ref().map(|cache| cache.status())
    }

    /// Forgets an issuer that a [resolver](crate::VerifierBuilder::issuer_resolver) found. Call it when you create, change or
    /// remove a tenant.
    ///
    /// The next token that names the issuer causes a new look-up; until it has an answer, the issuer's tokens are not accepted, not
    /// even from the cache. If the name was unknown, that is forgotten too. Issuers that the builder was given stay.
    #[cfg(feature = "remote")]
    pub fn forget_issuer(&self, name: &str) {
        if let Some(resolver) = &self.pipeline.issuers.resolver {
            resolver.forget(name);
        }
    }

    /// Returns the metadata of the [protected resource](crate::VerifierBuilder::resource), if one was set. If there are several,
    /// it's the first one's; [`for_resource`](Self::for_resource) has the others.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&ResourceMetadata> {
        self.pipeline.metadata.as_ref()
    }

    /// Returns the metadata that a request with this path and query asks for.
    pub(super) fn metadata_at(&self, target: &str) -> Option<&ResourceMetadata> {
        match &self.resources {
            Some(resources) => resources.metadata(target),
            None => self.resource_metadata().filter(|metadata| target.split('?').next() == Some(metadata.path())),
        }
    }

    pub(super) fn issuers(&self) -> &IssuerSet {
        &self.pipeline.issuers
    }

    pub(crate) fn sources(&self) -> &TokenSources {
        &self.sources
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.pipeline.issuers.given().len())
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
