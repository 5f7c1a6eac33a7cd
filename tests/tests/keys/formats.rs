//! Key formats: a key in each format verifies a token, on both back ends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Key, KeyError, KeySet};
use jwt_tests::forge::{Forge, encode};
use serde_json::{Value, json};

use super::pem::{PEMS, RSA_PRIVATE_KEY, RSA_PUBLIC_KEY};
use super::{backends, jwks, public_jwk, trusted, verifier, verify, with};

pub(super) async fn assert_verifies(signer: &SigningKey, form: &str, key: Result<Key, KeyError>) {
    let key = key.unwrap_or_else(|error| panic!("{form}: {error}"));
    for backend in backends() {
        let verified = verify(&verifier(trusted().key(key.clone()), backend), &Forge::new(signer).sign()).await;
        let verified = verified.unwrap_or_else(|kind| panic!("{form} with {}: {kind:?}", backend.name()));
        assert_eq!(verified.algorithm(), signer.algorithm(), "{form}");
    }
}

pub(super) fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).expect("base64")
}

pub(super) fn text<'j>(jwk: &'j Value, member: &str) -> &'j str {
    jwk[member].as_str().expect("a number")
}

#[tokio::test]
async fn keys_in_pem_der_and_jwk_verify() {
    for pem in &PEMS {
        let algorithm = pem.algorithm;
        let signer = SigningKey::from_pem(algorithm, pem.private).expect("a private key");
        let jwk = public_jwk(&signer);
        for (form, key) in [
            ("PEM", Key::from_pem(algorithm, pem.public)),
            ("PEM with other line ends", Key::from_pem(algorithm, pem.public.replace('\n', "\r\n"))),
            ("certificate in PEM", Key::from_pem(algorithm, pem.expired)),
            ("DER", Key::from_der(algorithm, der(pem.public))),
            ("certificate in DER", Key::from_der(algorithm, der(pem.expired))),
            ("JWK", Key::from_jwk(&jwk.to_string())),
            ("JWK without alg", Key::from_jwk(&with(jwk, json!({"alg": null})).to_string())),
        ] {
            assert_verifies(&signer, &format!("{algorithm} in {form}"), key).await;
        }
    }
}

#[tokio::test]
async fn rsa_keys_in_pkcs1_verify_and_sign() {
    for algorithm in [Algorithm::RS256, Algorithm::PS512] {
        let signer = SigningKey::from_pem(algorithm, RSA_PRIVATE_KEY).expect("a private key");
        assert_verifies(&signer, "PKCS#1 in PEM", Key::from_pem(algorithm, RSA_PUBLIC_KEY)).await;
        assert_verifies(&signer, "PKCS#1 in DER", Key::from_der(algorithm, der(RSA_PUBLIC_KEY))).await;
    }
}

#[tokio::test]
async fn shared_secrets_verify_in_every_form() {
    for (algorithm, size) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        let secret: Vec<u8> = (0x80..).take(size).collect();
        let signer = SigningKey::from_secret(algorithm, &secret).expect("a secret");
        let jwk = json!({"kty": "oct", "k": encode(&secret), "alg": algorithm.name()});
        let set = KeySet::from_symmetric_jwks(&jwks([jwk.clone()])).expect("a set");
        for (form, key) in [
            ("bytes", Key::from_secret(algorithm, &secret)),
            ("JWK", Key::from_symmetric_jwk(&jwk.to_string())),
            ("set", Ok(set.keys()[0].clone())),
        ] {
            assert_verifies(&signer, &format!("{algorithm} as {form}"), key).await;
        }
    }
}

/// Encodes a value in DER, with a length of two bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("at most 64 KiB").to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}

/// The formats of RFC 9881 section 4.
#[tokio::test]
async fn ml_dsa_keys_in_pem_and_der_verify() {
    for (algorithm, arc) in [(Algorithm::MlDsa44, 17), (Algorithm::MlDsa65, 18), (Algorithm::MlDsa87, 19)] {
        let signer = SigningKey::generate(algorithm).expect("a key");
        let jwk = public_jwk(&signer);
        let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text(&jwk, "pub")).expect("base64url");
        let identifier = [0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, arc];
        let der = tlv(0x30, &[&identifier[..], &tlv(0x03, &[&[0][..], &key].concat())].concat());
        let base64 = STANDARD.encode(&der);
        let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        assert_verifies(&signer, &format!("{algorithm} in DER"), Key::from_der(algorithm, &der)).await;
        assert_verifies(&signer, &format!("{algorithm} in PEM"), Key::from_pem(algorithm, &pem)).await;
        assert_verifies(&signer, &format!("{algorithm} in JWK"), Key::from_jwk(&jwk.to_string())).await;
    }
}
