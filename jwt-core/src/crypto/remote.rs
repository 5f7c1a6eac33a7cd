//! Keys that sign elsewhere: in a key management service, a hardware security module, or another process.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::prepared::PreparedKey;
use crate::clock::{Clock as _, SystemClock};
use crate::jose::{Algorithm, KeyError, KeyErrorKind, der, material};
use crate::observe::Warned;
use crate::step::Step;

/// Signs with keys that never leave a key management service (KMS), a hardware security module (HSM, PKCS#11), or another
/// process.
///
/// [`SigningKey::remote`](super::SigningKey::remote) makes a key of a ring from it. Implement it with your service's client:
///
/// ```
/// use async_trait::async_trait;
/// use jwt_core::Algorithm;
/// use jwt_core::crypto::RemoteSigner;
///
/// # #[derive(Debug)] struct Client;
/// # impl Client { async fn sign(&self, _: &str, _: &str, _: &[u8]) -> Result<Vec<u8>, std::io::Error> { Ok(Vec::new()) } }
/// #[derive(Debug)]
/// struct Kms(Client);
///
/// #[async_trait]
/// impl RemoteSigner for Kms {
///     async fn sign(
///         &self,
///         key_id: &str,
///         algorithm: Algorithm,
///         message: &[u8],
///     ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
///         let algorithm = match algorithm {
///             Algorithm::ES256 => "ECDSA_SHA_256",
///             _ => return Err("the key is for ES256".into()),
///         };
///         Ok(self.0.sign(key_id, algorithm, message).await?)
///     }
/// }
/// ```
///
/// If a signature fails or takes too long, the request is answered with 503 `signing_unavailable` and nothing is stored: a
/// refresh token stays valid, so the client can try again. The crate never repeats a call by itself.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't sign for a `SigningKey`",
    note = "implement `RemoteSigner` for it, with `#[async_trait]`"
)]
pub trait RemoteSigner: fmt::Debug + Send + Sync {
    /// Signs a message with one key.
    ///
    /// The message isn't hashed yet. An ECDSA signature may be in either form: the two numbers one after the other, as in a
    /// JWS and in PKCS#11, or in DER, as most services return it.
    ///
    /// # Errors
    ///
    /// Any error. It's logged, so it must not show a secret.
    async fn sign(
        &self,
        key_id: &str,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// Returns how long a signature may take before it counts as failed. Default: 5 seconds.
    fn timeout(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// A shared signer: keys that get clones of the `Arc` are signed for by the same one.
#[async_trait]
impl<S: RemoteSigner + ?Sized> RemoteSigner for Arc<S> {
    async fn sign(
        &self,
        key_id: &str,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        (**self).sign(key_id, algorithm, message).await
    }

    fn timeout(&self) -> Duration {
        (**self).timeout()
    }
}

/// A key of a remote signer.
pub(super) struct Remote {
    pub(super) signer: Box<dyn RemoteSigner>,
    pub(super) key_id: Arc<str>,
    /// The public key.
    pub(super) prepared: PreparedKey,
    pub(super) warned: Warned,
}

impl Remote {
    pub(super) fn sign(self: &Arc<Self>, message: &[u8]) -> Step<Result<Vec<u8>, KeyError>> {
        let (this, message) = (Arc::clone(self), message.to_vec());
        Step::pending(async move {
            if tokio::runtime::Handle::try_current().is_err() {
                return Err(this.unavailable("a remote signer needs the Tokio runtime", None));
            }
            let signing = this.signer.sign(&this.key_id, this.prepared.algorithm(), &message);
            match tokio::time::timeout(this.signer.timeout(), signing).await {
                Ok(Ok(signature)) => this.check(&message, signature),
                Ok(Err(error)) => Err(this.unavailable("the remote signer failed", Some(&*error))),
                Err(_) => Err(this.unavailable("the remote signer took too long", None)),
            }
        })
    }

    /// While a signer is down, every login and refresh fails. So each problem is logged at once, and then once a minute.
    fn unavailable(&self, problem: &'static str, error: Option<&(dyn Error + Send + Sync)>) -> KeyError {
        if let Some(times) = self.warned.due(problem, SystemClock.monotonic()) {
            tracing::error!(error = error.map(tracing::field::display), times, "{problem}");
        }
        KeyError::new(KeyErrorKind::SignerUnavailable, problem)
    }

    /// Checks the signature, and brings it into the form that a JWS has.
    fn check(&self, message: &[u8], signature: Vec<u8>) -> Result<Vec<u8>, KeyError> {
        if self.prepared.verify(message, &signature) {
            return Ok(signature);
        }
        let size = material::coordinate_bytes(self.prepared.algorithm().family());
        let fixed = size.and_then(|size| der::ecdsa_numbers(&signature, size));
        fixed.filter(|fixed| self.prepared.verify(message, fixed)).ok_or(KeyError::new(
            KeyErrorKind::Signing,
            "the remote signer's signature doesn't belong to the public key: check the key's identifier",
        ))
    }
}
