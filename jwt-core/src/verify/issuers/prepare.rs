//! Checks an issuer's settings and prepares its keys.

use std::sync::Arc;

use crate::claim_rules::{AudienceRule, TypeRule};
use crate::clock::Clock;
use crate::crypto::Backend;
use crate::error::{BuildError, BuildErrorKind as Kind};
use crate::jose::{Algorithm, Key};
use crate::keys::{IgnoredKey, KeyRefreshSettings, KeySource, KeyTable, Location, is_metadata_url};

use super::expected::Expected;
use super::issuer::Issuer;
use super::trust_domain::TrustDomain;
use super::trusted_issuer::{KeysFrom, TrustedIssuer};

/// The verifier's settings that every issuer needs.
#[derive(Clone)]
pub(crate) struct PrepareContext {
    pub(crate) backend: Option<Backend>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The audience of issuers without one: the protected resources.
    pub(crate) resources: Vec<String>,
    /// Whether the verifier checks DPoP proofs.
    pub(crate) dpop: bool,
    /// Whether the verifier's settings fit FAPI 2.0.
    pub(crate) fits_fapi2: Result<(), BuildError>,
    #[cfg(feature = "remote")]
    pub(crate) observer: crate::observe::OptionalObserver,
    /// Whether the builder was given the issuer; otherwise a resolver found it.
    #[cfg(feature = "remote")]
    pub(crate) listed: bool,
    /// The application's own client.
    #[cfg(feature = "remote")]
    pub(crate) fetch: Option<Arc<dyn crate::keys::Fetch>>,
    /// The client that is used otherwise, created when the first issuer needs it.
    #[cfg(feature = "jwks")]
    pub(crate) default_fetch: Arc<std::sync::OnceLock<Arc<dyn crate::keys::Fetch>>>,
    /// The hosts that documents may be fetched from. Any host if unset.
    #[cfg(feature = "remote")]
    pub(crate) hosts: Option<crate::keys::HostFilter>,
    /// Limits the key fetches of an issuer that a resolver found.
    #[cfg(feature = "remote")]
    pub(crate) quota: Option<Arc<crate::keys::Quota>>,
}

#[cfg(feature = "remote")]
impl PrepareContext {
    /// Returns the client that fetches documents, restricted to the allowed hosts.
    fn client(&self) -> Result<Arc<dyn crate::keys::Fetch>, BuildError> {
        let fetch = self.unfiltered_client()?;
        Ok(match &self.hosts {
            Some(hosts) => Arc::new(crate::keys::FilteredFetch { fetch, hosts: Arc::clone(hosts) }),
            None => fetch,
        })
    }

    fn unfiltered_client(&self) -> Result<Arc<dyn crate::keys::Fetch>, BuildError> {
        if let Some(fetch) = &self.fetch {
            return Ok(Arc::clone(fetch));
        }
        let missing = BuildError::new(Kind::NoFetch, "fetch");
        #[cfg(feature = "jwks")]
        {
            if let Some(fetch) = self.default_fetch.get() {
                return Ok(Arc::clone(fetch));
            }
            let created: Arc<dyn crate::keys::Fetch> = Arc::new(crate::keys::HttpFetch::new().map_err(|_| missing)?);
            Ok(Arc::clone(self.default_fetch.get_or_init(|| created)))
        }
        #[cfg(not(feature = "jwks"))]
        Err(missing)
    }
}

/// The algorithms that are allowed by default: every one with a public key. A key that names no algorithm is used with the
/// first one that fits it.
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

/// The algorithms of JWT-SVIDs. JWT-SVID section 2.1.
const SPIFFE: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::PS256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS384,
    Algorithm::PS512,
];

const PADDED: &str = ": it begins or ends with white space, perhaps the line break of a file or a variable";

/// Returns whether a name has white space around it. No token has such a name.
fn is_padded(name: &str) -> bool {
    name.trim() != name
}

