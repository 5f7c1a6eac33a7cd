use std::sync::Arc;

use crate::jose::material::KeyMaterial;
use crate::jose::private::PrivateMaterial;
use crate::jose::{Algorithm, KeyError, KeyErrorKind};

/// Returns whether a signature, the second argument, belongs to a message, the first.
pub(crate) type Verify = Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

/// Signs a message.
pub(crate) type Sign = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, KeyError> + Send + Sync>;

/// The interface to a library of cryptographic primitives.
///
/// Callers make sure that keys fit their algorithm and that signatures have the right length.
pub(crate) trait Engine: Sync {
    fn name(&self) -> &'static str;

    fn supports(&self, algorithm: Algorithm) -> bool;

    fn verifier(&self, material: &KeyMaterial, algorithm: Algorithm) -> Result<Verify, KeyError>;

    fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]>;

    fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        let _ = bytes;
        Err(KeyError::new(KeyErrorKind::Randomness, "the back end provides no random bytes"))
    }

    /// Generates an RSA key of 2048 bits. All other private keys are just random bytes.
    fn generate_rsa(&self) -> Result<PrivateMaterial, KeyError> {
        Err(KeyError::unsupported_by_backend())
    }

    /// Prepares a private key for signing. Also returns its public key, or the secret.
    fn signer(&self, private: &PrivateMaterial, algorithm: Algorithm) -> Result<(Sign, KeyMaterial), KeyError> {
        let _ = (private, algorithm);
        Err(KeyError::unsupported_by_backend())
    }
}
