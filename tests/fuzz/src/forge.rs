//! Signed tokens, and a verifier that accepts them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jwt_core::keys::Key;
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, Error, TrustedIssuer, Verified, Verifier};
use sha2::Sha256;

/// The time at which every clock starts, in seconds since the epoch.
pub const NOW: u64 = 1_800_000_000;

pub const SECRET: [u8; 32] = [7; 32];

pub const HEADER: &str = r#"{"alg":"HS256"}"#;

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes strictly: no padding, no bits left over.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Signs a text with HS256, without the code under test.
#[must_use]
pub fn mac(secret: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("every length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Signs two segments. They need not be base64url.
#[must_use]
pub fn seal(secret: &[u8], header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = encode(mac(secret, &input));
    format!("{input}.{signature}")
}

/// Makes a token with this payload, signed with [`SECRET`].
#[must_use]
pub fn token(payload: &str) -> String {
    seal(&SECRET, &encode(HEADER), &encode(payload))
}

/// Accepts every well-formed token that is signed with [`SECRET`] and valid at [`NOW`].
pub static LAX: LazyLock<Verifier> = LazyLock::new(|| {
    let key = Key::from_secret(Algorithm::HS256, SECRET).expect("long enough");
    let issuer = TrustedIssuer::dangerous_any_issuer().dangerous_any_audience().dangerous_without_expiry().key(key);
    let builder = Verifier::builder().issuer(issuer).clock(ManualClock::at(NOW)).without_token_cache();
    builder.build().expect("no contradiction")
});

/// Verifies a token with a verifier that has its keys.
///
/// # Errors
///
/// The verifier's error.
pub fn verify(verifier: &Verifier, token: &str) -> Result<Verified, Error> {
    verifier.verify_step(token, None).ready().expect("the keys are there")
}
