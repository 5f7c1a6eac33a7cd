//! Rows F01 to F12: single keys of a set that are not used.

use jwt_core::BuildErrorKind;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Key, KeyErrorKind, KeySet};
use jwt_core::{Algorithm, ErrorKind, Verifier};
use jwt_tests::forge::{Forge, encode};
use serde_json::{Value, json};

use super::{backends, ignored, jwks, public_jwk, signing_key, trusted, usable, verifier, verify, with};

/// Verifies a token signed with `key`. The issuer's set has `jwk` in its place, and another key.
async fn token_under(key: &SigningKey, jwk: &Value) -> ErrorKind {
    let mut outcomes = Vec::new();
    for backend in backends() {
        let set = KeySet::from_jwks(&jwks([jwk.clone(), public_jwk(&signing_key("good"))])).expect("a set");
        let verifier = verifier(trusted().keys(&set).algorithms(Algorithm::ALL.iter().copied()), backend);
        outcomes.push(verify(&verifier, &Forge::new(key).sign()).await.expect_err("the key is not used"));
    }
    assert_eq!(outcomes[0], outcomes[1], "the back ends disagree");
    outcomes[0]
}

#[tokio::test]
async fn f01_a_shared_secret_in_a_public_set_is_not_used() {
    let secret = [7; 32];
    let jwk = json!({"kty": "oct", "k": encode(secret), "alg": "HS256", "use": "sig", "kid": "s"});
    assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::SymmetricKey));
    let key = SigningKey::from_secret(Algorithm::HS256, secret).expect("a key").with_kid("s");
    assert_eq!(token_under(&key, &jwk).await, ErrorKind::UnknownKey);
}

#[tokio::test]
async fn f02_a_key_for_another_purpose_is_not_used() {
    let key = signing_key("k");
    for change in [
        json!({"use": "enc"}),
        json!({"use": "tls"}),
        json!({"use": ""}),
        json!({"use": null, "key_ops": ["encrypt"]}),
        json!({"use": null, "key_ops": ["sign"]}),
        json!({"use": null, "key_ops": []}),
        json!({"key_ops": ["deriveKey"]}),
    ] {
        let jwk = with(public_jwk(&key), change.clone());
        assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::WrongUse), "{change}");
        assert_eq!(token_under(&key, &jwk).await, ErrorKind::UnknownKey, "{change}");
    }
    for change in [json!({"use": null}), json!({"key_ops": ["verify"]}), json!({"key_ops": ["sign", "verify"]})] {
        assert_eq!(ignored(with(public_jwk(&key), change.clone())), None, "{change}");
    }
}

#[tokio::test]
async fn f03_a_key_for_another_algorithm_is_not_used() {
    let key = signing_key("k");
    for (alg, kind) in [
        ("ES384", KeyErrorKind::AlgorithmMismatch),
        ("RS256", KeyErrorKind::AlgorithmMismatch),
        ("HS256", KeyErrorKind::AlgorithmMismatch),
        ("EdDSA", KeyErrorKind::AlgorithmMismatch),
        ("ECDH-ES", KeyErrorKind::UnsupportedAlgorithm),
        ("ES224", KeyErrorKind::UnsupportedAlgorithm),
        ("ES256K", KeyErrorKind::UnsupportedAlgorithm),
        ("XX", KeyErrorKind::UnsupportedAlgorithm),
        ("none", KeyErrorKind::UnsupportedAlgorithm),
        ("", KeyErrorKind::UnsupportedAlgorithm),
    ] {
        let jwk = with(public_jwk(&key), json!({"alg": alg}));
        assert_eq!(ignored(jwk.clone()), Some(kind), "{alg}");
        assert_eq!(token_under(&key, &jwk).await, ErrorKind::UnknownKey, "{alg}");
    }
}

#[tokio::test]
async fn f03_an_rsa_key_is_used_only_with_the_algorithm_that_it_names() {
    let rsa = SigningKey::generate(Algorithm::RS256).expect("a key").with_kid("k");
    for alg in ["PS256", "RS384", "RS512", "PS512"] {
        let jwk = with(public_jwk(&rsa), json!({"alg": alg}));
        assert_eq!(ignored(jwk.clone()), None, "{alg}");
        assert_eq!(token_under(&rsa, &jwk).await, ErrorKind::UnknownKey, "{alg}");
    }
}

/// An odd number of `bits` bits, like a modulus.
fn odd(bits: usize) -> Vec<u8> {
    let mut number = vec![0x5a; bits.div_ceil(8)];
    let top = (bits - 1) % 8;
    number[0] = (number[0] & ((1 << top) - 1)) | 1 << top;
    *number.last_mut().expect("not empty") |= 1;
    number
}

fn rsa(modulus: impl AsRef<[u8]>, exponent: impl AsRef<[u8]>) -> Value {
    json!({"kty": "RSA", "n": encode(modulus), "e": encode(exponent), "kid": "rsa"})
}

