use std::fmt;
use std::ops::Deref;

use zeroize::{Zeroize, Zeroizing};

use super::SigningKey;
use super::signing::Signer;
use crate::jose::private::PrivateMaterial;
use crate::jose::{KeyError, export};

/// Exporting the private key: for the file or the vault from which every process of a fleet reads it.
///
/// The returned buffers are overwritten when they are dropped, and their `Debug` output is constant.
impl SigningKey {
    /// Returns the private key as PKCS#8 in PEM, which [`from_pem`](Self::from_pem) and other software read. RFC 5958.
    ///
    /// The `kid` isn't part of it. A key without one gets its thumbprint in every
    /// [`KeyRing`](crate::issue::KeyRing), so it's the same everywhere.
    ///
    /// # Errors
    ///
    /// [`UnsupportedKeyType`](crate::jose::KeyErrorKind::UnsupportedKeyType) for a shared secret, which has no PKCS#8
    /// form, and for a remote key.
    ///
    /// ```no_run
    /// # #[cfg(unix)]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::Write as _;
    /// use std::os::unix::fs::OpenOptionsExt as _;
    ///
    /// use jwt_core::Algorithm;
    /// use jwt_core::crypto::SigningKey;
    ///
    /// let key = SigningKey::generate(Algorithm::ES256)?;
    /// // Readable only by the user that this program runs as.
    /// let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open("signing.pem")?;
    /// file.write_all(key.export_pkcs8_pem()?.as_bytes())?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn export_pkcs8_pem(&self) -> Result<impl Deref<Target = str> + fmt::Debug + Send + Sync + use<>, KeyError> {
        let der = export::pkcs8(self.private()?, self.public.material())?;
        Ok(Exported(export::to_pem(&der)?))
    }

    /// Returns the private key as PKCS#8 in DER, which [`from_der`](Self::from_der) and other software read. RFC 5958.
    ///
    /// # Errors
    ///
    /// The errors of [`export_pkcs8_pem`](Self::export_pkcs8_pem).
    pub fn export_pkcs8_der(&self) -> Result<impl Deref<Target = [u8]> + fmt::Debug + Send + Sync + use<>, KeyError> {
        Ok(Exported(export::pkcs8(self.private()?, self.public.material())?))
    }

    /// Returns the private key, or the secret, as a JWK with `alg`, `use` and `kid`, which [`from_jwk`](Self::from_jwk)
    /// reads. RFC 7518 section 6.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::jose::KeyErrorKind::Malformed) if the numbers of an RSA key cannot be read.
    pub fn export_private_jwk(&self) -> Result<impl Deref<Target = str> + fmt::Debug + Send + Sync + use<>, KeyError> {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut more = vec![("alg", json(self.algorithm.name())), ("use", json("sig"))];
        more.extend(self.kid().map(|kid| ("kid", json(kid))));
        Ok(Exported(export::jwk(self.private()?, self.public.material(), &more)?))
    }

    fn private(&self) -> Result<&PrivateMaterial, KeyError> {
        match &self.signer {
            Signer::Local(local) => Ok(&local.private),
            #[cfg(feature = "remote-signer")]
            Signer::Remote(_) => Err(KeyError::new(
                crate::jose::KeyErrorKind::UnsupportedKeyType,
                "the private key is in the remote signer, so it can't be exported",
            )),
        }
    }
}

/// An exported private key.
struct Exported<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize + Deref> Deref for Exported<T> {
    type Target = T::Target;

    fn deref(&self) -> &T::Target {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Exported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private key]")
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;
    use crate::crypto::Backend;
    use crate::jose::{Algorithm, KeyErrorKind, private, private_jwk};

    fn backends() -> Vec<Backend> {
        vec![
            #[cfg(feature = "aws-lc-rs")]
            Backend::aws_lc_rs(),
            #[cfg(feature = "rust-crypto")]
            Backend::rust_crypto(),
        ]
    }

    #[test]
    fn every_generated_key_is_read_back_in_each_format_by_each_back_end() {
        let mut count = 0;
        for writer in backends() {
            for &algorithm in Algorithm::ALL {
                let Ok(key) = SigningKey::generate_with(writer, algorithm) else {
                    assert!(writer.name() == "rust-crypto" && algorithm.name().contains('S'), "{algorithm}");
                    continue;
                };
                let key = key.with_kid("a \"name\"");
                let jwk = key.export_private_jwk().unwrap();
                let mut read = vec![(private_jwk::from_jwk(&jwk).unwrap().0, "jwk")];
                if algorithm.is_symmetric() {
                    assert_eq!(key.export_pkcs8_pem().unwrap_err().kind(), KeyErrorKind::UnsupportedKeyType);
                    assert_eq!(key.export_pkcs8_der().unwrap_err().kind(), KeyErrorKind::UnsupportedKeyType);
                } else {
                    let pem = key.export_pkcs8_pem().unwrap();
                    read.push((private::from_pem(pem.as_bytes()).unwrap(), "pem"));
                    read.push((private::pkcs8(&key.export_pkcs8_der().unwrap()).unwrap(), "der"));
                }
                for reader in backends() {
                    let prepared = reader.prepare(&key.verification_key(), algorithm).unwrap();
                    for (private, format) in &read {
                        // RUSTSEC-2023-0071: this back end does not sign with RSA.
                        let Ok(same) = SigningKey::new(reader, private.clone(), algorithm) else {
                            assert_eq!(reader.name(), "rust-crypto", "{algorithm} {format}");
                            continue;
                        };
                        assert!(same.public.material() == key.public.material(), "{algorithm} {format}");
                        assert!(prepared.verify(b"message", &same.sign(b"message").unwrap()), "{algorithm} {format}");
                        count += 1;
                    }
                }
                let same = SigningKey::from_jwk(algorithm, &jwk);
                assert_eq!(same.map(|same| same.kid() == key.kid()), Ok(true), "{algorithm}");
            }
        }
        // `rust-crypto` only: three secrets in one format, seven key pairs in three.
        assert!(count >= 24, "{count}");
    }

    #[test]
    fn debug_output_of_an_exported_key_is_constant() {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let printed = format!(
            "{:?} {:?} {:?}",
            key.export_pkcs8_pem().unwrap(),
            key.export_pkcs8_der().unwrap(),
            key.export_private_jwk().unwrap()
        );
        assert_eq!(printed, "[private key] [private key] [private key]");
    }

    #[test]
    fn a_key_is_read_from_der() {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let der = key.export_pkcs8_der().unwrap();
        let same = SigningKey::from_der(Algorithm::ES256, &*der).unwrap();
        assert!(same.public.material() == key.public.material());
        let kind = |algorithm, der: &[u8]| SigningKey::from_der(algorithm, der).unwrap_err().kind();
        assert_eq!(kind(Algorithm::ES384, &der), KeyErrorKind::AlgorithmMismatch);
        assert_eq!(kind(Algorithm::ES256, &der[1..]), KeyErrorKind::Malformed);
    }
}
