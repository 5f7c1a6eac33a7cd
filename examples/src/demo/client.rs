//! A client with a key of its own, which signs its requests (RFC 9449).

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::keys::{Key, KeyError, KeySource, KeyTable, Lookup, Wanted};
use jwt_core::{Algorithm, Clock as _, SystemClock};
use serde_json::{Value, json};

/// The client that the demo's commands come from.
pub(super) struct DemoClient {
    key: SigningKey,
    proofs: AtomicU64,
}

impl DemoClient {
    pub(super) fn new() -> Result<Self, KeyError> {
        Ok(Self { key: SigningKey::generate(Algorithm::ES256)?, proofs: AtomicU64::new(1) })
    }

    pub(super) fn thumbprint(&self) -> String {
        Backend::aws_lc_rs().thumbprint(&self.key.verification_key()).unwrap_or_default()
    }

    /// Returns a proof for one request with a token.
    pub(super) fn proof(&self, method: &str, url: &str, token: &str) -> Result<String, KeyError> {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.public_jwk()});
        let claims = json!({
            "jti": format!("{}-{}", self.thumbprint(), self.proofs.fetch_add(1, Ordering::Relaxed)),
            "htm": method, "htu": url, "iat": SystemClock.now().as_secs(), "ath": hash(token.as_bytes()),
        });
        let input = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.key.sign(input.as_bytes())?;
        Ok(format!("{input}.{}", encode(signature)))
    }
}

/// Returns the thumbprint of the key that a proof is signed with. The development issuer gives a token to anyone who asks, so it
/// checks nothing else.
pub(super) fn thumbprint(proof: &[u8]) -> Option<String> {
    let proof = std::str::from_utf8(proof).ok()?;
    let (input, signature) = proof.rsplit_once('.')?;
    let (header, _) = input.split_once('.')?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let key = Key::from_jwk(&header.get("jwk")?.to_string()).ok()?;
    let backend = Backend::aws_lc_rs();
    let keys = KeyTable::prepare(backend, [&key], &[Algorithm::ES256]);
    let Lookup::Ready(prepared) = keys.find_key(&Wanted::new(key.kid(), Algorithm::ES256)) else { return None };
    let is_proof = header["typ"] == "dpop+jwt" && header["alg"] == "ES256";
    let is_signed = prepared.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?);
    if is_proof && is_signed { backend.thumbprint(&key) } else { None }
}

/// Returns the SHA-256 hash of a token (RFC 9449 section 4.2) or a certificate (RFC 8705 section 3.1).
pub(super) fn hash(bytes: &[u8]) -> String {
    encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_signed_proof_has_a_thumbprint() {
        let client = DemoClient::new().unwrap();
        let proof = client.proof("POST", "http://127.0.0.1/token", "").unwrap();
        assert_eq!(thumbprint(proof.as_bytes()), Some(client.thumbprint()));
        let (input, signature) = proof.rsplit_once('.').unwrap();
        let other = DemoClient::new().unwrap().proof("POST", "http://127.0.0.1/token", "").unwrap();
        let (_, other) = other.rsplit_once('.').unwrap();
        for wrong in ["", "a.b.c", input, &format!("{input}.{other}"), &format!("{input}x.{signature}")] {
            assert_eq!(thumbprint(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