#[test]
fn f04_a_short_rsa_key_is_not_used() {
    for bits in [8, 512, 1024, 2040, 2047] {
        assert_eq!(ignored(rsa(odd(bits), [1, 0, 1])), Some(KeyErrorKind::TooShort), "{bits}");
    }
    assert_eq!(ignored(rsa(odd(2048), [1, 0, 1])), None);
}

#[test]
fn f05_an_oversized_rsa_key_is_not_used() {
    for bits in [8193, 16384, 65536] {
        assert_eq!(ignored(rsa(odd(bits), [1, 0, 1])), Some(KeyErrorKind::TooLarge), "{bits}");
    }
    for exponent in [&[1][..], &[2], &[1, 0], &[3, 0, 0, 0, 1], &[0xff; 8], &[0xff; 256]] {
        assert_eq!(ignored(rsa(odd(2048), exponent)), Some(KeyErrorKind::InvalidKey), "{exponent:x?}");
    }
    assert_eq!(ignored(rsa(odd(8192), [1, 0, 1])), None);
    let even = [vec![0x80; 255], vec![0x80]].concat();
    assert_eq!(ignored(rsa(even, [1, 0, 1])), Some(KeyErrorKind::InvalidKey));
}

#[test]
fn f05_both_back_ends_can_use_the_largest_accepted_keys_and_exponents() {
    for (bits, exponent) in [(2048, &[3][..]), (2049, &[1, 0, 1]), (8192, &[1, 0, 1]), (4096, &[1, 0, 0, 0, 1])] {
        for backend in backends() {
            let usable = usable(&jwks([rsa(odd(bits), exponent)]), backend);
            assert_eq!(usable, 1, "{bits} bits, {exponent:x?}, {}", backend.name());
        }
    }
}

#[test]
fn f06_zeros_padding_and_the_alphabet_do_not_change_a_number() {
    // In base64, these bytes are `+` and `/`, and in base64url `-` and `_`.
    let n: Vec<u8> = [[0xfb, 0xff, 0xbf]; 86].concat();
    let n = [&n[..255], &[0xff]].concat();
    let zero = [&[0][..], &n].concat();
    let standard = encode(&n).replace('-', "+").replace('_', "/");
    assert!(standard.contains('+') && standard.contains('/'));
    for jwk in [
        with(rsa(&n, [1, 0, 1]), json!({"n": format!("{standard}==")})),
        with(rsa(&n, [1, 0, 1]), json!({"n": standard})),
        rsa(zero, [1, 0, 1]),
        rsa(&n, [0, 1, 0, 1]),
        with(rsa(&n, [1, 0, 1]), json!({"n": format!("{}==", encode(&n))})),
    ] {
        for backend in backends() {
            let (key, exact) = (Key::from_jwk(&jwk.to_string()), Key::from_jwk(&rsa(&n, [1, 0, 1]).to_string()));
            let thumbprints = [key, exact].map(|key| backend.thumbprint(&key.expect("a key")));
            assert_eq!(thumbprints[0], thumbprints[1], "{}", backend.name());
            assert_eq!(usable(&jwks([jwk.clone()]), backend), 1, "{}", backend.name());
        }
    }
}

#[test]
fn f06_a_number_is_base64url() {
    let n = odd(2048);
    for jwk in [
        with(rsa(&n, [1, 0, 1]), json!({"e": "AQAB="})),
        with(rsa(&n, [1, 0, 1]), json!({"n": format!("{}\n", encode(&n))})),
        with(rsa(&n, [1, 0, 1]), json!({"e": 65537})),
        rsa(&n, []),
        rsa([], [1, 0, 1]),
    ] {
        assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::Malformed), "{}", jwk["e"]);
    }
}

#[test]
fn f07_the_curve_must_match_the_key() {
    let ec = public_jwk(&signing_key("k"));
    let okp = public_jwk(&SigningKey::generate(Algorithm::Ed25519).expect("a key"));
    let unsupported = Some(KeyErrorKind::UnsupportedKeyType);
    for (jwk, crv, kind) in [
        (&ec, "P-384", Some(KeyErrorKind::Malformed)),
        (&ec, "P-521", Some(KeyErrorKind::Malformed)),
        (&ec, "Ed25519", unsupported),
        (&ec, "secp256k1", unsupported),
        (&ec, "p-256", unsupported),
        (&ec, "", unsupported),
        (&okp, "P-256", unsupported),
        (&okp, "X25519", unsupported),
        (&okp, "Ed448", unsupported),
    ] {
        assert_eq!(ignored(with(jwk.clone(), json!({"crv": crv, "alg": null}))), kind, "{crv}");
    }
    for (jwk, kty) in [(&ec, "OKP"), (&okp, "EC")] {
        assert_eq!(ignored(with(jwk.clone(), json!({"kty": kty, "alg": null}))), unsupported, "{kty}");
    }
}

