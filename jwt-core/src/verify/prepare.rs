use std::sync::Arc;

use crate::claim_rules::ClaimRules;
use crate::clock::Clock;
use crate::crypto::Backend;
use crate::jose::{Algorithm, Key};
use crate::keys::{KeySource, KeyTable};

use super::{BuildError, BuildErrorKind};

/// An issuer, ready to judge.
pub(crate) struct Issuer {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) keys: Arc<dyn KeySource>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) policy: ClaimRules,
    /// How long it may be used, if a resolver found it.
    #[cfg(feature = "remote")]
    pub(crate) tenancy: Option<Arc<super::resolver::Tenancy>>,
}

/// What preparing an issuer takes from its verifier.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) backend: Option<Backend>,
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "only remote keys grow old"))]
    pub(crate) clock: Arc<dyn Clock>,
    /// The audience of issuers without a decision about it.
    pub(crate) audience: Option<String>,
    #[cfg(feature = "remote")]
    pub(crate) observer: Arc<dyn crate::observe::Observer>,
    /// Whether the builder was given the issuer; otherwise a resolver found it.
    #[cfg(feature = "remote")]
    pub(crate) listed: bool,
    /// What the application brings.
    #[cfg(feature = "remote")]
    pub(crate) fetch: Option<Arc<dyn crate::keys::Fetch>>,
    /// What stands in for it, made when the first issuer needs it.
    #[cfg(feature = "jwks")]
    pub(crate) default_fetch: Arc<std::sync::OnceLock<Arc<dyn crate::keys::Fetch>>>,
    /// The hosts that may be asked; all of them by default.
    #[cfg(feature = "remote")]
    pub(crate) hosts: Option<crate::keys::HostFilter>,
    /// Limits the key fetches of an issuer that a resolver found.
    #[cfg(feature = "remote")]
    pub(crate) quota: Option<Arc<crate::keys::Quota>>,
}

#[cfg(feature = "remote")]
impl Means {
    fn fetch(&self) -> Result<Arc<dyn crate::keys::Fetch>, BuildError> {
        let fetch = self.any_fetch()?;
        Ok(match &self.hosts {
            Some(hosts) => Arc::new(crate::keys::FilteredFetch { fetch, hosts: Arc::clone(hosts) }),
            None => fetch,
        })
    }

    fn any_fetch(&self) -> Result<Arc<dyn crate::keys::Fetch>, BuildError> {
        if let Some(fetch) = &self.fetch {
            return Ok(Arc::clone(fetch));
        }
        let none = BuildError::new(BuildErrorKind::NoFetch, "fetch");
        #[cfg(feature = "jwks")]
        {
            if let Some(fetch) = self.default_fetch.get() {
                return Ok(Arc::clone(fetch));
            }
            let made: Arc<dyn crate::keys::Fetch> = Arc::new(crate::keys::HttpFetch::new().map_err(|_| none)?);
            Ok(Arc::clone(self.default_fetch.get_or_init(|| made)))
        }
        #[cfg(not(feature = "jwks"))]
        Err(none)
    }
}

/// The algorithms that are allowed where nothing else is said: every one with a public key. The order decides what a key
/// that names no algorithm is used for.
const ASYMMETRIC: [Algorithm; 13] = [
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::Ed25519,
    Algorithm::PS256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

/// Where an issuer's keys come from.
#[derive(Clone)]
pub(super) enum KeysFrom {
    Nowhere,
    Fixed(Vec<Key>),
    Source(Arc<dyn KeySource>),
    #[cfg(feature = "remote")]
    Remote(crate::keys::Location, crate::keys::KeyRefreshSettings),
}

impl KeysFrom {
    /// Whether the same keys would come from the other.
    #[cfg(feature = "remote")]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_same =
            |a: &Key, b: &Key| a.kid() == b.kid() && a.algorithm() == b.algorithm() && a.material() == b.material();
        match (self, other) {
            (Self::Nowhere, Self::Nowhere) => true,
            (Self::Fixed(own), Self::Fixed(other)) => {
                own.len() == other.len() && own.iter().zip(other).all(|(own, other)| is_same(own, other))
            }
            (Self::Source(own), Self::Source(other)) => Arc::ptr_eq(own, other),
            (Self::Remote(own, policy), Self::Remote(other, other_policy)) => own == other && policy == other_policy,
            _ => false,
        }
    }

    pub(super) fn prepare(
        self,
        name: Option<&Arc<str>>,
        allowed: Option<Vec<Algorithm>>,
        backend: Backend,
        means: &Means,
    ) -> Result<(Arc<dyn KeySource>, Vec<Algorithm>), BuildError> {
        use BuildErrorKind as Kind;
        #[cfg(not(feature = "remote"))]
        let _ = (name, means);
        match self {
            Self::Nowhere => Err(BuildError::new(Kind::Undecided, "keys")),
            Self::Fixed(keys) => {
                let algorithms = allowed.unwrap_or_else(|| {
                    let declared = keys.iter().filter_map(Key::algorithm).filter(|algorithm| algorithm.is_symmetric());
                    ASYMMETRIC.into_iter().chain(declared).collect()
                });
                let table = KeyTable::prepare(backend, &keys, &algorithms);
                if table.is_empty() {
                    return Err(BuildError::new(Kind::NoUsableKey, "keys"));
                }
                if table.is_ambiguous() {
                    return Err(BuildError::new(Kind::AmbiguousKeys, "keys"));
                }
                Ok((Arc::new(table), algorithms))
            }
            Self::Source(source) => Ok((source, allowed.unwrap_or_else(|| ASYMMETRIC.to_vec()))),
            #[cfg(feature = "remote")]
            Self::Remote(location, policy) => {
                if !policy.is_valid() {
                    return Err(BuildError::new(Kind::OutOfRange, "refresh"));
                }
                let algorithms = allowed.unwrap_or_else(|| ASYMMETRIC.to_vec());
                // A secret that can be fetched is none: RFC 7517 section 9.2.
                if algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
                    return Err(BuildError::new(Kind::Contradiction, "algorithms"));
                }
                location.check().map_err(|kind| match kind {
                    crate::keys::FetchErrorKind::InsecureUrl => BuildError::new(Kind::InsecureUrl, location.setting()),
                    _ => BuildError::new(Kind::InvalidUrl, location.setting()),
                })?;
                let fetch = means.fetch()?;
                let setup = crate::keys::Setup {
                    // Only an issuer with a name can be remote.
                    issuer: name.cloned().unwrap_or_default(),
                    location,
                    settings: policy,
                    fetch,
                    clock: Arc::clone(&means.clock),
                    observer: Arc::clone(&means.observer),
                    listed: means.listed,
                    quota: means.quota.clone(),
                    backend,
                    algorithms: algorithms.clone(),
                };
                Ok((Arc::new(crate::keys::RemoteKeys::new(setup)), algorithms))
            }
        }
    }
}
