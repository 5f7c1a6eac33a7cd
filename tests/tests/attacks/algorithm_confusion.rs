//! Section A: algorithm and key confusion.

use jwt_core::BuildErrorKind;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Key, KeyErrorKind, KeySet};
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::forge::{Forge, encode};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{KID, behind, good, key, key_of, keyless, stranger, trusting};
use serde_json::{Value, json};

use crate::signatures::paddings;
use crate::target::{Target, mac, public_forms};

fn unsigned(header: &Value) -> String {
    format!("{}.{}.", encode(header.to_string()), encode(Value::from(good().claims).to_string()))
}

/// A token with an HMAC under `secret` that claims to be signed by `kid`.
fn confused(secret: &[u8], kid: Option<&str>) -> String {
    let header = match kid {
        Some(kid) => json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}),
        None => json!({"alg": "HS256", "typ": "at+jwt"}),
    };
    mac(secret, &header, &good().claims.into())
}

#[actix_web::test]
async fn a01_alg_none_without_a_signature_is_refused() {
    let target = Target::usual();
    target.refuses(&unsigned(&json!({"alg": "none"})), ErrorKind::MalformedToken, "empty").await;
    let token = format!("{}AA", unsigned(&json!({"alg": "none"})));
    target.refuses(&token, ErrorKind::AlgorithmNotAllowed, "not empty").await;
    let token = unsigned(&json!({"alg": "none", "typ": "at+jwt", "kid": KID}));
    target.refuses(&token, ErrorKind::MalformedToken, "with the right kid").await;
}

#[actix_web::test]
async fn a02_alg_none_in_any_spelling_is_refused() {
    for name in
        ["None", "NONE", "nOnE", "none ", " none", "", "null", "n\u{6f}ne", "none\u{0}", "\u{fb01}none", "ｎone"]
    {
        let token = unsigned(&json!({"alg": name, "kid": KID}));
        Target::usual().refuses(&token, ErrorKind::MalformedToken, name).await;
        let token = good().header("alg", name).sign();
        Target::usual().refuses(&token, ErrorKind::AlgorithmNotAllowed, name).await;
    }
}

#[actix_web::test]
async fn a03_a_valid_mac_does_not_help_a_header_without_an_algorithm() {
    let (target, token) = (Target::of(Algorithm::HS256), Forge::new(&key_of(Algorithm::HS256)));
    target.accepts(&token.sign(), "correct").await;
    for (alg, kind) in [
        (json!("none"), ErrorKind::AlgorithmNotAllowed),
        (json!("hs256"), ErrorKind::AlgorithmNotAllowed),
        (json!("HS256 "), ErrorKind::AlgorithmNotAllowed),
        (Value::Null, ErrorKind::MalformedToken),
        (json!(256), ErrorKind::MalformedToken),
        (json!(true), ErrorKind::MalformedToken),
        (json!(["HS256"]), ErrorKind::MalformedToken),
    ] {
        target.refuses(&token.clone().header("alg", alg.clone()).sign(), kind, &alg.to_string()).await;
    }
    target.refuses(&token.clone().without_header("alg").sign(), ErrorKind::MalformedToken, "missing").await;
    target.refuses(&token.without_header("alg").header("Alg", "HS256").sign(), ErrorKind::MalformedToken, "Alg").await;
}

#[actix_web::test]
async fn a04_alg_as_an_object_is_refused() {
    let (target, token) = (Target::of(Algorithm::HS256), Forge::new(&key_of(Algorithm::HS256)));
    for alg in [json!({"HS256": null}), json!({"HS256": {}}), json!({}), json!({"alg": "HS256"})] {
        target
            .refuses(&token.clone().header("alg", alg.clone()).sign(), ErrorKind::MalformedToken, &alg.to_string())
            .await;
    }
}

