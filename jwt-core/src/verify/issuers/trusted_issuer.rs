use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claim_rules::{AudienceRule, ClaimRules, SenderRules, TypeRule};
use crate::clock::Clock;
use crate::error::{BuildError, BuildErrorKind};
use crate::jose::{Algorithm, Key, KeySet};
use crate::keys::{IgnoredKey, KeyRefreshSettings, KeySource, Location};

use super::trust_domain::TrustDomain;

/// An issuer whose tokens a verifier accepts, and the conditions: its keys, algorithms, audience and claims.
///
/// You must decide on keys and an audience, or [`VerifierBuilder::build`](crate::VerifierBuilder::build) fails. Methods that
/// turn a check off have `dangerous` in their names. Every setting is a requirement: a token that lacks it is refused.
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
    pub(super) keys: KeysFrom,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) policy: ClaimRules,
    /// The domain that its tokens name instead of an `iss`.
    pub(super) domain: Option<TrustDomain>,
    /// The first key of a set that was set aside when the set was read.
    pub(super) ignored: Option<IgnoredKey>,
    /// Whether keys that cannot be told apart are tried in turn.
    pub(super) in_turn: bool,
    /// Whether `access_token_profile` was called.
    pub(super) profile: bool,
    /// Whether `fapi2` was called.
    pub(crate) fapi2: bool,
    /// The clock that its tokens are issued by, if it's in this process.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// The first contradiction between settings; `build` reports it.
    pub(super) conflict: Option<BuildError>,
}

/// Where an issuer's keys come from.
#[derive(Clone)]
pub(super) enum KeysFrom {
    Nowhere,
    Fixed(Vec<Key>),
    Source(Arc<dyn KeySource>),
    Remote(Location, KeyRefreshSettings),
}

impl TrustedIssuer {
    /// Trusts tokens whose `iss` equals `issuer`, compared code point by code point. A trailing slash counts.
    ///
    /// Add its keys with [`key`](Self::key), [`keys`](Self::keys) or [`key_source`](Self::key_source). If the issuer publishes
    /// its keys, use [`discover`](Self::discover) or [`jwks`](Self::jwks) instead.
    pub fn new(issuer: impl Into<Arc<str>>) -> Self {
        Self::with_keys(Some(issuer.into()), KeysFrom::Nowhere)
    }

    /// Trusts tokens of `issuer` and finds its keys through its metadata: OpenID Connect Discovery or RFC 8414.
    ///
    /// `issuer` is an `https` URL, and the metadata's `issuer` must equal it exactly. Keys are fetched when they are first
    /// needed. This takes the feature `jwks`, or `remote` and a [`Fetch`](crate::keys) of your own; without them, building the
    /// verifier fails.
    pub fn discover(issuer: impl Into<Arc<str>>) -> Self {
        let issuer = issuer.into();
        let location = Location::Discover { issuer: Arc::clone(&issuer), at: None };
        Self::with_keys(Some(issuer), KeysFrom::Remote(location, KeyRefreshSettings::new()))
    }

    /// Trusts tokens of `issuer` and fetches its keys from the JWK Set at `url`. RFC 7517 section 5.
    ///
    /// Keys are fetched when they are first needed. This takes the feature `jwks`, or `remote` and a [`Fetch`](crate::keys) of
    /// your own; without them, building the verifier fails.
    pub fn jwks(issuer: impl Into<Arc<str>>, url: impl Into<Arc<str>>) -> Self {
        let location = Location::JwkSet { url: url.into() };
        Self::with_keys(Some(issuer.into()), KeysFrom::Remote(location, KeyRefreshSettings::new()))
    }

    /// Reads the metadata from `url` instead of the issuer's own URL. Only for [`discover`](Self::discover). Default: the
    /// issuer's URL.
    ///
    /// The well-known paths are added to `url`, unless it has `/.well-known/` in it: then it's the address of the document.
    ///
    /// Use it in a cluster in which the issuer has an internal address. The metadata and the tokens must still name the
    /// issuer.
    pub fn metadata_url(mut self, url: impl Into<Arc<str>>) -> Self {
        match &mut self.keys {
            KeysFrom::Remote(Location::Discover { at, .. }, _) => *at = Some(url.into()),
            _ => self.contradict("metadata_url"),
        }
        self
    }

    /// Sets how long fetched keys are used, and the limits of a fetch. Only for [`discover`](Self::discover) and
    /// [`jwks`](Self::jwks). Default: [`KeyRefreshSettings::new`].
    pub fn key_refresh(mut self, mut settings: KeyRefreshSettings) -> Self {
        match &mut self.keys {
            KeysFrom::Remote(_, current) => {
                settings.http_hosts = std::mem::take(&mut current.http_hosts);
                *current = settings;
            }
            _ => self.contradict("key_refresh"),
        }
        self
    }

