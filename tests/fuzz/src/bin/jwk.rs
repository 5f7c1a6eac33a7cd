//! Compares JSON Web Keys with `serde_json`, with `jsonwebtoken` and with a second computation of the thumbprint.
//!
//! An accepted key must be the one that its members describe. A set must accept exactly the keys that are accepted by
//! themselves: one bad key must not spoil the others.

#![no_main]

use std::sync::LazyLock;

use jwt_core::Algorithm;
use jwt_core::crypto::Backend;
use jwt_core::jsonwebtoken_12::jwk::{AlgorithmParameters, Jwk};
use jwt_core::keys::{Key, KeyErrorKind, KeySet, KeyTable};
use jwt_fuzz::Input;
use jwt_fuzz::forge::encode;
use jwt_fuzz::json::{self, Json};
use jwt_fuzz::keys::Numbers;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 24] = [
    "kty", "use", "key_ops", "alg", "kid", "x5c", "crv", "x", "y", "n", "e", "k", "pub", "d", "p", "q", "dp", "dq",
    "qi", "oth", "priv", "x5t", "ext", "keys",
];

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

const WORDS: [&str; 30] = [
    "RSA",
    "EC",
    "OKP",
    "AKP",
    "oct",
    "sig",
    "enc",
    "verify",
    "sign",
    "P-256",
    "P-384",
    "P-521",
    "Ed25519",
    "X25519",
    "secp256k1",
    "RS256",
    "PS256",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "HS256",
    "HS512",
    "ML-DSA-44",
    "RSA-OAEP",
    "none",
    "AQAB",
    "AQ",
    "",
    "AA==",
];

const ALGORITHMS: [Algorithm; 16] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::Ed25519,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