#[test]
fn f08_each_coordinate_has_the_length_of_its_curve() {
    let jwk = public_jwk(&signing_key("k"));
    let point = [bytes(&jwk, "x"), bytes(&jwk, "y")].concat();
    for split in [0, 1, 31, 33, 63, 64] {
        let (x, y) = point.split_at(split);
        let shifted = with(jwk.clone(), json!({"x": encode(x), "y": encode(y)}));
        assert_eq!(ignored(shifted), Some(KeyErrorKind::Malformed), "{split}");
    }
    let long = [&[1][..], &bytes(&jwk, "x")].concat();
    assert_eq!(ignored(with(jwk, json!({"x": encode(long)}))), Some(KeyErrorKind::Malformed));
}

fn bytes(jwk: &Value, member: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text = jwk[member].as_str().expect("a number");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

#[test]
fn f09_a_point_that_is_not_on_its_curve_is_used_by_no_back_end() {
    for (algorithm, size) in [(Algorithm::ES256, 32), (Algorithm::ES384, 48), (Algorithm::ES512, 66)] {
        let jwk = public_jwk(&SigningKey::generate(algorithm).expect("a key").with_kid("k"));
        let mut off = bytes(&jwk, "y");
        off[size - 1] ^= 1;
        let (zero, ones) = (vec![0; size], vec![0xff; size]);
        let points = [
            json!({"y": encode(&off)}),
            json!({"x": encode(&zero), "y": encode(&zero)}),
            json!({"x": encode(&ones), "y": encode(&ones)}),
            json!({"x": jwk["y"], "y": jwk["x"]}),
        ];
        for (point, backend) in points.iter().flat_map(|point| backends().map(|backend| (point, backend))) {
            let bad = with(jwk.clone(), point.clone());
            let good = public_jwk(&signing_key("good"));
            assert_eq!(usable(&jwks([bad.clone()]), backend), 0, "{algorithm} {}", backend.name());
            assert_eq!(usable(&jwks([bad.clone(), good]), backend), 1, "{algorithm} {}", backend.name());
            let key = Key::from_jwk(&bad.to_string()).expect("the right lengths");
            let built = Verifier::builder().issuer(trusted().key(key)).crypto(backend).build();
            assert_eq!(built.expect_err("no usable key").kind(), BuildErrorKind::NoUsableKey);
        }
        for empty in [json!({"x": ""}), json!({"y": ""}), json!({"y": null})] {
            assert_eq!(ignored(with(jwk.clone(), empty)), Some(KeyErrorKind::Malformed), "{algorithm}");
        }
    }
}

async fn okp_of_another_length_is_not_used(lengths: &[usize]) {
    let key = SigningKey::generate(Algorithm::Ed25519).expect("a key").with_kid("k");
    let jwk = public_jwk(&key);
    let x = [bytes(&jwk, "x"), vec![0; 32]].concat();
    for &length in lengths {
        let jwk = with(jwk.clone(), json!({"x": encode(&x[..length])}));
        assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::Malformed), "{length}");
        assert_eq!(token_under(&key, &jwk).await, ErrorKind::UnknownKey, "{length}");
    }
}

#[tokio::test]
async fn f10_a_short_ed25519_key_is_ignored_without_a_panic() {
    okp_of_another_length_is_not_used(&[0, 1, 16, 31]).await;
}

#[tokio::test]
async fn f11_a_long_ed25519_key_is_not_truncated() {
    okp_of_another_length_is_not_used(&[33, 48, 64]).await;
}

#[tokio::test]
async fn f11_a_weak_or_invalid_ed25519_key_verifies_nothing() {
    let jwk = |x: [u8; 32]| json!({"kty": "OKP", "crv": "Ed25519", "x": encode(x), "kid": "k"});
    let number = |low: u8| {
        let mut number = [0; 32];
        number[0] = low;
        number
    };
    for weak in [number(0), number(1), [0xff; 32]] {
        assert_eq!(ignored(jwk(weak)), Some(KeyErrorKind::InvalidKey), "{weak:x?}");
    }
    let signer = SigningKey::generate(Algorithm::Ed25519).expect("a key").with_kid("k");
    // A y-coordinate without an x. One back end notices when it reads the key, the other at the first signature.
    let set = KeySet::from_jwks(&jwks([jwk(number(2)), public_jwk(&signing_key("good"))])).expect("a set");
    for backend in backends() {
        let verifier = verifier(trusted().keys(&set), backend);
        let kind = verify(&verifier, &Forge::new(&signer).sign()).await.expect_err("no such key");
        assert!(matches!(kind, ErrorKind::UnknownKey | ErrorKind::BadSignature), "{kind:?}");
        let signature = [vec![1], vec![0; 63]].concat();
        let signed = Forge::new(&signer).sign();
        let (input, _) = signed.rsplit_once('.').expect("three segments");
        assert!(verify(&verifier, &format!("{input}.{}", encode(signature))).await.is_err());
    }
}

#[tokio::test]
async fn f12_a_published_private_key_is_not_used() {
    let key = signing_key("k");
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
        let jwk = with(public_jwk(&key), json!({member: encode([7; 32])}));
        assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::PrivateKey), "{member}");
        assert_eq!(token_under(&key, &jwk).await, ErrorKind::UnknownKey, "{member}");
    }
}
