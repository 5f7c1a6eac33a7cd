use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::check::{DpopCheck, PublicUrl};
use super::keys::ProofKeys;
use super::memory::MemoryReplayLog;
use super::nonce::Nonces;
use super::proxies::Proxies;
use super::replay::ReplayLog;
use super::url::Normal;
use crate::crypto::{Backend, SigningKey};
use crate::error::{BuildError, BuildErrorKind as Kind};
use crate::jose::Algorithm;

/// How DPoP proofs are checked. RFC 9449.
///
/// Pass it to [`VerifierBuilder::dpop`](crate::VerifierBuilder::dpop), and choose for each issuer whether its tokens
/// [may](crate::TrustedIssuer::dpop_allowed) or [must](crate::TrustedIssuer::dpop_required) be bound to a key.
///
/// A proof names the URL of its request, so you must say which URL clients use: the service itself often sees another one, changed by
/// proxies, and the header `Host` is the client's choice.
///
/// ```
/// use jwt_core::proof::Dpop;
///
/// let secret = [7; 32]; // from your secret store
/// let dpop = Dpop::new("https://api.example").nonces(secret);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Dpop {
    url: Url,
    algorithms: Option<Vec<Algorithm>>,
    secret: Option<Zeroizing<Vec<u8>>>,
    nonce_period: Duration,
    log: Arc<dyn ReplayLog>,
    max_age: Duration,
    leeway: Duration,
    keys: usize,
}

#[derive(Clone)]
enum Url {
    Base(String),
    Proxies(Vec<String>),
}

