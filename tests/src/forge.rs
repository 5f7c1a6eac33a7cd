//! Tokens with any header, any payload and a real signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::crypto::SigningKey;
use serde_json::{Map, Value, json};

/// The time at which forged tokens are issued by default.
pub const NOW: u64 = 1_800_000_000;
/// The issuer of forged tokens.
pub const ISSUER: &str = "https://id.example";
/// The audience of forged tokens.
pub const AUDIENCE: &str = "https://api.example";

/// A token under construction. It starts as a valid one that lives for five minutes from [`NOW`]; each method breaks or
/// changes one thing.
#[derive(Clone, Debug)]
#[must_use]
pub struct Forge {
    /// The header's members.
    pub header: Map<String, Value>,
    /// The payload's members.
    pub claims: Map<String, Value>,
    key: SigningKey,
}

impl Forge {
    /// Starts with a valid token, with the algorithm and `kid` of this key.
    pub fn new(key: &SigningKey) -> Self {
        let mut header = object(json!({"alg": key.algorithm().name(), "typ": "at+jwt"}));
        if let Some(kid) = key.kid() {
            header.insert("kid".to_owned(), kid.into());
        }
        let claims = object(json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1815", "client_id": "reports-service", "jti": "t-1",
            "iat": NOW, "nbf": NOW, "exp": NOW + 300, "name": "Ada", "scope": "reports:read profile",
        }));
        Self { header, claims, key: key.clone() }
    }

    /// Starts with this header and these claims.
    pub(crate) fn of(key: &SigningKey, header: Value, claims: Value) -> Self {
        Self { header: object(header), claims: object(claims), key: key.clone() }
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a member of the header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self) -> String {
        self.sign_payload(Value::from(self.claims.clone()).to_string())
    }

    /// Signs this payload instead of the claims, unchanged.
    #[must_use]
    pub fn sign_payload(&self, payload: impl AsRef<[u8]>) -> String {
        sign_raw(&self.key, Value::from(self.header.clone()).to_string(), payload)
    }

    /// Signs this header with the claims, unchanged.
    #[must_use]
    pub fn sign_header(&self, header: impl AsRef<[u8]>) -> String {
        sign_raw(&self.key, header, Value::from(self.claims.clone()).to_string())
    }
}

/// Encodes and signs any header and payload.
#[must_use]
pub fn sign_raw(key: &SigningKey, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_segments(key, &encode(header), &encode(payload))
}

/// Signs two segments as they are, encoded or not.
///
/// # Panics
///
/// Panics if the key cannot sign.
#[must_use]
pub fn sign_segments(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = key.sign(input.as_bytes()).expect("the key signs");
    format!("{input}.{}", encode(signature))
}

/// Encodes as base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
