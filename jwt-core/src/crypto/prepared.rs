use std::fmt;
use std::sync::Arc;

use super::engine::{Engine, Verify};
use crate::jose::algorithm::Family;
use crate::jose::material::KeyMaterial;
use crate::jose::{Algorithm, Key, KeyError};

/// Stands for a length that depends on the key of a group.
const ANY_LENGTH: usize = usize::MAX;

/// A key that a back end has parsed, for one algorithm.
///
/// A [`KeyTable`](crate::keys::KeyTable) prepares keys, and a [`Verifier`](crate::Verifier) uses them for tokens. To
/// verify other signed documents, find the key with a [`KeySource`](crate::keys::KeySource) and call
/// [`verify`](Self::verify).
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::crypto::{Backend, SigningKey};
/// use jwt_core::keys::{KeySource, KeyTable, Lookup, Wanted};
///
/// # let Some(backend) = Backend::compiled_in() else { return Ok(()) };
/// let key = SigningKey::generate_with(backend, Algorithm::ES256)?;
/// let table = KeyTable::prepare(backend, [&key.verification_key()], &[Algorithm::ES256]);
/// if let Lookup::Ready(prepared) = table.find_key(&Wanted::new(None, Algorithm::ES256)) {
///     assert_eq!(prepared.algorithm(), Algorithm::ES256);
///     assert!(prepared.verify(b"message", &key.sign(b"message")?));
/// }
/// # Ok::<(), jwt_core::keys::KeyError>(())
/// ```
pub struct PreparedKey {
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
    signature_bytes: usize,
    verify: Verify,
}

impl PreparedKey {
    pub(super) fn new(engine: &dyn Engine, key: &Key, algorithm: Algorithm) -> Result<Self, KeyError> {
        let material = key.material();
        if material.family() != algorithm.family() || key.algorithm().is_some_and(|declared| declared != algorithm) {
            return Err(KeyError::mismatch());
        }
        if let (KeyMaterial::Secret(secret), Some(least)) = (material, algorithm.hmac_key_bytes())
            && secret.len() < least
        {
            return Err(KeyError::short_secret(secret.len(), least, Some(algorithm)));
        }
        if !engine.supports(algorithm) {
            return Err(KeyError::unsupported_by_backend());
        }
        Ok(Self {
            algorithm,
            kid: key.shared_kid(),
            signature_bytes: signature_bytes(material, algorithm),
            verify: engine.verifier(material, algorithm)?,
        })
    }

    /// Combines keys of one algorithm into one that tries them in turn. The caller limits how many there are.
    pub(crate) fn in_turn(algorithm: Algorithm, keys: Vec<Arc<Self>>) -> Self {
        let verify: Verify = Box::new(move |message, signature| keys.iter().any(|key| key.verify(message, signature)));
        Self { algorithm, kid: None, signature_bytes: ANY_LENGTH, verify }
    }

    /// Returns the only algorithm that the key is used with. RFC 8725 section 3.1.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the `kid` of a token that this key verified. If the key has the same one, it isn't copied.
    pub(crate) fn shared_kid(&self, given: &str) -> Arc<str> {
        match &self.kid {
            Some(kid) if **kid == *given => Arc::clone(kid),
            _ => given.into(),
        }
    }

    /// Returns whether `signature` (bytes, not base64url) is this key's signature of `message`.
    ///
    /// An ECDSA signature is `R || S` (RFC 7518 section 3.4), never DER. The salt of a PSS signature is as long as
    /// its hash (section 3.5). A MAC must be complete, and is compared in constant time.
    ///
    /// This says nothing about the message's content. For tokens, use a [`Verifier`](crate::Verifier), which also
    /// checks their claims.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let has_length = signature.len() == self.signature_bytes || self.signature_bytes == ANY_LENGTH;
        has_length && (self.verify)(message, signature)
    }
}

