use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::jwt::{self, ProofClaims};
use super::keys::{ProofKey, ProofKeys};
use super::nonce::{Nonces, Standing};
use super::proxies::Proxies;
use super::replay::{ProofUse, ReplayLog};
use super::sender::{Proof, Sender};
use super::url::Normal;
use crate::claims::{Confirmation, NumericDate, hash_text};
use crate::clock::Moment;
use crate::crypto::Backend;
use crate::error::{Detail, Error, ErrorKind};
use crate::http::request::RequestView;
use crate::jose::Algorithm;
use crate::jose::compact::{Bytes, Compact, Limits, SignatureBytes};
use crate::step::Step;

/// Checks DPoP proofs. RFC 9449 section 4.3.
pub(crate) struct DpopCheck {
    pub(super) url: PublicUrl,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) nonces: Option<Nonces>,
    pub(super) log: Arc<dyn ReplayLog>,
    pub(super) keys: ProofKeys,
    pub(super) max_age: Duration,
    pub(super) leeway: Duration,
    pub(super) backend: Backend,
}

/// The part of a request's URL that the request itself does not show.
pub(super) enum PublicUrl {
    /// The origin, and the path under which the service is.
    Base(String),
    Proxies(Proxies),
}

/// A proof that passed every check but one: whether it was used before.
pub(crate) struct ProofUsed {
    proof: ProofUse,
    log: Arc<dyn ReplayLog>,
    /// Whether the client should get the next nonce.
    pub(crate) nonce_ends: bool,
}

/// The longest proof and header, in bytes. A key and a signature of ML-DSA-87 fit.
pub(super) const LIMITS: Limits = Limits { token: 16 * 1024, header: 6 * 1024 };

impl DpopCheck {
    /// Returns the origin that a trusted proxy names.
    pub(crate) fn public_origin(&self, request: &dyn RequestView) -> Option<String> {
        match &self.url {
            PublicUrl::Base(_) => None,
            PublicUrl::Proxies(proxies) => proxies.public_origin(request),
        }
    }

    /// Returns the nonce that clients should use from now on, if proofs need one.
    pub(crate) fn current_nonce(&self, now: Duration) -> Option<String> {
        self.nonces.as_ref().map(|nonces| nonces.current(now))
    }