/// The algorithms of FAPI 2.0. FAPI 2.0 Security Profile section 5.4.1.
pub(super) const FAPI2: [Algorithm; 3] = [Algorithm::PS256, Algorithm::ES256, Algorithm::Ed25519];

impl TrustedIssuer {
    pub(crate) fn prepare(mut self, context: &PrepareContext) -> Result<Issuer, BuildError> {
        if let Some(conflict) = &self.conflict {
            return Err(conflict.clone());
        }
        if self.policy.audience == AudienceRule::Undecided && !context.resources.is_empty() {
            self.policy.audience = AudienceRule::AnyOf(context.resources.clone());
            self.policy.names_resources = true;
        }
        if matches!(self.name.as_deref(), Some("" | "spiffe://")) {
            let setting = self.domain.as_ref().map_or("issuer", TrustDomain::setting);
            return Err(BuildError::new(Kind::Empty, setting));
        }
        if let Some(name) = &self.name {
            if is_padded(name) {
                return Err(BuildError::new(Kind::IllegalCharacters, "issuer").hint(PADDED));
            }
            if is_metadata_url(name) {
                return Err(BuildError::new(Kind::InvalidUrl, "issuer").because(
                    "is the address of the issuer's metadata; write the part before `/.well-known/`, as the metadata has \
                     it in `issuer`",
                ));
            }
        }
        self.check_policy()?;
        self.check_domain(context)?;
        self.check_sender(context)?;
        let backend = context.backend.ok_or(BuildError::new(Kind::NoBackend, "crypto"))?;
        if let Some(algorithms) = &self.algorithms {
            if algorithms.is_empty() {
                return Err(BuildError::new(Kind::Empty, "algorithms"));
            }
            if !algorithms.iter().all(|&algorithm| backend.supports(algorithm)) {
                return Err(BuildError::new(Kind::UnsupportedAlgorithm, "algorithms"));
            }
        }
        let spiffe = self.domain.as_ref().is_some_and(TrustDomain::is_spiffe);
        let allowed = self.algorithms.or_else(|| spiffe.then(|| SPIFFE.to_vec()));
        let allowed = allowed.or_else(|| self.fapi2.then(|| FAPI2.to_vec()));
        let keys = KeySettings { allowed, ignored: self.ignored, in_turn: self.in_turn, spiffe, backend };
        let keys_are_fixed = matches!(self.keys, KeysFrom::Fixed(_));
        let (keys, algorithms) = self.keys.prepare(self.name.as_ref(), keys, context)?;
        Ok(Issuer {
            expected: Expected::of(&self.policy, &algorithms),
            name: self.name,
            domain: self.domain,
            keys,
            keys_are_fixed,
            algorithms,
            policy: self.policy,
            #[cfg(feature = "remote")]
            tenancy: None,
        })
    }

    /// Checks that the settings of a trust domain keep what makes its tokens recognizable.
    fn check_domain(&self, context: &PrepareContext) -> Result<(), BuildError> {
        if self.is_shared() && !self.names_an_owner() {
            return Err(BuildError::new(Kind::Undecided, "github_actions").hint(
                ": every workflow on GitHub can get a token for your audience, so pin `repository_id` or \
                 `repository_owner_id` with `TrustedIssuer::claim`, or the subject",
            ));
        }
        let Some(domain) = &self.domain else { return Ok(()) };
        if !domain.is_valid() {
            return Err(BuildError::new(Kind::IllegalCharacters, domain.setting()));
        }
        // A resolver finds issuers by `iss`.
        #[cfg(feature = "remote")]
        let listed = context.listed;
        #[cfg(not(feature = "remote"))]
        let (listed, _) = (true, context);
        let policy = &self.policy;
        let unchecked = policy.audience == AudienceRule::Unchecked || policy.audience_claim.is_some();
        if !listed || unchecked || !policy.expiry_required || policy.types != domain.types() {
            return Err(BuildError::new(Kind::Contradiction, domain.setting()).hint(
                ": audience, `exp` and `typ` of these tokens are always checked, and a resolver can't find them",
            ));
        }
        Ok(())
    }

