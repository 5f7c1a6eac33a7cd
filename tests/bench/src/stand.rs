//! The issuer, its keys, its tokens and its verifiers, which are the same for every contender.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::Key;
use jwt_core::{Algorithm, TrustedIssuer, Verifier, VerifierBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://id.example/realms/main";
pub const AUDIENCE: &str = "https://api.example";
pub const KID: &str = "2026-key-one";
pub const ALGORITHMS: [Algorithm; 4] = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::Ed25519];

/// Returns the `jti` of a token.
pub fn token_id(number: usize) -> String {
    format!("0b8f6a52-93ac-4f25-a1b5-{number:012}")
}

/// The claims that a handler asks for: three strings.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    pub sub: String,
    pub name: String,
    pub email: String,
}

/// A key, a valid token of it, and bad tokens.
pub struct Stand {
    pub algorithm: Algorithm,
    pub secret: [u8; 32],
    pub token: String,
    /// The public key, if the algorithm has one.
    jwk: Option<Value>,
    /// The signing key. Missing in a process that only verifies.
    key: Option<SigningKey>,
    now: u64,
}

impl Stand {
    pub fn new(algorithm: Algorithm) -> Self {
        let secret = [7; 32];
        let key = match algorithm {
            Algorithm::HS256 => SigningKey::from_secret(algorithm, &secret).expect("a secret"),
            _ => SigningKey::generate(algorithm).expect("a key"),
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
        let key = key.with_kid(KID);
        let mut stand = Self { algorithm, secret, token: String::new(), jwk: key.public_jwk(), key: Some(key), now };
        stand.token = stand.good(0, 0);
        stand
    }

    /// Returns the data that another process needs to verify this token.
    pub fn public(&self) -> Value {
        json!({ "algorithm": self.algorithm.name(), "jwk": self.jwk, "token": self.token })
    }

    /// Returns the issuer's JWK Set.
    pub fn jwks(&self) -> String {
        let secret =
            || json!({ "kty": "oct", "kid": KID, "alg": self.jose_name(), "k": URL_SAFE_NO_PAD.encode(self.secret) });
        let mut key = self.jwk.clone().unwrap_or_else(secret);
        key["alg"] = self.jose_name().into();
        json!({ "keys": [key] }).to_string()
    }

    /// Reads the data of [`public`](Self::public).
    pub fn of_public(public: &Value) -> Self {
        let text = |name: &str| public[name].as_str().expect("a text");
        let jwk = Some(public["jwk"].clone()).filter(Value::is_object);
        let algorithm = text("algorithm").parse().expect("an algorithm");
        Self { algorithm, secret: [7; 32], token: text("token").to_owned(), jwk, key: None, now: 0 }
    }

    /// Returns the stand of a key of its own, without a token.
    pub fn of_key(key: &SigningKey) -> Self {
        let (algorithm, jwk) = (key.algorithm(), key.public_jwk());
        Self { algorithm, secret: [7; 32], token: String::new(), jwk, key: None, now: 0 }
    }

    pub(crate) fn verification_key(&self) -> Key {
        match &self.jwk {
            Some(jwk) => Key::from_jwk(&jwk.to_string()).expect("a key"),
            None => Key::from_secret(self.algorithm, self.secret).expect("a secret").with_kid(KID),
        }
    }

    /// Returns the claims of a token; `more` adds members.
    fn payload(&self, number: usize, exp: u64, more: &str) -> String {
        let (now, token_id) = (self.now - 10, token_id(number));
        format!(
            r#"{{"iss":"{ISSUER}","aud":["{AUDIENCE}","account"],"sub":"9f3a7c1e-5b1d-4f0e-8e0a-{number:012}","azp":"web-frontend","jti":"{token_id}","iat":{now},"nbf":{now},"exp":{exp},"scope":"openid profile email reports:read","name":"Ada Lovelace","email":"ada@example.org"{more}}}"#
        )
    }

    fn header(&self, kid: &str) -> String {
        format!(r#"{{"alg":"{}","typ":"JWT","kid":"{kid}"}}"#, self.jose_name())
    }

    /// Returns the algorithm's name that other libraries also know.
    pub fn jose_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Ed25519 => "EdDSA",
            other => other.name(),
        }
    }

    fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.as_ref().expect("a signing key").sign(input.as_bytes()).expect("the key signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns one of many valid tokens, with `padding` additional bytes.
    pub fn good(&self, number: usize, padding: usize) -> String {
        let more = match padding {
            0 => String::new(),
            length => format!(r#","groups":"{}""#, "g".repeat(length)),
        };
        self.sign(&self.header(KID), &self.payload(number, self.now + 3600, &more))
    }

    /// Returns a valid token with the claim `typ`, which Keycloak adds.
    pub fn keycloak(&self) -> String {
        self.sign(&self.header(KID), &self.payload(0, self.now + 3600, r#","typ":"Bearer""#))
    }

    pub fn expired(&self) -> String {
        self.sign(&self.header(KID), &self.payload(0, self.now - 3600, ""))
    }

    pub fn unknown_key(&self) -> String {
        let (_, rest) = self.token.split_once('.').expect("three segments");
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(self.header("nobody-knows")))
    }

    pub fn unsigned(&self) -> String {
        let (_, rest) = self.token.split_once('.').expect("three segments");
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","typ":"JWT","kid":"{KID}"}}"#)))
    }

    pub fn tampered(&self) -> String {
        let at = self.token.rfind('.').expect("three segments") + 20;
        let other = if self.token.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &self.token[..at], &self.token[at + 1..])
    }

    pub fn garbage() -> String {
        "x".repeat(700)
    }

    /// Returns the signing input and the signature of a token.
    pub fn parts(token: &str) -> (Vec<u8>, Vec<u8>) {
        let (input, signature) = token.rsplit_once('.').expect("three segments");
        (input.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(signature).expect("base64url"))
    }

    /// Returns a builder with the usual settings and these keys, without a token cache.
    pub fn builder(&self, others: usize) -> VerifierBuilder {
        let mut issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE);
        for number in 0..others {
            issuer = issuer.key(self.other(number));
        }
        Verifier::builder().issuer(issuer.key(self.verification_key())).without_token_cache()
    }

    fn other(&self, number: usize) -> Key {
        let key = match self.algorithm {
            Algorithm::HS256 => SigningKey::from_secret(self.algorithm, [number as u8; 32]).expect("a secret"),
            _ => SigningKey::generate(self.algorithm).expect("a key"),
        };
        key.with_kid(format!("other-{number}")).verification_key()
    }

    pub fn verifier(&self) -> Verifier {
        self.builder(0).build().expect("a verifier")
    }

    /// Returns one verification by the primitive, with a parsed key. It's the lower limit for every library.
    pub fn floor(&self, token: &str) -> Box<dyn FnMut()> {
        let (verify, (input, signature)) = (self.primitive(), Self::parts(token));
        Box::new(move || assert!(verify(&input, &signature)))
    }

    /// Returns the same for a bad signature.
    pub fn failing_floor(&self, token: &str) -> Box<dyn FnMut()> {
        let (verify, (input, signature)) = (self.primitive(), Self::parts(token));
        Box::new(move || assert!(!verify(&input, &signature)))
    }

    /// Returns the same for many tokens: each call verifies the next one, with the same parsed key.
    pub fn floor_of_each<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> Box<dyn FnMut()> {
        let (verify, parts) = (self.primitive(), tokens.into_iter().map(Self::parts).collect::<Vec<_>>());
        let mut next = 0;
        Box::new(move || {
            let (input, signature) = &parts[next];
            next += 1;
            assert!(verify(input, signature));
        })
    }

    fn primitive(&self) -> Box<dyn Fn(&[u8], &[u8]) -> bool> {
        use aws_lc_rs::{hmac, signature};
        let algorithm: &'static dyn signature::VerificationAlgorithm = match self.algorithm {
            Algorithm::HS256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
                return Box::new(move |input, signature| hmac::verify(&key, input, signature).is_ok());
            }
            Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::MlDsa44 => &signature::ML_DSA_44,
            _ => &signature::ED25519,
        };
        let key = signature::ParsedPublicKey::new(algorithm, self.public_key()).expect("a key");
        Box::new(move |input, signature| key.verify_sig(input, signature).is_ok())
    }

    fn public_key(&self) -> Vec<u8> {
        let jwk = self.jwk.as_ref().expect("a public key");
        let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default()).expect("base64url");
        match self.algorithm {
            Algorithm::RS256 => sequence(&[integer(&member("n")), integer(&member("e"))]),
            Algorithm::ES256 => [vec![4], member("x"), member("y")].concat(),
            Algorithm::MlDsa44 => member("pub"),
            _ => member("x"),
        }
    }

    /// Returns the public key, or the secret, as a key of `jsonwebtoken`.
    #[cfg(feature = "frameworks")]
    pub fn decoding_key(&self) -> jsonwebtoken::DecodingKey {
        match &self.jwk {
            Some(jwk) => {
                let jwk = serde_json::from_value(jwk.clone()).expect("a JWK");
                jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key")
            }
            None => jsonwebtoken::DecodingKey::from_secret(&self.secret).expect("a secret"),
        }
    }

    /// Returns the same checks as settings of `jsonwebtoken`.
    #[cfg(feature = "frameworks")]
    pub fn validation(&self) -> jsonwebtoken::Validation {
        let mut validation = jsonwebtoken::Validation::new(self.jose_name().parse().expect("an algorithm"));
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        validation
    }
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    let lead = if number.first().is_some_and(|first| first & 0x80 != 0) { &[0][..] } else { &[] };
    tlv(2, &[lead, number].concat())
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(content.len()).expect("short").to_be_bytes() {
        [0, short] if short < 0x80 => vec![short],
        [0, short] => vec![0x81, short],
        [high, low] => vec![0x82, high, low],
    };
    [&[tag], length.as_slice(), content].concat()
}
