use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claim_rules::{AudienceRule, ClaimRules, TypeRule};
use crate::jose::{Algorithm, Key, KeySet};
use crate::keys::KeySource;

use super::prepare::{Issuer, KeysFrom, Means};
use super::{BuildError, BuildErrorKind};

/// One issuer whose tokens are accepted, and on what conditions: its name, keys, algorithms and audience.
///
/// Issuer, keys and audience must be decided, or [`build`](super::VerifierBuilder::build) fails; what opts out of one
/// carries `dangerous` in its name. What is configured is required: a token that lacks it is refused.
///
/// ```
/// use jwt_core::{Algorithm, TrustedIssuer, keys::Key};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = b"a secret of at least as many bytes as the hash";
/// let issuer = TrustedIssuer::new("https://id.example")
///     .key(Key::from_secret(Algorithm::HS256, secret)?)
///     .audience("https://api.example");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct TrustedIssuer {
    pub(crate) name: Option<Arc<str>>,
    keys: KeysFrom,
    algorithms: Option<Vec<Algorithm>>,
    policy: ClaimRules,
    /// Whether the profile of RFC 9068 was asked for.
    profile: bool,
    /// The first contradiction that a setter met; `build` reports it.
    conflict: Option<BuildError>,
}

impl TrustedIssuer {
    /// Trusts tokens whose `iss` is `issuer`, compared code point by code point, trailing slash included.
    pub fn new(issuer: impl Into<Arc<str>>) -> Self {
        Self::with_keys(Some(issuer.into()), KeysFrom::Nowhere)
    }

    /// Trusts tokens of `issuer`, whose keys are found through its metadata: OpenID Connect Discovery or RFC 8414.
    ///
    /// The metadata's `issuer` must equal `issuer` to the letter. Keys are fetched when they are first needed.
    #[cfg(feature = "remote")]
    pub fn discover(issuer: impl Into<Arc<str>>) -> Self {
        let issuer = issuer.into();
        let location = crate::keys::Location::Discover { issuer: Arc::clone(&issuer), at: None };
        Self::with_keys(Some(issuer), KeysFrom::Remote(location, crate::keys::KeyRefreshSettings::new()))
    }

    /// Trusts tokens of `issuer`, whose JWK Set is at `url`. RFC 7517 section 5.
    #[cfg(feature = "remote")]
    pub fn jwks(issuer: impl Into<Arc<str>>, url: impl Into<Arc<str>>) -> Self {
        let location = crate::keys::Location::JwkSet { url: url.into() };
        Self::with_keys(Some(issuer.into()), KeysFrom::Remote(location, crate::keys::KeyRefreshSettings::new()))
    }

    /// Asks for the metadata at `url` instead of at the issuer's name; for [`discover`](Self::discover) alone.
    ///
    /// For clusters in which the issuer answers at an inner address. What the metadata says, and what tokens say, is still
    /// compared with the issuer's name. Default: the issuer's name.
    #[cfg(feature = "remote")]
    pub fn metadata_url(mut self, url: impl Into<Arc<str>>) -> Self {
        match &mut self.keys {
            KeysFrom::Remote(crate::keys::Location::Discover { at, .. }, _) => *at = Some(url.into()),
            _ => self.contradict("metadata_url"),
        }
        self
    }

    /// Sets how long fetched keys are used, and what fetching them may take; for [`discover`](Self::discover) and
    /// [`jwks`](Self::jwks) alone. Default: [`KeyRefreshSettings::new`](crate::keys::KeyRefreshSettings::new).
    #[cfg(feature = "remote")]
    pub fn refresh(mut self, policy: crate::keys::KeyRefreshSettings) -> Self {
        match &mut self.keys {
            KeysFrom::Remote(_, current) => *current = policy,
            _ => self.contradict("refresh"),
        }
        self
    }

    /// Trusts tokens whatever their `iss`, even without one. It must be the verifier's only issuer.
    ///
    /// Meant for applications that sign their own tokens and never wrote an `iss` into them. Rather write one: whoever
    /// shares the key, for whatever purpose, can otherwise speak for anyone.
    pub fn dangerous_any_issuer() -> Self {
        Self::with_keys(None, KeysFrom::Nowhere)
    }

    fn with_keys(name: Option<Arc<str>>, keys: KeysFrom) -> Self {
        Self { name, keys, algorithms: None, policy: ClaimRules::default(), profile: false, conflict: None }
    }

