//! Rows F13 to F17: keys beside others in a set, and other members of a set.

use jwt_core::BuildErrorKind;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::{KeyErrorKind, KeySet};
use jwt_core::{Algorithm, ErrorKind, Verifier};
use jwt_tests::forge::Forge;
use serde_json::{Value, json};

use super::{backends, ignored, jwks, public_jwk, signing_key, trusted, verifier, verify, with};

#[tokio::test]
async fn f13_of_two_keys_with_one_name_none_is_used() {
    let (first, second) = (signing_key("twin"), signing_key("twin"));
    let set = KeySet::from_jwks(&jwks([public_jwk(&first), public_jwk(&second)])).expect("a set");
    for backend in backends() {
        let built = Verifier::builder().issuer(trusted().keys(&set)).crypto(backend).build();
        assert_eq!(built.expect_err("ambiguous").kind(), BuildErrorKind::AmbiguousKeys);
    }
}

#[tokio::test]
async fn f13_a_key_listed_twice_counts_once() {
    let key = signing_key("twin");
    let set = KeySet::from_jwks(&jwks([public_jwk(&key), public_jwk(&key)])).expect("a set");
    for backend in backends() {
        assert!(verify(&verifier(trusted().keys(&set), backend), &Forge::new(&key).sign()).await.is_ok());
    }
}

#[tokio::test]
async fn f13_keys_with_one_name_and_two_algorithms_are_told_apart() {
    let es = signing_key("twin");
    let ed = SigningKey::generate(Algorithm::Ed25519).expect("a key").with_kid("twin");
    let set = KeySet::from_jwks(&jwks([public_jwk(&es), public_jwk(&ed)])).expect("a set");
    for backend in backends() {
        let verifier = verifier(trusted().keys(&set), backend);
        for key in [&es, &ed] {
            assert!(verify(&verifier, &Forge::new(key).sign()).await.is_ok(), "{}", key.algorithm());
        }
        let crossed = Forge::new(&es).header("alg", "EdDSA").sign();
        assert_eq!(verify(&verifier, &crossed).await.expect_err("crossed"), ErrorKind::BadSignature);
    }
}

