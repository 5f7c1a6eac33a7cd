use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{BuildError, BuildErrorKind};

use super::expected::quoted;
use super::issuer::{FoundIssuer, Issuer};
#[cfg(feature = "remote")]
use super::resolver::Resolver;

/// The issuers that the builder was given and, if there is one, the resolver of others.
pub(crate) struct IssuerSet {
    given: Vec<Arc<Issuer>>,
    by_name: HashMap<Arc<str>, Arc<Issuer>>,
    /// Which issuers are trusted, in words.
    pub(crate) expected: Arc<str>,
    /// Whether one ready issuer makes the service ready.
    pub(crate) any_is_ready: bool,
    #[cfg(feature = "remote")]
    pub(crate) resolver: Option<Resolver>,
}

impl IssuerSet {
    pub(crate) fn new(given: Vec<Issuer>) -> Result<Self, BuildError> {
        let given: Vec<Arc<Issuer>> = given.into_iter().map(Arc::new).collect();
        let mut by_name = HashMap::with_capacity(given.len());
        for issuer in &given {
            let Some(name) = &issuer.name else { continue };
            if by_name.insert(Arc::clone(name), Arc::clone(issuer)).is_some() {
                return Err(BuildError::new(BuildErrorKind::Duplicate, "issuer"));
            }
        }
        // An issuer that accepts every name would also accept the names of the others.
        if by_name.len() < given.len() && given.len() > 1 {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "dangerous_any_issuer"));
        }
        let names: Vec<&str> = given.iter().filter_map(|issuer| issuer.name.as_deref()).collect();
        let expected = if names.is_empty() {
            "`iss` must be a name that the verifier's `IssuerResolver` accepts".into()
        } else {
            format!("`iss` must be {}", quoted(&names)).into()
        };
        Ok(Self {
            expected,
            given,
            by_name,
            any_is_ready: false,
            #[cfg(feature = "remote")]
            resolver: None,
        })
    }

    /// Whether there is an issuer that accepts every `iss`.
    #[cfg(feature = "remote")]
    pub(crate) fn accepts_any_name(&self) -> bool {
        self.given.iter().any(|issuer| issuer.name.is_none())
    }

    fn find_given(&self, name: &str) -> Option<&Arc<Issuer>> {
        // Comparing a few names is cheaper than hashing one.
        if self.given.len() > 4 {
            return self.by_name.get(name);
        }
        self.given.iter().find(|issuer| issuer.name.as_deref() == Some(name))
    }

    /// Finds the issuer of a token. `resolved` says that the token has already waited for the resolver.
    pub(crate) fn find_issuer(&self, name: Option<&str>, resolved: bool) -> FoundIssuer<'_> {
        if let Some(issuer) = name.and_then(|name| self.find_given(name)) {
            return FoundIssuer::Given(issuer);
        }
        // An issuer that accepts every name is the only one.
        if let Some(any) = self.given.first().filter(|issuer| issuer.name.is_none()) {
            return FoundIssuer::Given(any);
        }
        #[cfg(feature = "remote")]
        if let (Some(resolver), Some(name)) = (&self.resolver, name) {
            return resolver.find_issuer(name, resolved);
        }
        #[cfg(not(feature = "remote"))]
        let _ = resolved;
        FoundIssuer::Unknown
    }

    /// Whether the resolver still accepts tokens of this issuer.
    #[cfg_attr(not(feature = "remote"), expect(clippy::unused_self, reason = "without a resolver nothing is resolved"))]
    pub(crate) fn still_resolves(&self, issuer: &Arc<Issuer>) -> bool {
        #[cfg(feature = "remote")]
        if let Some(resolver) = &self.resolver {
            return resolver.still_trusts(issuer);
        }
        #[cfg(not(feature = "remote"))]
        let _ = issuer;
        false
    }

    /// Notes that a token of this issuer was verified.
    #[cfg_attr(not(feature = "remote"), expect(clippy::unused_self, reason = "only a resolver takes note"))]
    pub(crate) fn note_verified(&self, issuer: &Arc<Issuer>) {
        #[cfg(feature = "remote")]
        if issuer.tenancy.is_some()
            && let Some(resolver) = &self.resolver
        {
            resolver.note_verified(issuer);
        }
        #[cfg(not(feature = "remote"))]
        let _ = issuer;
    }

    /// Returns the issuers that the builder was given. Health and readiness cover only these: any token can name an issuer
    /// that a resolver finds, and must not decide whether the service gets requests.
    pub(crate) fn given(&self) -> &[Arc<Issuer>] {
        &self.given
    }

    /// Calls `act` with each issuer whose keys are kept current.
    #[cfg(feature = "remote")]
    pub(crate) fn each_in_use(&self, act: impl Fn(&Issuer)) {
        self.given.iter().for_each(|issuer| act(issuer));
        for issuer in self.resolver.iter().flat_map(Resolver::in_use) {
            act(&issuer);
        }
    }
}