    /// Also fetches metadata and keys over plain `http` from these hosts: names or addresses without a port. Only for
    /// [`discover`](Self::discover) and [`jwks`](Self::jwks). Default: only from this machine. RFC 8414 section 2.
    ///
    /// Anyone who can change traffic on the way can then replace the keys, and so sign tokens for every user. Use it for
    /// networks that only your own services are in, such as that of a docker compose file, and put TLS in front of the issuer
    /// everywhere else. Building the verifier logs a warning that names the hosts.
    ///
    /// ```
    /// use jwt_core::TrustedIssuer;
    ///
    /// // Tokens name the public address; the keys come from the container.
    /// let issuer = TrustedIssuer::discover("https://id.example/realms/shop")
    ///     .metadata_url("http://keycloak:8080/realms/shop")
    ///     .dangerous_http_hosts(["keycloak"])
    ///     .audience("https://api.example");
    /// ```
    pub fn dangerous_http_hosts<N: Into<String>>(mut self, hosts: impl IntoIterator<Item = N>) -> Self {
        match &mut self.keys {
            KeysFrom::Remote(_, settings) => settings.http_hosts.extend(hosts.into_iter().map(Into::into)),
            _ => self.contradict("dangerous_http_hosts"),
        }
        self
    }

    /// Trusts tokens with any `iss`, or without one. It must be the verifier's only issuer.
    ///
    /// Anyone who has the key, for any purpose, can then issue tokens for any user. It's meant for applications that
    /// sign their own tokens without an `iss`; write an `iss` and use [`new`](Self::new) if you can.
    pub fn dangerous_any_issuer() -> Self {
        Self::with_keys(None, KeysFrom::Nowhere)
    }

    pub(super) fn with_keys(name: Option<Arc<str>>, keys: KeysFrom) -> Self {
        let policy = ClaimRules::default();
        Self {
            name,
            keys,
            algorithms: None,
            policy,
            domain: None,
            ignored: None,
            in_turn: false,
            profile: false,
            fapi2: false,
            clock: None,
            conflict: None,
        }
    }

    /// Lets verifiers use this clock, unless they are given another one.
    #[cfg(any(feature = "issue", feature = "testing"))]
    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Adds a key. Several keys need a `kid` each to tell them apart, unless [`try_keys_in_turn`](Self::try_keys_in_turn) is
    /// chosen. Default: no keys.
    pub fn key(self, key: Key) -> Self {
        self.add_keys("key", [key])
    }

    /// Adds the keys of a set. Default: no keys.
    pub fn keys(mut self, keys: &KeySet) -> Self {
        self.ignored = self.ignored.or_else(|| keys.ignored_keys().first().cloned());
        self.add_keys("keys", keys.keys().iter().cloned())
    }

    /// Gets the keys from `source`, instead of [`key`](Self::key) and [`keys`](Self::keys). Default: no source.
    ///
    /// To share a source between verifiers, or between the answers of an `IssuerResolver`, pass a clone of an
    /// `Arc<dyn KeySource>`.
    pub fn key_source(mut self, source: impl KeySource + 'static) -> Self {
        if !matches!(self.keys, KeysFrom::Nowhere) {
            self.contradict("key_source");
        }
        // An `Arc` isn't wrapped in another: its address tells whether two issuers have the same source.
        let shared = (&source as &dyn Any).downcast_ref::<Arc<dyn KeySource>>().map(Arc::clone);
        self.keys = KeysFrom::Source(shared.unwrap_or_else(|| Arc::new(source)));
        self
    }

    /// Tries up to four keys in turn if a token does not say which of them it means. Default: such tokens are refused, and keys
    /// that no token can tell apart are a build error.
    ///
    /// Use it while you replace a secret, or another key without a `kid`, and turn it off when the last token of the old key has
    /// expired. Fetched keys are tried in turn too. A token with a `kid` is still verified only with the keys of that name.
    /// If more than four keys fit, none of them is tried.
    ///
    /// A forged token costs up to four verifications instead of one. An accepted token is cached as usual.
    ///
    /// ```
    /// use jwt_core::{Algorithm, TrustedIssuer, keys::Key};
    ///
    /// # let (new, old) = ([1; 32], [2; 32]);
    /// let issuer = TrustedIssuer::new("https://id.example")
    ///     .key(Key::from_secret(Algorithm::HS256, new)?)
    ///     .key(Key::from_secret(Algorithm::HS256, old)?)
    ///     .try_keys_in_turn()
    ///     .audience("https://api.example");
    /// # Ok::<(), jwt_core::keys::KeyError>(())
    /// ```
    pub const fn try_keys_in_turn(mut self) -> Self {
        self.in_turn = true;
        self
    }