#[tokio::test]
async fn f14_a_malformed_key_leaves_the_others_usable() {
    let (key, other) = (signing_key("good"), public_jwk(&signing_key("k")));
    let malformed = [
        with(other.clone(), json!({"use": 1})),
        with(other.clone(), json!({"kid": 5})),
        with(other.clone(), json!({"alg": ["ES256"]})),
        with(other.clone(), json!({"kty": {}})),
        with(other.clone(), json!({"x5c": "s"})),
        with(other.clone(), json!({"x5c": [5]})),
        with(other.clone(), json!({"key_ops": "s"})),
        with(other.clone(), json!({"key_ops": [null]})),
        with(other.clone(), json!({"x": 7})),
        with(other.clone(), json!({"x": null})),
        with(other.clone(), json!({"kty": null})),
        json!("x"),
        json!(5),
        json!(true),
        json!([]),
        json!({}),
        Value::Null,
    ];
    for jwk in &malformed {
        assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::Malformed), "{jwk}");
    }
    let twice = format!(r#"{{"kty":"EC","kty":"EC","crv":"P-256","x":{},"y":{}}}"#, other["x"], other["y"]);
    let all = malformed.iter().map(Value::to_string).chain([twice]).collect::<Vec<_>>();
    let text = format!(r#"{{"keys":[{},{}]}}"#, all.join(","), public_jwk(&key));
    let set = KeySet::from_jwks(&text).expect("a set");
    assert_eq!((set.keys().len(), set.ignored().count()), (1, all.len()));
    for backend in backends() {
        assert!(verify(&verifier(trusted().keys(&set), backend), &Forge::new(&key).sign()).await.is_ok());
    }
}

#[test]
fn f15_unknown_key_types_leave_the_others_usable() {
    let (x, y) = ("A".repeat(43), "A".repeat(43));
    for jwk in [
        json!({"kty": "EC", "crv": "secp256k1", "x": x, "y": y}),
        json!({"kty": "OKP", "crv": "X25519", "x": x}),
        json!({"kty": "OKP", "crv": "Ed448", "x": "A".repeat(76)}),
        json!({"kty": "PQC", "alg": "FN-DSA-512", "pub": x}),
        json!({"kty": "ec"}),
        json!({"kty": ""}),
    ] {
        assert_eq!(ignored(jwk.clone()), Some(KeyErrorKind::UnsupportedKeyType), "{jwk}");
    }
    let unknown = json!({"kty": "AKP", "alg": "SLH-DSA-SHA2-128s", "pub": x});
    assert_eq!(ignored(unknown), Some(KeyErrorKind::UnsupportedAlgorithm));
    assert_eq!(ignored(json!({"kty": "AKP", "pub": x})), Some(KeyErrorKind::Malformed));
}

#[test]
fn f16_a_document_that_is_not_a_key_set_is_refused() {
    let key = public_jwk(&signing_key("k")).to_string();
    for text in [
        "".to_owned(),
        "null".to_owned(),
        "[[]]".to_owned(),
        format!("[{key}]"),
        key.clone(),
        "{}".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":null}"#.to_owned(),
        format!(r#"{{"Keys":[{key}]}}"#),
        format!(r#"{{"keys":[{key}],"keys":[{key}]}}"#),
        format!(r#"{{"keys":[{key}]}}x"#),
        format!(r#"{{"keys":[{key},]}}"#),
        "<html>".to_owned(),
    ] {
        assert_eq!(KeySet::from_jwks(&text).expect_err(&text).kind(), KeyErrorKind::Malformed, "{text}");
    }
    let empty = KeySet::from_jwks(r#"{"keys":[],"more":[1]}"#).expect("a set");
    assert!(empty.keys().is_empty() && empty.ignored().next().is_none());
}

#[test]
fn f16_a_key_set_has_a_maximum_size() {
    let key = public_jwk(&signing_key("k"));
    let many = |count: usize| KeySet::from_jwks(&jwks(vec![key.clone(); count]));
    assert_eq!(many(100).expect("as many as may be").keys().len(), 100);
    for count in [101, 10_000] {
        assert_eq!(many(count).expect_err("too many").kind(), KeyErrorKind::TooLarge, "{count}");
    }
    let padded = |bytes: usize| {
        let text = jwks([key.clone()]);
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    assert!(KeySet::from_jwks(&padded(512 * 1024)).is_ok());
    for bytes in [512 * 1024 + 1, 10 * 1024 * 1024] {
        assert_eq!(KeySet::from_jwks(&padded(bytes)).expect_err("too long").kind(), KeyErrorKind::TooLarge);
    }
}

/// RFC 7517 section 4.7 requires that a certificate in use matches its key. Certificates are not used, so they can
/// neither vouch for a key nor replace it.
#[tokio::test]
async fn f17_certificates_beside_a_key_are_ignored() {
    let key = signing_key("k");
    let foreign = include_str!("pem/rsa.expired.pem");
    let foreign: String = foreign.lines().filter(|line| !line.starts_with('-')).collect();
    let beside = json!({"x5c": [foreign], "x5t": "AAAA", "x5t#S256": "AAAA", "x5u": "https://evil.example/cert"});
    let set = KeySet::from_jwks(&jwks([with(public_jwk(&key), beside)])).expect("a set");
    assert!(set.ignored().next().is_none());
    let stranger = signing_key("k");
    for backend in backends() {
        let verifier = verifier(trusted().keys(&set), backend);
        assert!(verify(&verifier, &Forge::new(&key).sign()).await.is_ok());
        let error = verify(&verifier, &Forge::new(&stranger).sign()).await.expect_err("another key");
        assert_eq!(error, ErrorKind::BadSignature);
    }
}