    /// Adds a key. Default: none. Several must be told apart by their `kid`.
    pub fn key(self, key: Key) -> Self {
        self.add_keys("key", [key])
    }

    /// Adds the keys of a set. Default: none.
    pub fn keys(self, keys: &KeySet) -> Self {
        self.add_keys("keys", keys.keys().iter().cloned())
    }

    /// Asks `source` for keys. Default: the keys that were added.
    pub fn key_source(mut self, source: Arc<dyn KeySource>) -> Self {
        if !matches!(self.keys, KeysFrom::Nowhere) {
            self.contradict("key_source");
        }
        self.keys = KeysFrom::Source(source);
        self
    }

    fn add_keys(mut self, setting: &'static str, keys: impl IntoIterator<Item = Key>) -> Self {
        match &mut self.keys {
            KeysFrom::Nowhere => self.keys = KeysFrom::Fixed(keys.into_iter().collect()),
            KeysFrom::Fixed(fixed) => fixed.extend(keys),
            KeysFrom::Source(_) => self.contradict(setting),
            #[cfg(feature = "remote")]
            KeysFrom::Remote(..) => self.contradict(setting),
        }
        self
    }

    fn contradict(&mut self, setting: &'static str) {
        self.conflict.get_or_insert(BuildError::new(BuildErrorKind::Contradiction, setting));
    }

