use std::sync::Arc;

use crate::jose::material::KeyMaterial;
use crate::jose::private::PrivateMaterial;
use crate::jose::{Algorithm, KeyError, KeyErrorKind};

/// Decides whether a signature, the second argument, belongs to a message, the first.
pub(crate) type Verify = Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

/// Signs a message.
pub(crate) type Sign = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, KeyError> + Send + Sync>;

/// What a library of cryptographic primitives is asked to do.
///
/// Signatures have the right length before they are handed to a verifier, and keys fit their algorithm.
pub(crate) trait Engine: Sync {
    fn name(&self) -> &'static str;

    fn supports(&self, algorithm: Algorithm) -> bool;

    fn verifier(&self, material: &KeyMaterial, algorithm: Algorithm) -> Result<Verify, KeyError>;

    fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]>;

    fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        let _ = bytes;
        Err(KeyError::new(KeyErrorKind::Randomness, "the back end gives no random bytes"))
    }

    /// Makes a new RSA key of 2048 bits: all other private keys are made of random bytes.
    fn generate_rsa(&self) -> Result<PrivateMaterial, KeyError> {
        Err(KeyError::unsupported_by_backend())
    }

    /// Prepares a private key for signing, and returns the public key (or the secret) that belongs to it.
    fn signer(&self, private: &PrivateMaterial, algorithm: Algorithm) -> Result<(Sign, KeyMaterial), KeyError> {
        let _ = (private, algorithm);
        Err(KeyError::unsupported_by_backend())
    }
}
