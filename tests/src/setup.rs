//! The usual issuer, its keys, and the application that trusts it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jwt_core::crypto::SigningKey;
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, TrustedIssuer, Verifier, VerifierBuilder};

use crate::adapter::Application;
use crate::forge::{AUDIENCE, Forge, ISSUER, NOW};

/// The `kid` of the issuer's keys.
pub const KID: &str = "k-1";

/// The issuer's usual key.
#[must_use]
pub fn key() -> SigningKey {
    key_of(Algorithm::ES256)
}

/// Returns the issuer's key for an algorithm. It's generated once.
///
/// # Panics
///
/// Panics if the back end cannot generate one.
#[must_use]
pub fn key_of(algorithm: Algorithm) -> SigningKey {
    static KEYS: Mutex<Option<HashMap<Algorithm, SigningKey>>> = Mutex::new(None);
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = keys.get_or_insert_default();
    keys.entry(algorithm).or_insert_with(|| stranger(algorithm).with_kid(KID)).clone()
}

/// Generates an untrusted key, without a `kid`.
///
/// # Panics
///
/// Panics if the back end cannot generate one.
#[must_use]
pub fn stranger(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a back end that signs")
}

/// The issuer with its audience and no keys yet.
pub fn keyless() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER).audience(AUDIENCE)
}

/// The issuer with its usual key and its audience.
pub fn issuer() -> TrustedIssuer {
    keyless().key(key().verification_key())
}

/// A verifier builder that trusts an issuer. Its clock shows the time at which the tokens are issued.
pub fn trusting(issuer: TrustedIssuer) -> VerifierBuilder {
    Verifier::builder().issuer(issuer).clock(ManualClock::at(NOW))
}

/// A verifier builder that trusts the usual issuer.
pub fn builder() -> VerifierBuilder {
    trusting(issuer())
}

/// The application with the verifier of this builder.
///
/// # Panics
///
/// Panics if the verifier cannot be built.
pub fn behind(builder: VerifierBuilder) -> Application {
    Application::new(builder.build().expect("a verifier"))
}

/// The application that trusts the usual issuer.
pub fn application() -> Application {
    behind(builder())
}

/// Starts a valid token.
pub fn good() -> Forge {
    Forge::new(&key())
}