    /// Allows these algorithms and no others. Default: those the keys are declared for and, for keys that name none,
    /// every algorithm with a public key.
    ///
    /// An RSA key that names no algorithm is used with the first RSA algorithm of the list, so that each key serves
    /// exactly one (RFC 8725 section 3.1). Keys that fit none of the list are left out. Keys that are fetched are never
    /// used with `HS256`, `HS384` or `HS512`.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Accepts tokens for this audience: `aud` must hold the name, compared whole. Called again, any of the names will
    /// do. RFC 8725 section 3.9.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        match &mut self.policy.audience {
            AudienceRule::AnyOf(names) => names.push(name.into()),
            AudienceRule::Undecided => self.policy.audience = AudienceRule::AnyOf(vec![name.into()]),
            AudienceRule::AllOf(_) | AudienceRule::Unchecked => self.contradict("audience"),
        }
        self
    }

    /// Accepts tokens whose `aud` holds every one of the names.
    pub fn all_audiences<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        if self.policy.audience != AudienceRule::Undecided {
            self.contradict("all_audiences");
        }
        self.policy.audience = AudienceRule::AllOf(names.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts tokens for whatever audience, even none.
    ///
    /// A token that the issuer made for another service, and that this other service therefore holds, is then good here
    /// too. Rather have the issuer write an audience, and name it with [`audience`](Self::audience).
    pub fn dangerous_any_audience(mut self) -> Self {
        if self.policy.audience != AudienceRule::Undecided {
            self.contradict("dangerous_any_audience");
        }
        self.policy.audience = AudienceRule::Unchecked;
        self
    }

    /// Reads the audience from this claim instead of `aud`, for issuers whose tokens have none. Default: `aud`.
    pub fn audience_claim(mut self, name: impl Into<Arc<str>>) -> Self {
        self.policy.audience_claim = Some(name.into());
        self
    }

    /// Accepts tokens in which this claim is this text, compared whole. Default: no such claim. Called again, all must
    /// hold.
    pub fn claim(mut self, name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        self.policy.fixed.push((name.into(), text.into()));
        self
    }

    /// Accepts access tokens of RFC 9068 and nothing else: `typ` must be `at+jwt`, and `iss`, `exp`, `aud`, `sub`,
    /// `client_id`, `iat` and `jti` must be there. Default: off.
    ///
    /// It keeps ID tokens and other tokens of the same issuer out. Building fails where issuer or audience are not
    /// checked.
    pub fn access_token_profile(mut self) -> Self {
        if self.policy.types != TypeRule::Default {
            self.contradict("access_token_profile");
        }
        self.policy.types = TypeRule::access_token();
        self.profile = true;
        self.require_claims(["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
    }

    /// Accepts these values of the header's `typ` and no others, nor its absence; compared as media types. Default:
    /// `JWT`, `at+jwt` and its absence. RFC 8725 section 3.11.
    pub fn token_types<N: Into<String>>(mut self, types: impl IntoIterator<Item = N>) -> Self {
        if self.profile {
            self.contradict("token_types");
        }
        self.policy.types = TypeRule::Only(types.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts logout tokens and nothing else. OpenID Connect Back-Channel Logout 1.0 section 2.4.
    pub(crate) fn logout_tokens(mut self) -> Self {
        let unchecked = self.name.is_none() || self.policy.audience == AudienceRule::Unchecked;
        if unchecked || self.policy.types != TypeRule::Default || !self.policy.expiry_required {
            self.contradict("back_channel_logout");
        }
        self.policy.types = TypeRule::Logout;
        self.require_claims(["iat", "jti"])
    }

    /// Requires these claims to be there, neither `null` nor empty text. Default: `exp`, and what other settings need.
    pub fn require_claims<N: Into<Arc<str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.policy.required.extend(names.into_iter().map(Into::into));
        self
    }

    /// Accepts tokens of this subject alone: `sub`, compared whole. Default: of every subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.policy.subject = Some(subject.into());
        self
    }

    /// Refuses tokens issued longer ago than this, by their `iat`, which is then required. Default: no limit.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.policy.max_age = Some(age);
        self
    }

    /// Refuses tokens that are valid for longer than this, from `iat` to `exp`, which are then required. Default: no
    /// limit.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.policy.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens without `exp`. Default: refused.
    ///
    /// Such a token is good until its key is withdrawn, whoever holds it. Rather issue short-lived tokens.
    pub fn dangerous_without_expiry(mut self) -> Self {
        self.policy.expiry_required = false;
        self
    }

    pub(crate) fn prepare(mut self, means: &Means) -> Result<Issuer, BuildError> {
        use BuildErrorKind as Kind;
        if let Some(conflict) = &self.conflict {
            return Err(conflict.clone());
        }
        if let (AudienceRule::Undecided, Some(audience)) = (&self.policy.audience, &means.audience) {
            self.policy.audience = AudienceRule::AnyOf(vec![audience.clone()]);
        }
        if self.name.as_deref() == Some("") {
            return Err(BuildError::new(Kind::Empty, "issuer"));
        }
        self.check_policy()?;
        let backend = means.backend.ok_or(BuildError::new(Kind::NoBackend, "crypto"))?;
        if let Some(algorithms) = &self.algorithms {
            if algorithms.is_empty() {
                return Err(BuildError::new(Kind::Empty, "algorithms"));
            }
            if !algorithms.iter().all(|&algorithm| backend.supports(algorithm)) {
                return Err(BuildError::new(Kind::UnsupportedAlgorithm, "algorithms"));
            }
        }
        let (keys, algorithms) = self.keys.prepare(self.name.as_ref(), self.algorithms, backend, means)?;
        Ok(Issuer {
            name: self.name,
            keys,
            algorithms,
            policy: self.policy,
            #[cfg(feature = "remote")]
            tenancy: None,
        })
    }

    /// Whether the other would be prepared to the same issuer.
    #[cfg(feature = "remote")]
    pub(super) fn has_same_settings(&self, other: &Self) -> bool {
        let Self { name, keys, algorithms, policy, profile, conflict } = self;
        keys.is_same(&other.keys)
            && (name, algorithms, policy) == (&other.name, &other.algorithms, &other.policy)
            && (profile, conflict) == (&other.profile, &other.conflict)
    }

    fn check_policy(&self) -> Result<(), BuildError> {
        use BuildErrorKind as Kind;
        let policy = &self.policy;
        match &policy.audience {
            AudienceRule::Undecided => return Err(BuildError::new(Kind::Undecided, "audience")),
            AudienceRule::AnyOf(names) | AudienceRule::AllOf(names)
                if names.is_empty() || names.contains(&String::new()) =>
            {
                return Err(BuildError::new(Kind::Empty, "audience"));
            }
            _ => {}
        }
        // RFC 9068 section 4: both are checked, always.
        let unchecked = self.name.is_none() || policy.audience == AudienceRule::Unchecked || !policy.expiry_required;
        if self.profile && (unchecked || policy.audience_claim.is_some()) {
            return Err(BuildError::new(Kind::Contradiction, "access_token_profile"));
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

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer")
            .field("name", &self.name)
            .field("algorithms", &self.algorithms)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