    fn check_policy(&self) -> Result<(), BuildError> {
        let policy = &self.policy;
        match &policy.audience {
            AudienceRule::Undecided => {
                return Err(BuildError::new(Kind::Undecided, "audience").hint(
                    ": call `audience`, `audiences`, `all_audiences` or `dangerous_any_audience` of \
                     `TrustedIssuer`, or `VerifierBuilder::resource`",
                ));
            }
            AudienceRule::AnyOf(names) | AudienceRule::AllOf(names)
                if names.is_empty() || names.contains(&String::new()) =>
            {
                return Err(BuildError::new(Kind::Empty, "audience"));
            }
            AudienceRule::AnyOf(names) | AudienceRule::AllOf(names) if names.iter().any(|name| is_padded(name)) => {
                return Err(BuildError::new(Kind::IllegalCharacters, "audience").hint(PADDED));
            }
            _ => {}
        }
        // RFC 9068 section 4: issuer and audience are always checked.
        let unchecked = self.name.is_none() || policy.audience == AudienceRule::Unchecked || !policy.expiry_required;
        if self.profile && (unchecked || policy.audience_claim.is_some()) {
            return Err(BuildError::new(Kind::Contradiction, "access_token_profile"));
        }
        if policy.type_optional && (self.profile || !matches!(policy.types, TypeRule::Only(_))) {
            return Err(BuildError::new(Kind::Contradiction, "allow_missing_type"));
        }
        if let TypeRule::Only(types) = &policy.types
            && (types.is_empty() || types.contains(&String::new()))
        {
            return Err(BuildError::new(Kind::Empty, "token_types"));
        }
        if policy.subject.as_deref() == Some("") {
            return Err(BuildError::new(Kind::Empty, "subject"));
        }
        if policy.audience_claim.as_deref() == Some("") {
            return Err(BuildError::new(Kind::Empty, "audience_claim"));
        }
        if policy.fixed.iter().any(|(name, _)| name.is_empty()) {
            return Err(BuildError::new(Kind::Empty, "claim"));
        }
        if policy.required.iter().any(|name| name.is_empty()) {
            return Err(BuildError::new(Kind::Empty, "require_claims"));
        }
        for (limit, setting) in [(policy.max_age, "max_age"), (policy.max_lifetime, "max_lifetime")] {
            if limit.is_some_and(|limit| limit.is_zero()) {
                return Err(BuildError::new(Kind::OutOfRange, setting));
            }
        }
        Ok(())
    }
}

/// An issuer's keys, ready for use, and the algorithms that they are used with.
type PreparedKeys = (Arc<dyn KeySource>, Vec<Algorithm>);

/// How an issuer's keys are used.
struct KeySettings {
    allowed: Option<Vec<Algorithm>>,
    ignored: Option<IgnoredKey>,
    in_turn: bool,
    /// Whether only keys for JWT-SVIDs are used.
    spiffe: bool,
    backend: Backend,
}

