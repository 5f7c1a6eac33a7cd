//! Clients with a key of their own: tokens bound to it, and DPoP proofs.

use std::sync::atomic::{AtomicU64, Ordering};

use jwt_core::Algorithm;
use jwt_core::crypto::{Backend, SigningKey};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::forge::{Forge, NOW, encode};
use crate::setup::{good, stranger};

/// The URL of the service, as clients see it.
pub const BASE: &str = "https://api.example";

/// A client with a key.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests make devices with keys of their own")]
pub struct Device {
    /// Its key.
    pub key: SigningKey,
}

impl Default for Device {
    fn default() -> Self {
        Self::new(Algorithm::ES256)
    }
}

impl Device {
    /// Creates a client with a new key.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self { key: stranger(algorithm) }
    }

    /// The thumbprint of its key.
    ///
    /// # Panics
    ///
    /// Panics if there is no back end.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let backend = Backend::compiled_in().expect("a back end");
        backend.thumbprint(&self.key.verification_key()).expect("a public key")
    }

    /// Starts a valid token that is bound to the key.
    pub fn good(&self) -> Forge {
        good().claim("cnf", json!({"jkt": self.thumbprint()}))
    }

    /// Starts a valid proof for a request with this token. Each has a `jti` of its own.
    ///
    /// # Panics
    ///
    /// Panics if the key is a secret, or if there is no back end.
    pub fn proof(&self, method: &str, path: &str, token: &str) -> Forge {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut jwk = self.key.public_jwk().expect("a public key");
        if let Value::Object(members) = &mut jwk {
            members.remove("use");
        }
        let header = json!({"typ": "dpop+jwt", "alg": self.key.algorithm().name(), "jwk": jwk});
        let claims = json!({
            "jti": format!("p-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            "htm": method, "htu": format!("{BASE}{path}"), "iat": NOW, "ath": token_hash(token),
        });
        Forge::of(&self.key, header, claims)
    }

    /// A `GET` request with a good token and a good proof.
    pub fn get(&self, path: &str) -> Ask {
        let token = self.good().sign();
        Ask::get(path).dpop(&token, &self.proof("GET", path, &token).sign())
    }
}

/// The claim `ath` of a proof for this token.
#[must_use]
pub fn token_hash(token: &str) -> String {
    encode(sha256(token.as_bytes()))
}

/// The SHA-256 hash of bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}