type Member = (&'static str, String);

/// The members of a valid key of each kind.
static GOOD: LazyLock<Vec<Vec<Member>>> = LazyLock::new(|| {
    let quoted = |(name, text): &Member| (*name, format!("\"{text}\""));
    let secret = vec![("kty", "oct".to_owned()), ("k", encode([5; 64])), ("alg", "HS256".to_owned())];
    let keys = Numbers::examples().iter().map(Numbers::members).chain([secret]).collect::<Vec<_>>();
    keys.iter().map(|members| members.iter().map(quoted).collect()).collect()
});

fuzz_target!(|data: &[u8]| {
    // An input that starts like JSON is a set or key itself, too.
    if let (true, Ok(text)) = (data.starts_with(b"{"), std::str::from_utf8(data)) {
        let _ = KeySet::from_jwks(text);
        let _ = KeySet::from_symmetric_jwks(text);
        let _ = check_key(text);
    }
    let mut input = Input::new(data);
    let keys: Vec<String> = (0..1 + input.below(4)).map(|_| key(&mut input)).collect();
    let alone: Vec<_> = keys.iter().map(|key| check_key(key)).collect();
    check_set(&mut input, &keys, &alone);
    // Preparing any key must not panic. It takes far longer than reading it.
    if let (true, Ok(key)) = (input.once_in(8), Key::from_jwk(&keys[0])) {
        assert!(KeyTable::prepare(Backend::rust_crypto(), [&key], &ALGORITHMS).len() <= 1);
    }
});

/// Writes a valid key, or one with a few members changed.
fn key(input: &mut Input<'_>) -> String {
    if input.once_in(16) {
        return json::write_value(input, &NAMES);
    }
    let mut members = GOOD[input.below(GOOD.len())].clone();
    for _ in 0..input.below(4) {
        let at = input.below(members.len());
        match input.below(10) {
            0 => drop(members.remove(at)),
            1 => members[at].1 = format!("\"{}\"", input.pick(&WORDS)),
            2 => members[at].1 = json::write_value(input, &NAMES),
            3 => members.push((input.pick(&NAMES), format!("\"{}\"", input.pick(&WORDS)))),
            4 => members.push((input.pick(&NAMES), json::write_value(input, &NAMES))),
            6 | 7 => members.push((input.pick(&PRIVATE), "\"AQAB\"".to_owned())),
            5 => members.push(("key_ops", format!("[\"{}\",\"{}\"]", input.pick(&WORDS), input.pick(&WORDS)))),
            _ => {
                let mut value = std::mem::take(&mut members[at].1).into_bytes();
                input.edit(&mut value, b"ABab01-_=+/ \\\"\0");
                members[at].1 = String::from_utf8(value).unwrap_or_default();
            }
        }
        if members.is_empty() {
            break;
        }
    }
    let members: Vec<(String, String)> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut nothing = Input::new(&[]);
    json::write_object(if input.once_in(4) { input } else { &mut nothing }, &NAMES, &members)
}

fn show(key: &Key) -> String {
    format!("{:?} {:?} {:?}", key.kid(), key.algorithm(), Backend::rust_crypto().thumbprint(key))
}

/// Reads a key by itself.
fn check_key(text: &str) -> Result<String, KeyErrorKind> {
    if let Ok(secret) = Key::from_symmetric_jwk(text) {
        let json = Json::object(text).expect("a key is an object with unique names");
        assert_eq!(json.get("kty").and_then(Json::text), Some("oct"), "{text}");
        assert_eq!(Backend::rust_crypto().thumbprint(&secret), None, "{text}");
        assert!(Key::from_jwk(text).is_err(), "a secret is no public key: {text}");
    }
    let key = Key::from_jwk(text).map_err(|error| error.kind())?;
    let json = Json::object(text).expect("a key is an object with unique names");
    let there = |name: &str| json.get(name).filter(|value| **value != Json::Null);
    let get = |name: &str| there(name).and_then(Json::text);
    assert_eq!(key.kid(), get("kid"), "{text}");
    let algorithm = get("alg").map(|name| name.parse::<Algorithm>().expect("a known algorithm"));
    assert_eq!(key.algorithm(), algorithm, "{text}");
    assert!(there("use").is_none() || get("use") == Some("sig"), "{text}");
    let verifies = |operations: &Json| operations.texts().is_some_and(|names| names.contains(&"verify"));
    assert!(there("key_ops").is_none_or(verifies), "{text}");
    for private in PRIVATE {
        assert!(there(private).is_none(), "a private key: {text}");
    }
    let fits = |name: &str| match get("kty") {
        Some("RSA") => name.starts_with("RS") || name.starts_with("PS"),
        Some("EC") => {
            [("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512")].contains(&(get("crv").unwrap_or(""), name))
        }
        Some("OKP") => name == "EdDSA" || name == "Ed25519",
        Some("AKP") => name.starts_with("ML-DSA-"),
        _ => false,
    };
    assert!(get("alg").is_none_or(fits), "{text}");
    assert_eq!(
        Backend::rust_crypto().thumbprint(&key),
        Numbers::of_jwk(&json).map(|numbers| numbers.thumbprint()),
        "{text}"
    );
    if let Some(Numbers::Rsa { n, e }) = Numbers::of_jwk(&json) {
        assert!((256..=1024).contains(&n.len()) && n[n.len() - 1] & e[e.len() - 1] & 1 == 1 && e != [1], "{text}");
    }

    if let Ok(theirs) = serde_json::from_str::<Jwk>(text) {
        assert_eq!(theirs.common.key_id.as_deref(), key.kid(), "{text}");
        let kty = match theirs.algorithm {
            AlgorithmParameters::EllipticCurve(_) => "EC",
            AlgorithmParameters::RSA(_) => "RSA",
            AlgorithmParameters::OctetKeyPair(_) => "OKP",
            AlgorithmParameters::OctetKey(_) => "oct",
            _ => "AKP",
        };
        assert_eq!(get("kty"), Some(kty), "{text}");
        if let Ok(same) = Key::try_from(&theirs) {
            assert_eq!(show(&same), show(&key), "as jsonwebtoken reads it: {text}");
        }
    }
    Ok(show(&key))
}

fn check_set(input: &mut Input<'_>, keys: &[String], alone: &[Result<String, KeyErrorKind>]) {
    let array = ("keys".to_owned(), format!("[{}]", keys.join(",")));
    let mut nothing = Input::new(&[]);
    let text = json::write_object(if input.once_in(4) { input } else { &mut nothing }, &["kid", "more"], &[array]);
    // A key that isn't JSON or is nested too deeply makes the whole set malformed.
    let is_sound = Json::read(&text).is_some_and(|json| json.names_are_unique() && json.depth() <= 32);
    if !is_sound || !keys.iter().all(|key| Json::read(key).is_some()) {
        return;
    }
    let set = KeySet::from_jwks(&text).unwrap_or_else(|error| panic!("{error}, though it's a set: {text}"));
    let accepted: Vec<&String> = alone.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(set.keys().iter().map(show).collect::<Vec<_>>().iter().collect::<Vec<_>>(), accepted, "{text}");
    let refused: Vec<_> =
        alone.iter().enumerate().filter_map(|(at, outcome)| outcome.as_ref().err().map(|kind| (at, *kind))).collect();
    let ignored: Vec<_> = set.ignored().map(|(index, error)| (index, error.kind())).collect();
    assert_eq!(ignored, refused, "{text}");
}