    /// Returns the names of the algorithms. `Ed25519` has two.
    pub(crate) fn algorithm_names(&self) -> Vec<&'static str> {
        let names = self.algorithms.iter().flat_map(|algorithm| {
            let other = (*algorithm == Algorithm::Ed25519).then_some("Ed25519");
            std::iter::once(algorithm.name()).chain(other)
        });
        names.collect()
    }

    /// Checks that the sender of a token has the key that the token is bound to. The cheapest checks come first.
    pub(crate) fn check(
        &self,
        sender: &Sender<'_>,
        token: &[u8],
        confirmation: &Confirmation,
        now: Moment,
    ) -> Result<ProofUsed, Error> {
        let Some(key) = confirmation.key else { return Err(ErrorKind::UnboundToken.into()) };
        let Some(Proof { lines, first }) = &sender.proof else { return Err(ErrorKind::MissingProof.into()) };
        match lines {
            0 => return Err(invalid("the request has no header `DPoP`")),
            1 => {}
            _ => return Err(invalid("the request has several headers `DPoP`: the client must send one proof")),
        }
        let malformed = |_| invalid("the proof isn't a JWS in compact form: three segments of base64url");
        let compact = Compact::split(first, LIMITS).map_err(malformed)?;
        let known = self.keys.find(&key, compact.encoded_header());
        let is_known = known.is_some();
        let proof_key = match known {
            Some(known) => known,
            None => Arc::new(self.read_key(&compact, &key)?),
        };
        let mut payload = Bytes::new();
        let payload = compact.payload(&mut payload).map_err(malformed)?;
        let claims = ProofClaims::read(payload).map_err(invalid)?;
        self.check_claims(&claims, sender, token, confirmation, now.wall)?;
        let nonce_ends = self.check_nonce(&claims, now.wall)?;
        let mut signature = SignatureBytes::new();
        let signature = compact.signature(&mut signature).map_err(malformed)?;
        if !proof_key.key.verify(compact.signing_input(), signature) {
            return Err(invalid("the proof's signature is wrong"));
        }
        if !is_known {
            self.keys.remember(key, proof_key);
        }
        // Half of the thumbprint says whose it is: finding another key with it takes 2^128 attempts. So the usual `jti` fits one
        // block of the hash.
        let (half, _) = key.split_at(16);
        let mut named = SmallVec::<[u8; 64]>::from_slice(half);
        named.extend_from_slice(claims.id.as_bytes());
        let id = self.backend.sha256(&named).ok_or(ErrorKind::ReplayLogUnavailable)?;
        // As long as a process whose clock is behind may accept it.
        let until = claims.issued_at.plus(self.max_age).plus(self.leeway);
        let proof = ProofUse { key, id, keep_for: until.since(now.wall.into()), now };
        Ok(ProofUsed { proof, log: Arc::clone(&self.log), nonce_ends })
    }

    /// Reads the key of a proof whose header isn't known. It must be the one that the token is bound to.
    fn read_key(&self, compact: &Compact<'_>, expected: &[u8; 32]) -> Result<ProofKey, Error> {
        let mut buffer = Bytes::new();
        let header = compact.header(&mut buffer).map_err(|_| invalid("the proof's header isn't base64url"))?;
        let (algorithm, key) = jwt::read_header(header, &jwt::DPOP, &self.algorithms).map_err(invalid)?;
        let key = key.ok_or_else(|| invalid("the proof's header has no `jwk`"))?;
        // RFC 9449 section 4.3 (12).
        let thumbprint = key.thumbprint_input().and_then(|input| self.backend.sha256(input.as_bytes()));
        if thumbprint.as_ref() != Some(expected) {
            return Err(ErrorKind::WrongProofKey.into());
        }
        let key = self.backend.prepare(&key, algorithm);
        let key = key.map_err(|_| invalid("the proof's `jwk` isn't a usable key for its `alg`"))?;
        Ok(ProofKey { header: compact.encoded_header().into(), key })
    }

    fn check_claims(
        &self,
        claims: &ProofClaims<'_>,
        sender: &Sender<'_>,
        token: &[u8],
        confirmation: &Confirmation,
        now: Duration,
    ) -> Result<(), Error> {
        // RFC 9110 section 9.1: methods are case-sensitive.
        if claims.method != sender.method {
            return Err(invalid("the proof's `htm` isn't the request's method"));
        }
        self.check_url(&claims.url, sender)?;
        let token_hash = match confirmation.token_hash.get() {
            Some(hash) => hash,
            None => {
                let hash = hash_text(&self.backend.sha256(token).ok_or(ErrorKind::ReplayLogUnavailable)?);
                confirmation.token_hash.get_or_init(|| hash)
            }
        };
        if *claims.token_hash != **token_hash {
            return Err(invalid("the proof's `ath` isn't the hash of the token: the proof is for another one"));
        }
        let now = NumericDate::from(now);
        if claims.issued_at > now.plus(self.leeway)
            || claims.not_before.is_some_and(|from| from > now.plus(self.leeway))
        {
            return Err(invalid(
                "the proof is from the future: `iat` may be at most `Dpop::leeway` ahead, so compare the clocks",
            ));
        }
        let is_old = claims.issued_at.plus(self.max_age) < now;
        if is_old || claims.expires_at.is_some_and(|end| end.plus(self.leeway) <= now) {
            return Err(invalid(
                "the proof is too old: `iat` may be at most `Dpop::max_age` ago, so the client must create one for each \
                 request, and its clock must be right",
            ));
        }
        Ok(())
    }

    fn check_url(&self, url: &str, sender: &Sender<'_>) -> Result<(), Error> {
        let path = sender.target.split('?').next().unwrap_or_default();
        let base = match (&self.url, &sender.origin) {
            (PublicUrl::Base(base), _) => base,
            (PublicUrl::Proxies(_), Some(origin)) => origin,
            (PublicUrl::Proxies(_), None) => {
                return Err(invalid(
                    "the request's public URL is unknown: it didn't come through a proxy of `Dpop::behind_proxies`, or the \
                     proxy's `Forwarded` or `X-Forwarded-Proto` is missing or contradictory",
                ));
            }
        };
        // Nearly every client writes the URL as it sends it.
        if url.strip_prefix(base.as_str()) == Some(path) {
            return Ok(());
        }
        let expected = Normal::of(&format!("{base}{path}"));
        if expected.is_some() && Normal::of(url) == expected {
            return Ok(());
        }
        Err(invalid(
            "the proof's `htu` isn't the request's URL without its query: compare the URL that clients use with `Dpop::new`, and look \
             for middleware that changes paths, such as `NormalizePath`",
        ))
    }

    /// Returns whether the client should get another nonce.
    fn check_nonce(&self, claims: &ProofClaims<'_>, now: Duration) -> Result<bool, Error> {
        let Some(nonces) = &self.nonces else { return Ok(false) };
        match claims.nonce.as_deref().map(|nonce| nonces.standing(nonce, now)) {
            Some(Standing::Current) => Ok(false),
            Some(Standing::Ending) => Ok(true),
            Some(Standing::Invalid) | None => Err(ErrorKind::StaleNonce.into()),
        }
    }
}

impl ProofUsed {
    /// Records the use. It's the last check, so that a refused request does not use its proof up.
    pub(crate) fn record(self) -> Step<Result<(), Error>> {
        self.log.record(&self.proof).map(|outcome| match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(ErrorKind::ReplayedProof.into()),
            Err(error) => {
                tracing::warn!(%error, "the use of a DPoP proof could not be recorded");
                Err(ErrorKind::ReplayLogUnavailable.into())
            }
        })
    }
}

fn invalid(problem: &'static str) -> Error {
    Error::from(ErrorKind::InvalidProof).with_detail(Detail::Constant(problem))
}