/// The algorithms that are allowed by default: every one with a public key, the usual ones first.
const ASYMMETRIC: [Algorithm; 13] = [
    Algorithm::ES256,
    Algorithm::Ed25519,
    Algorithm::PS256,
    Algorithm::RS256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

impl Dpop {
    /// Checks proofs of requests to this URL and below: the address that clients use, for example `https://api.example`.
    ///
    /// It's `https`, or `http` on a loopback host, without a query. If a proxy removes a prefix of the path, write the prefix too:
    /// the path that the service sees is appended. `htu` and the URL are compared in their normal form: case of scheme and host,
    /// default ports, percent-encoding and dot segments don't matter (RFC 3986 section 6.2).
    pub fn new(url: impl Into<String>) -> Self {
        Self::with_url(Url::Base(url.into()))
    }

    /// Takes the address that clients use from `Forwarded` or `X-Forwarded-Proto`, `-Host` and `-Prefix` of these proxies:
    /// addresses such as `10.0.0.7`, or networks such as `10.0.0.0/8`.
    ///
    /// Use it only if one service has several public addresses; otherwise [`new`](Self::new) is simpler and cannot be misled. The
    /// proxies must overwrite these headers: if they pass on what clients send, a client chooses the URL of its proofs. The last
    /// value of each header counts. Proofs of requests from other addresses are refused.
    ///
    /// The service must know the address of the connection: actix-web does; with axum and tower, put a
    /// [`Peer`](crate::http::Peer) into the request's extensions.
    pub fn behind_proxies<N: Into<String>>(networks: impl IntoIterator<Item = N>) -> Self {
        Self::with_url(Url::Proxies(networks.into_iter().map(Into::into).collect()))
    }

    fn with_url(url: Url) -> Self {
        Self {
            url,
            algorithms: None,
            secret: None,
            nonce_period: Duration::from_secs(300),
            log: Arc::new(MemoryReplayLog::new()),
            max_age: Duration::from_secs(60),
            leeway: Duration::from_secs(10),
            keys: 4096,
        }
    }

    /// Allows only these algorithms for proofs, which challenges name as `algs`. Default: every algorithm with a public key that the
    /// back end supports.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Requires a nonce of this service in every proof. Default: no nonces. RFC 9449 section 9.
    ///
    /// Without nonces, someone who can use the client's key for a moment can create proofs for later. With them, such proofs end
    /// with the nonce. A client without a current one gets 401 `use_dpop_nonce` and the header `DPoP-Nonce`, and repeats its
    /// request; before a nonce ends, successful responses carry the next one.
    ///
    /// The nonces are computed from the time and this secret of at least 32 bytes, and nothing is stored. Give all processes the
    /// same secret, and they accept each other's nonces.
    pub fn nonces(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secret = Some(Zeroizing::new(secret.as_ref().to_vec()));
        self
    }

    /// Sets how often the nonce changes: from 10 seconds to a day. Each is accepted until the next but one. Default: 5 minutes.
    pub const fn nonce_period(mut self, period: Duration) -> Self {
        self.nonce_period = period;
        self
    }

    /// Sets where the use of proofs is recorded, so that each is accepted once. Default: [`MemoryReplayLog::new`].
    pub fn replay_log(mut self, log: impl ReplayLog + 'static) -> Self {
        self.log = Arc::new(log);
        self
    }

    /// Sets how long ago a proof may have been created, by its `iat`: from a second to 10 minutes. Default: 60 seconds.
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets how far a proof's `iat` may be in the future, because clocks differ: at most 60 seconds. Default: 10 seconds.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets how many clients' keys are kept ready, so that a proof costs only its signature. 0 turns it off. Default: 4096.
    pub const fn remembered_keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    pub(crate) fn build(self, backend: Backend) -> Result<DpopCheck, BuildError> {
        let error = |kind, setting| Err(BuildError::new(kind, setting));
        let url = match self.url {
            Url::Base(url) => PublicUrl::Base(base(&url)?),
            Url::Proxies(networks) => match Proxies::parse(&networks) {
                Some(proxies) if !proxies.is_empty() => PublicUrl::Proxies(proxies),
                Some(_) => return error(Kind::Empty, "dpop.behind_proxies"),
                None => {
                    return Err(BuildError::new(Kind::Invalid, "dpop.behind_proxies")
                        .hint(": write addresses such as `10.0.0.7` or networks such as `10.0.0.0/8`"));
                }
            },
        };
        let algorithms = match self.algorithms {
            None => ASYMMETRIC.into_iter().filter(|algorithm| backend.supports(*algorithm)).collect(),
            Some(algorithms) if algorithms.is_empty() => return error(Kind::Empty, "dpop.algorithms"),
            Some(algorithms) if algorithms.iter().any(|algorithm| algorithm.is_symmetric()) => {
                return Err(BuildError::new(Kind::Contradiction, "dpop.algorithms")
                    .hint(": a proof is by a private key, so leave out HS256, HS384 and HS512"));
            }
            Some(algorithms) if !algorithms.iter().all(|algorithm| backend.supports(*algorithm)) => {
                return error(Kind::UnsupportedAlgorithm, "dpop.algorithms");
            }
            Some(algorithms) => algorithms,
        };
        if !(Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.max_age) {
            return error(Kind::OutOfRange, "dpop.max_age");
        }
        if self.leeway > Duration::from_secs(60) {
            return error(Kind::OutOfRange, "dpop.leeway");
        }
        if !(Duration::from_secs(10)..=Duration::from_secs(86_400)).contains(&self.nonce_period) {
            return error(Kind::OutOfRange, "dpop.nonce_period");
        }
        let nonces = match &self.secret {
            None => None,
            Some(secret) => {
                let key = SigningKey::from_secret(Algorithm::HS256, secret)
                    .map_err(|problem| BuildError::new(Kind::UnusableKey, "dpop.nonces").because_of(Some(problem)))?;
                Some(Nonces::new(key, self.nonce_period, self.leeway))
            }
        };
        Ok(DpopCheck {
            url,
            algorithms,
            nonces,
            log: self.log,
            keys: ProofKeys::new(self.keys),
            max_age: self.max_age,
            leeway: self.leeway,
            backend,
        })
    }
}

/// Returns the normal form of a public URL, without a slash at its end.
fn base(url: &str) -> Result<String, BuildError> {
    let Some(Normal { origin, path }) = Normal::of(url) else {
        return Err(BuildError::new(Kind::InvalidUrl, "dpop")
            .hint(": write the address that clients use, for example `https://api.example`, without a query"));
    };
    if let Some(authority) = origin.strip_prefix("http://") {
        let host = match authority.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let is_loopback = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        if host != "localhost" && !is_loopback {
            return Err(BuildError::new(Kind::InsecureUrl, "dpop"));
        }
    }
    Ok(format!("{origin}{}", path.trim_end_matches('/')))
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop")
            .field("algorithms", &self.algorithms)
            .field("nonces", &self.secret.is_some())
            .field("log", &self.log)
            .field("max_age", &self.max_age)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_error_names_the_wrong_setting() {
        let seconds = Duration::from_secs;
        let good = || Dpop::new("https://api.example");
        for (dpop, expected) in [
            (good(), None),
            (good().nonces([7; 32]).algorithms([Algorithm::ES256]), None),
            (Dpop::new("http://127.0.0.1:3000/v1/"), None),
            (Dpop::behind_proxies(["10.0.0.0/8", "::1"]), None),
            (Dpop::new("http://api.example"), Some((Kind::InsecureUrl, "dpop"))),
            (Dpop::new("api.example"), Some((Kind::InvalidUrl, "dpop"))),
            (Dpop::new("https://api.example/?a"), Some((Kind::InvalidUrl, "dpop"))),
            (Dpop::behind_proxies::<&str>([]), Some((Kind::Empty, "dpop.behind_proxies"))),
            (Dpop::behind_proxies(["proxy"]), Some((Kind::Invalid, "dpop.behind_proxies"))),
            (good().algorithms([]), Some((Kind::Empty, "dpop.algorithms"))),
            (good().algorithms([Algorithm::HS256]), Some((Kind::Contradiction, "dpop.algorithms"))),
            (good().max_age(seconds(601)), Some((Kind::OutOfRange, "dpop.max_age"))),
            (good().max_age(Duration::ZERO), Some((Kind::OutOfRange, "dpop.max_age"))),
            (good().leeway(seconds(61)), Some((Kind::OutOfRange, "dpop.leeway"))),
            (good().nonce_period(seconds(9)), Some((Kind::OutOfRange, "dpop.nonce_period"))),
            (good().nonces([7; 31]), Some((Kind::UnusableKey, "dpop.nonces"))),
        ] {
            let shown = format!("{dpop:?}");
            let backend = Backend::compiled_in().expect("a back end");
            let error = dpop.build(backend).err().map(|error| (error.kind(), error.setting().to_owned()));
            assert_eq!(error, expected.map(|(kind, setting)| (kind, setting.to_owned())), "{shown}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown =
            format!("{:?}", Dpop::new("https://api.example").nonces(b"a secret that has forty-two bytes in it..."));
        assert!(!shown.contains("forty"), "{shown}");
    }
}
