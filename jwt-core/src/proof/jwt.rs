//! Reads proofs.

use std::borrow::Cow;

use crate::claims::NumericDate;
use crate::jose::header::{Header, is_media_type};
use crate::jose::{Algorithm, Key, KeyErrorKind};
use crate::json::{self, Unique, Value};

/// What's wrong with a proof, for the operator.
pub(super) type Problem = &'static str;

/// A kind of proof.
pub(super) struct ProofKind {
    token_type: &'static str,
    wrong_type: Problem,
    wrong_algorithm: Problem,
}

/// RFC 9449 section 4.2.
pub(super) const DPOP: ProofKind = ProofKind {
    token_type: "dpop+jwt",
    wrong_type: "the proof's `typ` isn't `dpop+jwt`",
    wrong_algorithm: "the proof's `alg` isn't one that `Dpop::algorithms` allows",
};

/// Device Bound Session Credentials, section "DBSC Proof JWT Syntax".
#[cfg(feature = "issue")]
pub(super) const DEVICE: ProofKind = ProofKind {
    token_type: "dbsc+jwt",
    wrong_type: "the proof's `typ` isn't `dbsc+jwt`",
    wrong_algorithm: "the proof's `alg` isn't ES256 or RS256",
};

/// Reads the header of a proof, and returns the key in it if there is one.
pub(super) fn read_header(
    text: &str,
    kind: &ProofKind,
    allowed: &[Algorithm],
) -> Result<(Algorithm, Option<Key>), Problem> {
    let header = Header::read(text).map_err(|_| {
        "the proof's header isn't accepted: `alg` must name a signature algorithm, and `crit` and `b64` mustn't be there"
    })?;
    if !header.token_type.as_deref().is_some_and(|typ| is_media_type(typ, kind.token_type)) {
        return Err(kind.wrong_type);
    }
    // RFC 9449 section 4.3 (5): never a MAC, and there is no `none`.
    if header.algorithm.is_symmetric() || !allowed.contains(&header.algorithm) {
        return Err(kind.wrong_algorithm);
    }
    let mut jwk = None;
    // It was read before, so an error cannot occur.
    let _ = json::object(text, Unique::Outermost, |name, value| {
        if name == "jwk" {
            jwk = Some(value);
        }
    });
    const UNUSABLE: Problem = "the proof's `jwk` isn't a usable public key";
    let key = match jwk {
        None => None,
        Some(Value::Object(jwk)) => Some(Key::from_jwk(jwk).map_err(|error| match error.kind() {
            // RFC 9449 section 4.3 (7).
            KeyErrorKind::PrivateKey => "the proof's `jwk` has private members: the client gives its private key away",
            _ => UNUSABLE,
        })?),
        Some(_) => return Err(UNUSABLE),
    };
    Ok((header.algorithm, key))
}

/// The claims of a DPoP proof. RFC 9449 section 4.2.
pub(super) struct ProofClaims<'p> {
    pub(super) id: Cow<'p, str>,
    pub(super) method: Cow<'p, str>,
    pub(super) url: Cow<'p, str>,
    pub(super) token_hash: Cow<'p, str>,
    pub(super) issued_at: NumericDate,
    pub(super) nonce: Option<Cow<'p, str>>,
    /// Not required, and honoured if it's there.
    pub(super) expires_at: Option<NumericDate>,
    pub(super) not_before: Option<NumericDate>,
}

/// The longest `jti`, in bytes.
const MAX_ID_BYTES: usize = 512;

impl<'p> ProofClaims<'p> {
    pub(super) fn read(text: &'p str) -> Result<Self, Problem> {
        let (mut id, mut method, mut url, mut token_hash, mut nonce) = (None, None, None, None, None);
        let (mut issued_at, mut expires_at, mut not_before, mut is_valid) = (None, None, None, true);
        json::object(text, Unique::Everywhere, |name, value| {
            let texts = match name {
                "jti" => &mut id,
                "htm" => &mut method,
                "htu" => &mut url,
                "ath" => &mut token_hash,
                "nonce" => &mut nonce,
                "iat" | "exp" | "nbf" => {
                    let date = match value {
                        Value::Number(number) => NumericDate::parse(number),
                        _ => None,
                    };
                    is_valid &= date.is_some();
                    *match name {
                        "iat" => &mut issued_at,
                        "exp" => &mut expires_at,
                        _ => &mut not_before,
                    } = date;
                    return;
                }
                _ => return,
            };
            *texts = value.as_text();
            is_valid &= texts.is_some();
        })
        .map_err(|_| "the proof's payload isn't a JSON object with unique names")?;
        if !is_valid {
            return Err("a claim of the proof has the wrong type");
        }
        Ok(Self {
            id: id
                .filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()))
                .ok_or("the proof has no `jti`, or one of more than 512 bytes")?,
            method: method.ok_or("the proof has no `htm`")?,
            url: url.ok_or("the proof has no `htu`")?,
            token_hash: token_hash.ok_or("the proof has no `ath`, the hash of the access token")?,
            issued_at: issued_at.ok_or("the proof has no `iat`")?,
            nonce,
            expires_at,
            not_before,
        })
    }
}
