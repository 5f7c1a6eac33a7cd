//! Who is trusted: the issuers that were given and, where tenants come and go, those that a resolver answers for.

use std::collections::HashMap;
use std::sync::Arc;

use super::prepare::Issuer;
#[cfg(feature = "remote")]
use super::resolver::Resolver;
use super::trust::Trust;
use super::{BuildError, BuildErrorKind};

pub(super) struct Issuers {
    given: Vec<Arc<Issuer>>,
    by_name: HashMap<Arc<str>, Arc<Issuer>>,
    /// Whether the service is ready when one of the given issuers is.
    pub(super) any_is_ready: bool,
    #[cfg(feature = "remote")]
    pub(super) resolver: Option<Resolver>,
}

impl Issuers {
    pub(super) fn new(given: Vec<Issuer>) -> Result<Self, BuildError> {
        let given: Vec<Arc<Issuer>> = given.into_iter().map(Arc::new).collect();
        let mut by_name = HashMap::with_capacity(given.len());
        for issuer in &given {
            let Some(name) = &issuer.name else { continue };
            if by_name.insert(Arc::clone(name), Arc::clone(issuer)).is_some() {
                return Err(BuildError::new(BuildErrorKind::Duplicate, "issuer"));
            }
        }
        // One that answers for every name would also answer for those that another is trusted with.
        if by_name.len() < given.len() && given.len() > 1 {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "dangerous_any_issuer"));
        }
        Ok(Self {
            given,
            by_name,
            any_is_ready: false,
            #[cfg(feature = "remote")]
            resolver: None,
        })
    }

    #[cfg(feature = "remote")]
    pub(super) fn answers_for_any(&self) -> bool {
        self.given.iter().any(|issuer| issuer.name.is_none())
    }

    fn named(&self, name: &str) -> Option<&Arc<Issuer>> {
        // Comparing a few is cheaper than hashing one.
        if self.given.len() > 4 {
            return self.by_name.get(name);
        }
        self.given.iter().find(|issuer| issuer.name.as_deref() == Some(name))
    }

    /// `resolved` says that the resolver has been waited for already.
    pub(super) fn find(&self, name: Option<&str>, resolved: bool) -> Trust<'_> {
        if let Some(issuer) = name.and_then(|name| self.named(name)) {
            return Trust::Given(issuer);
        }
        // One that answers for every name stands alone.
        if let Some(any) = self.given.first().filter(|issuer| issuer.name.is_none()) {
            return Trust::Given(any);
        }
        #[cfg(feature = "remote")]
        if let (Some(resolver), Some(name)) = (&self.resolver, name) {
            return resolver.find(name, resolved);
        }
        #[cfg(not(feature = "remote"))]
        let _ = resolved;
        Trust::Unknown
    }

    /// Whether the resolver would still answer with this issuer.
    #[cfg_attr(not(feature = "remote"), expect(clippy::unused_self, reason = "without a resolver nothing is resolved"))]
    pub(super) fn still_resolves(&self, issuer: &Arc<Issuer>) -> bool {
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
    pub(super) fn note_verified(&self, issuer: &Arc<Issuer>) {
        #[cfg(feature = "remote")]
        if issuer.tenancy.is_some()
            && let Some(resolver) = &self.resolver
        {
            resolver.note_verified(issuer);
        }
        #[cfg(not(feature = "remote"))]
        let _ = issuer;
    }

    /// The issuers that were given. Health and readiness speak of these: any token can name an issuer that a resolver
    /// answers for, and must not decide whether the service gets requests.
    pub(super) fn given(&self) -> &[Arc<Issuer>] {
        &self.given
    }

    /// Calls `act` with each issuer whose keys are kept current.
    #[cfg(feature = "remote")]
    pub(super) fn each_in_use(&self, act: impl Fn(&Issuer)) {
        self.given.iter().for_each(|issuer| act(issuer));
        for issuer in self.resolver.iter().flat_map(Resolver::in_use) {
            act(&issuer);
        }
    }
}