impl KeysFrom {
    fn prepare(
        self,
        name: Option<&Arc<str>>,
        keys: KeySettings,
        context: &PrepareContext,
    ) -> Result<PreparedKeys, BuildError> {
        let KeySettings { allowed, mut ignored, in_turn, spiffe, backend } = keys;
        match self {
            Self::Nowhere => Err(BuildError::new(Kind::Undecided, "keys").hint(
                ": call `key`, `keys`, `jwks_url` or `key_source` of `TrustedIssuer`, or create it with `discover` or `jwks`",
            )),
            Self::Fixed(keys) => {
                let algorithms = allowed.unwrap_or_else(|| {
                    let declared = keys.iter().filter_map(Key::algorithm).filter(|algorithm| algorithm.is_symmetric());
                    ASYMMETRIC.into_iter().chain(declared).collect()
                });
                let mut table = KeyTable::prepare_and_report(backend, &keys, &algorithms, |index, error| {
                    ignored.get_or_insert(IgnoredKey::new(index, error));
                });
                if in_turn {
                    table = table.in_turn();
                }
                if table.is_empty() {
                    return Err(BuildError::new(Kind::NoUsableKey, "keys").because_of(ignored));
                }
                if table.is_ambiguous() {
                    let error = BuildError::new(Kind::AmbiguousKeys, if in_turn { "try_keys_in_turn" } else { "keys" });
                    return Err(match in_turn {
                        true => error.hint(" (at most four are tried in turn)"),
                        false => error.hint(", or call `TrustedIssuer::try_keys_in_turn` for the time of a rotation"),
                    });
                }
                Ok((Arc::new(table), algorithms))
            }
            // A source decides itself which keys it returns.
            Self::Source(_) if in_turn => Err(BuildError::new(Kind::Contradiction, "try_keys_in_turn")),
            Self::Source(source) => Ok((source, allowed.unwrap_or_else(|| ASYMMETRIC.to_vec()))),
            Self::Remote(location, settings) => {
                if !settings.is_valid() {
                    return Err(BuildError::new(Kind::OutOfRange, "key_refresh"));
                }
                let algorithms = allowed.unwrap_or_else(|| ASYMMETRIC.to_vec());
                // RFC 7517 section 9.2: a secret that can be fetched isn't a secret.
                if algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
                    return Err(BuildError::new(Kind::Contradiction, "algorithms"));
                }
                let keys = KeySettings { allowed: Some(algorithms), ignored: None, in_turn, spiffe, backend };
                remote_keys(location, settings, name, keys, context)
            }
        }
    }
}

#[cfg(feature = "remote")]
fn remote_keys(
    location: Location,
    settings: KeyRefreshSettings,
    name: Option<&Arc<str>>,
    keys: KeySettings,
    context: &PrepareContext,
) -> Result<PreparedKeys, BuildError> {
    use crate::keys::{FetchErrorKind, RemoteKeys, Setup};
    if !settings.http_hosts.iter().all(|host| crate::keys::is_host(host)) {
        return Err(BuildError::new(Kind::InvalidUrl, "dangerous_http_hosts"));
    }
    // A resolver prepares its issuers again and again.
    if context.listed && !settings.http_hosts.is_empty() {
        tracing::warn!(
            issuer = name.map(AsRef::as_ref),
            hosts = ?settings.http_hosts,
            "keys may be fetched over plain http: anyone on the way to these hosts can replace them"
        );
    }
    location.check(&settings.http_hosts).map_err(|(kind, problem)| {
        let kind = if kind == FetchErrorKind::InsecureUrl { Kind::InsecureUrl } else { Kind::InvalidUrl };
        BuildError::new(kind, location.setting()).because(problem)
    })?;
    let fetch = context.client()?;
    let KeySettings { allowed, in_turn, spiffe, backend, .. } = keys;
    let algorithms = allowed.unwrap_or_default();
    let setup = Setup {
        // Only an issuer with a name can have remote keys.
        issuer: name.cloned().unwrap_or_default(),
        location,
        settings,
        fetch,
        clock: Arc::clone(&context.clock),
        observer: context.observer.clone(),
        listed: context.listed,
        quota: context.quota.clone(),
        backend,
        algorithms: algorithms.clone(),
        in_turn,
        spiffe,
    };
    Ok((Arc::new(RemoteKeys::new(setup)), algorithms))
}

#[cfg(not(feature = "remote"))]
#[expect(clippy::needless_pass_by_value, reason = "as with the feature")]
fn remote_keys(
    location: Location,
    _: KeyRefreshSettings,
    _: Option<&Arc<str>>,
    _: KeySettings,
    _: &PrepareContext,
) -> Result<PreparedKeys, BuildError> {
    Err(BuildError::new(Kind::NoFetch, location.setting()))
}