/// Returns the length of every signature of a key and algorithm.
fn signature_bytes(material: &KeyMaterial, algorithm: Algorithm) -> usize {
    match (algorithm.family(), material) {
        (_, KeyMaterial::Rsa { modulus, .. }) => modulus.len(),
        (Family::P256 | Family::Ed25519, _) => 64,
        (Family::P384, _) => 96,
        (Family::P521, _) => 132,
        // FIPS 204 table 2.
        (Family::MlDsa44, _) => 2420,
        (Family::MlDsa65, _) => 3309,
        (Family::MlDsa87, _) => 4627,
        // A MAC is as long as the shortest key that is accepted for it.
        (Family::Hmac | Family::Rsa, _) => algorithm.hmac_key_bytes().unwrap_or_default(),
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Backend, SigningKey};
    use crate::jose::KeyErrorKind;

    fn backends() -> Vec<Backend> {
        vec![
            #[cfg(feature = "aws-lc-rs")]
            Backend::aws_lc_rs(),
            #[cfg(feature = "rust-crypto")]
            Backend::rust_crypto(),
        ]
    }

    const MESSAGE: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.e30";

    #[test]
    fn every_back_end_accepts_the_signatures_of_every_other_and_no_others() {
        for &algorithm in Algorithm::ALL {
            for signer in backends() {
                let Ok(key) = SigningKey::generate_with(signer, algorithm) else {
                    assert_eq!((algorithm.family(), signer.name()), (Family::Rsa, "rust-crypto"));
                    continue;
                };
                let other = SigningKey::generate_with(signer, algorithm).unwrap();
                let signature = key.sign(MESSAGE).unwrap();
                for backend in backends() {
                    let case = format!("{algorithm}: {} signs, {} verifies", signer.name(), backend.name());
                    let prepared = backend.prepare(&key.verification_key(), algorithm).unwrap();
                    assert!(prepared.verify(MESSAGE, &signature), "{case}");
                    assert!(!prepared.verify(&MESSAGE[1..], &signature), "{case}");
                    assert!(!prepared.verify(b"", &signature), "{case}");
                    for at in [0, signature.len() / 2, signature.len() - 1] {
                        let mut tampered = signature.clone();
                        tampered[at] ^= 1;
                        assert!(!prepared.verify(MESSAGE, &tampered), "{case}");
                    }
                    for length in [0, 1, signature.len() / 2, signature.len() - 1] {
                        assert!(!prepared.verify(MESSAGE, &signature[..length]), "{case}");
                    }
                    assert!(!prepared.verify(MESSAGE, &[signature.as_slice(), &[0]].concat()), "{case}");
                    assert!(!prepared.verify(MESSAGE, &vec![0; signature.len()]), "{case}");
                    assert!(!prepared.verify(MESSAGE, &vec![0xff; signature.len()]), "{case}");
                    let stranger = backend.prepare(&other.verification_key(), algorithm).unwrap();
                    assert!(!stranger.verify(MESSAGE, &signature), "{case}");
                }
            }
        }
    }

    #[cfg(feature = "aws-lc-rs")]
    #[test]
    fn a_signature_is_not_accepted_under_another_algorithm_of_its_family() {
        let jwk = |key: &SigningKey| {
            let mut jwk = key.public_jwk().unwrap();
            jwk.as_object_mut().unwrap().remove("alg");
            Key::from_jwk(&jwk.to_string()).unwrap()
        };
        let rsa = [
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ];
        for signed in [Algorithm::RS256, Algorithm::PS384] {
            let key = SigningKey::generate(signed).unwrap();
            let signature = key.sign(MESSAGE).unwrap();
            for (backend, &algorithm) in backends().iter().flat_map(|backend| rsa.iter().map(move |rsa| (backend, rsa)))
            {
                let prepared = backend.prepare(&jwk(&key), algorithm).unwrap();
                assert_eq!(prepared.verify(MESSAGE, &signature), algorithm == signed, "{signed} as {algorithm}");
            }
        }
    }

    #[test]
    fn an_ecdsa_signature_of_zeros_ones_or_the_order_is_refused() {
        let orders = [
            (Algorithm::ES256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 32),
            (
                Algorithm::ES384,
                "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
                48,
            ),
        ];
        for (algorithm, order, size) in orders {
            let order: Vec<u8> =
                (0..size).map(|at| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap()).collect();
            let (zero, mut one) = (vec![0; size], vec![0; size]);
            one[size - 1] = 1;
            let numbers = [&zero, &one, &order];
            for backend in backends() {
                let key = SigningKey::generate_with(backend, algorithm).unwrap();
                let prepared = backend.prepare(&key.verification_key(), algorithm).unwrap();
                for (r, s) in numbers.iter().flat_map(|r| numbers.iter().map(move |s| (*r, *s))) {
                    assert!(!prepared.verify(MESSAGE, &[r.as_slice(), s].concat()), "{algorithm} {}", backend.name());
                }
            }
        }
    }

    #[test]
    fn an_ed25519_signature_with_an_unreduced_scalar_is_refused() {
        // The order of the group, 2^252 + 27742317777372353535851937790883648493, little-endian.
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        for backend in backends() {
            let key = SigningKey::generate_with(backend, Algorithm::Ed25519).unwrap();
            let mut signature = key.sign(MESSAGE).unwrap();
            let mut carry = 0;
            for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
                let sum = u16::from(*byte) + u16::from(order) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            for backend in backends() {
                let prepared = backend.prepare(&key.verification_key(), Algorithm::Ed25519).unwrap();
                assert!(!prepared.verify(MESSAGE, &signature), "{}", backend.name());
            }
        }
    }

    #[test]
    fn an_ed25519_signature_with_a_small_order_commitment_is_refused() {
        // This was made with the private key of RFC 8037 appendix A.1. R is the identity and S is k times the secret
        // scalar, so the equation of RFC 8032 section 5.1.7 holds.
        let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let key = Key::from_jwk(key).unwrap();
        let mut signature = [0; 64];
        signature[0] = 1;
        signature[32..].copy_from_slice(&[
            0x87, 0x47, 0x58, 0xca, 0xe8, 0xa0, 0x9d, 0x11, 0x9c, 0xc2, 0x31, 0x49, 0x43, 0x78, 0x53, 0xc0, 0x9e, 0x0b,
            0x41, 0xa6, 0x32, 0xc1, 0x97, 0x7a, 0xaa, 0x26, 0x4f, 0x2a, 0x35, 0xae, 0xd9, 0x01,
        ]);
        for backend in backends() {
            let prepared = backend.prepare(&key, Algorithm::Ed25519).unwrap();
            assert!(!prepared.verify(MESSAGE, &signature), "{}", backend.name());
        }
        #[cfg(feature = "rust-crypto")]
        {
            use p256::ecdsa::signature::Verifier as _;
            let KeyMaterial::Ed25519(key) = key.material() else { panic!("an Ed25519 key") };
            let lax = ed25519_dalek::VerifyingKey::from_bytes(key).unwrap();
            assert!(lax.verify(MESSAGE, &ed25519_dalek::Signature::from_bytes(&signature)).is_ok());
        }
    }

    #[test]
    fn a_key_that_the_algorithm_cannot_use_is_not_prepared() {
        let kind = |backend: &Backend, key: &Key, algorithm| backend.prepare(key, algorithm).unwrap_err().kind();
        let secret = Key::from_secret(Algorithm::HS256, [7; 64]).unwrap();
        let short = Key::from_symmetric_jwk(r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#);
        let short = short.unwrap();
        let off_curve = "gYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYE";
        let off_curve = format!(r#"{{"kty":"EC","crv":"P-256","x":"{off_curve}","y":"{off_curve}"}}"#);
        let off_curve = Key::from_jwk(&off_curve).unwrap();
        for backend in &backends() {
            assert_eq!(kind(backend, &secret, Algorithm::ES256), KeyErrorKind::AlgorithmMismatch);
            assert_eq!(kind(backend, &secret, Algorithm::HS384), KeyErrorKind::AlgorithmMismatch);
            assert_eq!(kind(backend, &short, Algorithm::HS512), KeyErrorKind::TooShort);
            assert_eq!(kind(backend, &off_curve, Algorithm::ES256), KeyErrorKind::InvalidKey);
        }
    }

    #[test]
    fn rsa_keys_of_2048_and_8192_bits_are_usable() {
        let number = |length: usize| format!("{}gQ", "gYGB".repeat((length - 1) / 3));
        for length in [256, 1024] {
            let key = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, number(length));
            let key = Key::from_jwk(&key).unwrap();
            for backend in backends() {
                let prepared = backend.prepare(&key, Algorithm::PS256).unwrap();
                assert!(!prepared.verify(MESSAGE, &vec![1; length]));
            }
        }
    }

    #[test]
    fn prepared_keys_back_ends_and_signing_keys_are_send_and_sync() {
        fn assert<T: Send + Sync>() {}
        assert::<PreparedKey>();
        assert::<Backend>();
        assert::<SigningKey>();
    }
}