#[actix_web::test]
async fn a05_public_key_as_hmac_secret_is_refused() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let key = key_of(algorithm);
        for target in
            [Target::of(algorithm), Target::trusting(keyless().key(key.verification_key()).algorithms([algorithm]))]
        {
            for (form, secret) in public_forms(&key) {
                for kid in [Some(KID), None, Some("other")] {
                    target.refuses(&confused(&secret, kid), ErrorKind::AlgorithmNotAllowed, &form).await;
                }
            }
        }
    }
}

#[actix_web::test]
async fn a06_an_algorithm_list_of_both_families_does_not_make_a_public_key_a_secret() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let key = key_of(algorithm);
        let issuer = keyless().key(key.verification_key()).algorithms([Algorithm::HS256, algorithm]);
        let target = Target::trusting(issuer);
        target.accepts(&Forge::new(&key).sign(), "correct").await;
        for (form, secret) in public_forms(&key) {
            for kid in [Some(KID), None] {
                target.refuses(&confused(&secret, kid), ErrorKind::UnknownKey, &form).await;
            }
        }
    }
}

#[actix_web::test]
async fn a07_with_two_families_allowed_each_key_verifies_only_its_own() {
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::Ed25519];
    let keys: Vec<SigningKey> =
        algorithms.iter().map(|&algorithm| key_of(algorithm).with_kid(algorithm.name())).collect();
    let issuer = keys.iter().fold(keyless(), |issuer, key| issuer.key(key.verification_key()));
    for target in [Target::trusting(issuer.clone()), Target::trusting(issuer.algorithms(algorithms))] {
        for key in &keys {
            target.accepts(&Forge::new(key).sign(), key.algorithm().name()).await;
        }
        let swapped = Forge::new(&keys[0]).header("kid", "ES256").sign();
        target.refuses(&swapped, ErrorKind::UnknownKey, "the kid of the other family").await;
    }
}

#[test]
fn a08_a_public_key_is_not_taken_as_a_secret() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        for (form, secret) in public_forms(&key_of(algorithm)) {
            let raw = ["n", "n in base64url", "x", "x in base64url", "point", "nothing"].contains(&form.as_str());
            // Numbers without an encoding look like any other bytes.
            if raw || form.ends_with("'s base64") {
                continue;
            }
            for hmac in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let error = Key::from_secret(hmac, &secret).expect_err(&form);
                assert_eq!(error.kind(), KeyErrorKind::PublicKeyAsSecret, "{form}");
                let error = SigningKey::from_secret(hmac, &secret).expect_err(&form);
                assert_eq!(error.kind(), KeyErrorKind::PublicKeyAsSecret, "{form}");
            }
        }
    }
}