    fn add_keys(mut self, setting: &'static str, keys: impl IntoIterator<Item = Key>) -> Self {
        match &mut self.keys {
            KeysFrom::Nowhere => self.keys = KeysFrom::Fixed(keys.into_iter().collect()),
            KeysFrom::Fixed(fixed) => fixed.extend(keys),
            KeysFrom::Source(_) | KeysFrom::Remote(..) => self.contradict(setting),
        }
        self
    }

    pub(super) fn contradict(&mut self, setting: &'static str) {
        self.conflict.get_or_insert(BuildError::new(BuildErrorKind::Contradiction, setting));
    }

    /// Allows only these algorithms. Default: the ones that the keys declare, and every algorithm with a public
    /// key for keys that declare no algorithm.
    ///
    /// An RSA key that declares no algorithm is used with the first RSA algorithm of the list, because a key must serve only
    /// one (RFC 8725 section 3.1). Keys that fit no algorithm of the list are left out. Fetched keys are never used with
    /// `HS256`, `HS384` or `HS512`.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Accepts tokens for this audience: `aud` must contain exactly this name. RFC 8725 section 3.9.
    ///
    /// Call it again, or use [`audiences`](Self::audiences), to accept tokens for any of several names. It's usually the URL of
    /// your API.
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.add_audiences("audience", [name.into()])
    }

    /// Accepts tokens for any of these audiences: `aud` must contain at least one of the names.
    pub fn audiences<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.add_audiences("audiences", names.into_iter().map(Into::into))
    }

    fn add_audiences(mut self, setting: &'static str, added: impl IntoIterator<Item = String>) -> Self {
        match &mut self.policy.audience {
            AudienceRule::AnyOf(names) => names.extend(added),
            AudienceRule::Undecided => self.policy.audience = AudienceRule::AnyOf(added.into_iter().collect()),
            AudienceRule::AllOf(_) | AudienceRule::Unchecked => self.contradict(setting),
        }
        self
    }

    /// Accepts tokens whose `aud` contains every one of these names.
    pub fn all_audiences<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        if self.policy.audience != AudienceRule::Undecided {
            self.contradict("all_audiences");
        }
        self.policy.audience = AudienceRule::AllOf(names.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts tokens for any audience, or without one.
    ///
    /// A token that the issuer made for another service is then good here too, so that service can act as its users here. Have
    /// the issuer write an audience, and name it with [`audience`](Self::audience).
    pub fn dangerous_any_audience(mut self) -> Self {
        if self.policy.audience != AudienceRule::Undecided {
            self.contradict("dangerous_any_audience");
        }
        self.policy.audience = AudienceRule::Unchecked;
        self
    }

    /// Reads the audience from this claim, for issuers whose tokens have no `aud`. Default: `aud`.
    ///
    /// If a token has `aud` as well, that must also name one of the audiences (RFC 7519 section 4.1.3).
    pub fn audience_claim(mut self, name: impl Into<Arc<str>>) -> Self {
        self.policy.audience_claim = Some(name.into());
        self
    }

    /// Accepts only tokens in which this claim is exactly this string. Called again, every one of the claims must match.
    /// Default: no such claim.
    pub fn claim(mut self, name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        self.policy.fixed.push((name.into(), text.into()));
        self
    }

    /// Accepts only access tokens of RFC 9068: `typ` must be `at+jwt`, and `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and
    /// `jti` are required. Default: off.
    ///
    /// It keeps out ID tokens and other tokens of the same issuer. Building fails if the issuer or the audience isn't checked.
    pub fn access_token_profile(mut self) -> Self {
        if self.policy.types != TypeRule::Default {
            self.contradict("access_token_profile");
        }
        self.policy.types = TypeRule::access_token();
        self.profile = true;
        self.require_claims(["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
    }

    /// Accepts only these values of the header's `typ`, compared as media types; a token without `typ` is refused unless you
    /// also call [`allow_missing_type`](Self::allow_missing_type). Default: `JWT`, `at+jwt`, or no `typ`. RFC 8725 section 3.11.
    pub fn token_types<N: Into<String>>(mut self, types: impl IntoIterator<Item = N>) -> Self {
        if self.profile {
            self.contradict("token_types");
        }
        self.policy.types = TypeRule::Only(types.into_iter().map(Into::into).collect());
        self
    }

    /// Also accepts tokens without `typ` if [`token_types`](Self::token_types) is set. Default: `typ` must then be present.
    ///
    /// Use it for issuers that leave `typ` out of some tokens. It cannot be combined with
    /// [`access_token_profile`](Self::access_token_profile), which needs the type.
    pub fn allow_missing_type(mut self) -> Self {
        self.policy.type_optional = true;
        self
    }

    /// Also accepts tokens that have a claim of ID tokens: `nonce`, `at_hash` or `c_hash`. Default: such a token is refused
    /// with the code `wrong_type`, unless its `typ` is `at+jwt`.
    ///
    /// An ID token tells a client who logged in. It passes through front ends and logs that an access token never sees, and
    /// no scope limits it. Some issuers give both the same `typ` and audience; these claims are then all that tells them
    /// apart. Have your clients send access tokens, and use [`access_token_profile`](Self::access_token_profile) if the issuer
    /// supports it. Use this setting only if clients really send you their ID tokens, as with Google's sign-in.
    ///
    /// If you set [`token_types`](Self::token_types), only these types decide, and this setting changes nothing.
    pub fn dangerous_accept_id_tokens(mut self) -> Self {
        self.policy.id_tokens = true;
        self
    }

    /// Also accepts `sub` and `jti` that are whole numbers, and reads them as their digits. Default: such a token is refused
    /// with the code `malformed_claims`. RFC 7519 sections 4.1.2 and 4.1.7 want strings.
    ///
    /// The subject `1815` is then the subject `"1815"`: for [`subject`](Self::subject), revocations and principals. So use it
    /// only for an issuer that does not write both for different users. Negative numbers, fractions and exponents stay refused.
    pub fn numeric_identifiers(mut self) -> Self {
        self.policy.numeric_identifiers = true;
        self
    }

    /// Accepts only logout tokens. OpenID Connect Back-Channel Logout 1.0 section 2.4.
    pub(crate) fn logout_tokens(mut self) -> Self {
        let unchecked = self.name.is_none() || self.policy.audience == AudienceRule::Unchecked;
        if unchecked || self.policy.types != TypeRule::Default || !self.policy.expiry_required {
            self.contradict("back_channel_logout");
        }
        self.policy.types = TypeRule::Logout;
        // The issuer sends them itself.
        self.policy.sender = SenderRules::default();
        self.require_claims(["iat", "jti"])
    }

    /// Requires these claims; `null` and the empty string count as missing. Default: `exp`, and the claims that other settings
    /// need.
    pub fn require_claims<N: Into<Arc<str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.policy.required.extend(names.into_iter().map(Into::into));
        self
    }

    /// Accepts only tokens with exactly this `sub`. Default: any subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.policy.subject = Some(subject.into());
        self
    }

    /// Refuses tokens that were issued longer ago than this. It requires `iat`. Default: no limit.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.policy.max_age = Some(age);
        self
    }

    /// Refuses tokens that are valid for longer than this, from `iat` to `exp`. It requires both. Default: no limit.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.policy.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens without `exp`. Default: they are refused.
    ///
    /// A stolen token without `exp` stays good until its key is withdrawn. Issue short-lived tokens instead.
    pub fn dangerous_without_expiry(mut self) -> Self {
        self.policy.expiry_required = false;
        self
    }

    /// Whether the other settings give the same issuer.
    #[cfg(feature = "remote")]
    pub(super) fn has_same_settings(&self, other: &Self) -> bool {
        // Resolved issuers are used by a verifier that has a clock already.
        let Self { name, keys, algorithms, policy, domain, in_turn, profile, fapi2, conflict, .. } = self;
        keys.is_same(&other.keys)
            && (name, algorithms, policy, domain) == (&other.name, &other.algorithms, &other.policy, &other.domain)
            && (in_turn, profile, fapi2) == (&other.in_turn, &other.profile, &other.fapi2)
            && conflict == &other.conflict
    }
}

#[cfg(feature = "remote")]
impl KeysFrom {
    /// Whether both give the same keys.
    fn is_same(&self, other: &Self) -> bool {
        let is_same =
            |a: &Key, b: &Key| a.kid() == b.kid() && a.algorithm() == b.algorithm() && a.material() == b.material();
        match (self, other) {
            (Self::Nowhere, Self::Nowhere) => true,
            (Self::Fixed(own), Self::Fixed(other)) => {
                own.len() == other.len() && own.iter().zip(other).all(|(own, other)| is_same(own, other))
            }
            (Self::Source(own), Self::Source(other)) => Arc::ptr_eq(own, other),
            (Self::Remote(own, settings), Self::Remote(other, other_settings)) => {
                own == other && settings == other_settings
            }
            _ => false,
        }
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer")
            .field("name", &self.name)
            .field("algorithms", &self.algorithms)
            .field("policy", &self.policy)
            .field("in_turn", &self.in_turn)
            .finish_non_exhaustive()
    }
}
