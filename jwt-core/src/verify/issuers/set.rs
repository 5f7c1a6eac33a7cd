use std::collections::HashMap;
use std::sync::Arc;

use crate::claims::RegisteredClaims;
use crate::error::{BuildError, BuildErrorKind};

use super::expected::quoted;
use super::issuer::{FoundIssuer, Issuer};
#[cfg(feature = "remote")]
use super::resolver::Resolver;

/// The issuers that the builder was given and, if there is one, the resolver of others.
pub(crate) struct IssuerSet {
    given: Vec<Arc<Issuer>>,
    by_name: HashMap<Arc<str>, Arc<Issuer>>,
    /// The ones that tokens don't name in `iss`.
    domains: Vec<Arc<Issuer>>,
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
        let (mut by_name, mut domains) = (HashMap::with_capacity(given.len()), Vec::<Arc<Issuer>>::new());
        for issuer in &given {
            if let Some(domain) = &issuer.domain {
                if domains.iter().any(|other| other.domain.as_ref() == Some(domain)) {
                    return Err(BuildError::new(BuildErrorKind::Duplicate, domain.setting()));
                }
                domains.push(Arc::clone(issuer));
                continue;
            }
            let Some(name) = &issuer.name else { continue };
            if by_name.insert(Arc::clone(name), Arc::clone(issuer)).is_some() {
                return Err(BuildError::new(BuildErrorKind::Duplicate, "issuer"));
            }
        }
        // An issuer that accepts every name would also accept the names of the others.
        if by_name.len() + domains.len() < given.len() && given.len() > 1 {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "dangerous_any_issuer"));
        }
        let names: Vec<&str> =
            given.iter().filter(|issuer| issuer.domain.is_none()).filter_map(|issuer| issuer.name.as_deref()).collect();
        let mut expected: Vec<String> =
            domains.iter().filter_map(|issuer| Some(issuer.domain.as_ref()?.describe())).collect();
        if !names.is_empty() {
            expected.insert(0, format!("`iss` must be {}", quoted(&names)));
        } else if expected.is_empty() {
            expected.push("`iss` must be a name that the verifier's `IssuerResolver` accepts".to_owned());
        }
        let expected = expected.join(", or ").into();
        Ok(Self {
            expected,
            given,
            by_name,
            domains,
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
        self.given.iter().find(|issuer| issuer.name.as_deref() == Some(name) && issuer.domain.is_none())
    }

    /// Finds the issuer of a token. `resolved` says that the token has already waited for the resolver.
    pub(crate) fn find_issuer(
        &self,
        claims: &RegisteredClaims<'_>,
        token_type: Option<&str>,
        resolved: bool,
    ) -> FoundIssuer<'_> {
        let name = claims.issuer();
        if let Some(issuer) = name.and_then(|name| self.find_given(name)) {
            return FoundIssuer::Given(issuer);
        }
        // A domain must not vouch for an `iss` that the resolver might know.
        #[cfg(feature = "remote")]
        let may_be_resolved = self.resolver.is_some() && name.is_some();
        #[cfg(not(feature = "remote"))]
        let may_be_resolved = false;
        let of_domain =
            |issuer: &&Arc<Issuer>| issuer.domain.as_ref().is_some_and(|domain| domain.is_named_by(claims, token_type));
        if let Some(issuer) = self.domains.iter().find(of_domain).filter(|_| !may_be_resolved) {
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

    /// Returns the issuers that the builder was given. Status and readiness cover only these: any token can name an issuer
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