#[test]
fn a09_a_secret_shorter_than_the_hash_is_refused() {
    for (algorithm, least) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        for length in 0..least {
            let error = Key::from_secret(algorithm, vec![0x5a; length]).expect_err("short");
            assert_eq!(error.kind(), KeyErrorKind::TooShort, "{algorithm} {length}");
            let jwk = json!({"kty": "oct", "alg": algorithm.name(), "k": encode(vec![0x5a; length])});
            let error = Key::from_symmetric_jwk(&jwk.to_string()).expect_err("short");
            let kinds = [KeyErrorKind::TooShort, KeyErrorKind::Malformed];
            assert!(kinds.contains(&error.kind()), "{algorithm} {length} {error}");
        }
        assert!(Key::from_secret(algorithm, vec![0x5a; least]).is_ok());
    }
    assert!(Key::from_symmetric_jwk(r#"{"kty":"oct","k":""}"#).is_err());
    assert!(Key::from_symmetric_jwk(r#"{"kty":"oct"}"#).is_err());
}

#[actix_web::test]
async fn a10_another_algorithm_of_the_same_family_is_refused() {
    let (keys, cases) = paddings();
    let target = Target::trusting(keyless().keys(&keys));
    for name in
        ["a PSS signature under RS256", "RS384 under RS256", "RS512 under RS256", "a PKCS#1 signature under PS256"]
    {
        let case = cases.iter().find(|case| case.name == name).expect(name);
        target.refuses(&case.token, ErrorKind::BadSignature, name).await;
    }
    let only = Target::trusting(keyless().keys(&keys).algorithms([Algorithm::RS256]));
    let pss = cases.iter().find(|case| case.name == "PS256 as it should be").expect("a case");
    only.refuses(&pss.token, ErrorKind::AlgorithmNotAllowed, "PS256 where RS256 is allowed").await;
    let renamed = Forge::new(&key_of(Algorithm::RS384).with_kid("rsa-65537")).sign();
    target.refuses(&renamed, ErrorKind::UnknownKey, "RS384 for a key of RS256").await;
}

#[actix_web::test]
async fn a11_a_key_is_used_only_with_its_declared_algorithm() {
    let (_, cases) = paddings();
    let rs256 = cases.iter().find(|case| case.name == "RS256 as it should be").expect("a case");
    for (declared, accepted) in [(Some("RS512"), false), (Some("PS256"), false), (Some("RS256"), true), (None, true)] {
        let issuer = keyless().keys(&paddings_declared(declared)).algorithms([
            Algorithm::RS256,
            Algorithm::RS512,
            Algorithm::PS256,
        ]);
        let target = Target::trusting(issuer);
        match accepted {
            true => target.accepts(&rs256.token, "the declared algorithm").await,
            false => target.refuses(&rs256.token, ErrorKind::UnknownKey, "another").await,
        }
    }
}

/// The first RSA key of the padding vectors, declared for another algorithm.
fn paddings_declared(algorithm: Option<&str>) -> KeySet {
    let mut jwk = crate::signatures::padding_document()["keys"][0].clone();
    match algorithm {
        Some(algorithm) => jwk["alg"] = algorithm.into(),
        None => drop(jwk.as_object_mut().and_then(|jwk| jwk.remove("alg"))),
    }
    KeySet::from_jwks(&json!({"keys": [jwk]}).to_string()).expect("a set")
}

#[actix_web::test]
async fn a12_an_rsa_key_without_an_algorithm_is_not_used_as_a_secret() {
    let keys = paddings_declared(None);
    let jwk = crate::signatures::padding_document()["keys"][0].clone();
    let modulus = jwk["n"].as_str().expect("n").as_bytes().to_vec();
    for (target, kind) in [
        (Target::trusting(keyless().keys(&keys)), ErrorKind::AlgorithmNotAllowed),
        (
            Target::trusting(keyless().keys(&keys).algorithms([Algorithm::HS256, Algorithm::RS256])),
            ErrorKind::UnknownKey,
        ),
    ] {
        for secret in [&modulus[..], b"", &[0; 32]] {
            for kid in [Some("rsa-65537"), None] {
                target.refuses(&confused(secret, kid), kind, "HS256").await;
            }
        }
    }
}

#[actix_web::test]
async fn a13_a_curve_of_another_size_is_refused() {
    for (ours, theirs) in [(Algorithm::ES384, "ES256"), (Algorithm::ES256, "ES384"), (Algorithm::ES256, "ES512")] {
        let token = Forge::new(&key_of(ours)).header("alg", theirs).sign();
        Target::of(ours).refuses(&token, ErrorKind::UnknownKey, theirs).await;
    }
}

#[actix_web::test]
async fn a14_ed25519_has_two_algorithm_names() {
    let key = key_of(Algorithm::Ed25519);
    for target in [
        Target::of(Algorithm::Ed25519),
        Target::trusting(keyless().key(key.verification_key()).algorithms([Algorithm::Ed25519])),
    ] {
        for name in ["Ed25519", "EdDSA"] {
            target.accepts(&Forge::new(&key).header("alg", name).sign(), name).await;
        }
        for name in ["ed25519", "EDDSA", "Ed448"] {
            let token = Forge::new(&key).header("alg", name).sign();
            target.refuses(&token, ErrorKind::AlgorithmNotAllowed, name).await;
        }
    }
}

#[actix_web::test]
async fn a15_other_octet_key_pairs_are_ignored() {
    let point = |length: usize| encode(vec![7; length]);
    let x25519 = json!({"kty": "OKP", "crv": "X25519", "kid": "x", "x": point(32)});
    let ed448 = json!({"kty": "OKP", "crv": "Ed448", "kid": "448", "x": point(57)});
    for jwk in [&x25519, &ed448] {
        assert_eq!(Key::from_jwk(&jwk.to_string()).expect_err("refused").kind(), KeyErrorKind::UnsupportedKeyType);
    }
    let own = key_of(Algorithm::Ed25519).public_jwk().expect("a public key");
    let set = KeySet::from_jwks(&json!({"keys": [x25519, ed448, own]}).to_string()).expect("a set");
    let target = Target::trusting(keyless().keys(&set));
    target.accepts(&Forge::new(&key_of(Algorithm::Ed25519)).sign(), "the key that is not ignored").await;
    for kid in ["x", "448"] {
        let token = Forge::new(&key_of(Algorithm::Ed25519)).header("kid", kid).sign();
        target.refuses(&token, ErrorKind::UnknownKey, kid).await;
    }
}

#[actix_web::test]
async fn a16_algorithms_without_a_key_are_refused_without_a_panic() {
    for (name, kind) in [
        ("ES256K", ErrorKind::AlgorithmNotAllowed),
        ("ES512", ErrorKind::UnknownKey),
        ("ML-DSA-44", ErrorKind::UnknownKey),
        ("ML-DSA-65", ErrorKind::UnknownKey),
        ("ML-DSA-87", ErrorKind::UnknownKey),
        ("SLH-DSA-SHA2-128s", ErrorKind::AlgorithmNotAllowed),
        ("RSA-OAEP", ErrorKind::AlgorithmNotAllowed),
        ("dir", ErrorKind::AlgorithmNotAllowed),
    ] {
        Target::usual().refuses(&good().header("alg", name).sign(), kind, name).await;
    }
}

#[actix_web::test]
async fn a17_an_algorithm_is_compared_after_unescaping() {
    let header = format!(r#"{{"\u0061lg":"ES\u003256","kid":"{KID}"}}"#);
    Target::usual().accepts(&good().sign_header(header), "escaped").await;
    let header = format!(r#"{{"alg":"ES256","\u0061lg":"none","kid":"{KID}"}}"#);
    Target::usual().refuses(&good().sign_header(header), ErrorKind::MalformedToken, "twice").await;
}

#[actix_web::test]
async fn a18_an_unknown_algorithm_is_refused() {
    for name in ["ES257", "RS1", "HS1", "ES256,HS256", "ES256 ", "es256", "ES256\u{0}", "unknown", "A128GCM", "*"] {
        let token = good().header("alg", name).sign();
        Target::usual().refuses(&token, ErrorKind::AlgorithmNotAllowed, name).await;
    }
    // A fetched key set isn't searched for algorithms that it cannot serve.
    let remote = Remote::serving(&[&key()]);
    let issuer = jwt_core::TrustedIssuer::jwks(jwt_tests::forge::ISSUER, JWKS).audience(jwt_tests::forge::AUDIENCE);
    let target = Target(behind(trusting(issuer.clone()).fetch(remote.fetch())));
    for name in ["unknown", "HS256", "none"] {
        target.refuses(&good().header("alg", name).sign(), ErrorKind::AlgorithmNotAllowed, name).await;
    }
    assert!(remote.asked().is_empty());
    let symmetric = trusting(issuer.algorithms([Algorithm::HS256])).fetch(remote.fetch()).build();
    assert_eq!(symmetric.expect_err("a fetched secret").kind(), BuildErrorKind::Contradiction);
    let foreign = stranger(Algorithm::HS256).with_kid(KID);
    target.refuses(&Forge::new(&foreign).sign(), ErrorKind::AlgorithmNotAllowed, "HS256").await;
}
