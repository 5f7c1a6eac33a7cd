//! Section C: signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::keys::{Key, KeyErrorKind, KeySet};
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, encode};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{KID, behind, good, key_of, keyless, trusting};
use serde_json::{Value, json};

use crate::target::{Target, integer, mac, sequence};

/// The group orders of P-256 and P-384.
pub(crate) const ORDERS: [(Algorithm, &str); 2] = [
    (Algorithm::ES256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
    (
        Algorithm::ES384,
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
];

/// The group order of Ed25519, little-endian (RFC 8032 section 5.1).
const ED25519_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// A token signed with an RSA padding that is correct or almost correct.
pub(crate) struct Padding {
    pub(crate) name: String,
    pub(crate) token: String,
    good: bool,
}

pub(crate) fn padding_document() -> Value {
    serde_json::from_str(include_str!("rsa_paddings.json")).expect("JSON")
}

pub(crate) fn paddings() -> (KeySet, Vec<Padding>) {
    let document = padding_document();
    let keys = KeySet::from_jwks(&json!({"keys": document["keys"]}).to_string()).expect("a set");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let cases = document["cases"].as_array().expect("an array").iter().map(|case| Padding {
        name: text(&case["case"]),
        token: text(&case["token"]),
        good: case["good"] == json!(true),
    });
    (keys, cases.collect())
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
}

/// Replaces the signature of a token.
fn resigned(token: &str, signature: impl AsRef<[u8]>) -> String {
    let (input, _) = token.rsplit_once('.').expect("three segments");
    format!("{input}.{}", encode(signature))
}

fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.rsplit_once('.').expect("three segments").1).expect("base64url")
}

/// `left - right` of big-endian numbers of equal length.
fn minus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut digits: Vec<u8> = left
        .iter()
        .zip(right)
        .rev()
        .map(|(&left, &right)| {
            let difference = i16::from(left) - i16::from(right) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256) as u8
        })
        .collect();
    digits.reverse();
    digits
}

/// `left + right` of big-endian numbers of equal length, without the carry.
fn plus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits: Vec<u8> = left
        .iter()
        .zip(right)
        .rev()
        .map(|(&left, &right)| {
            let sum = u16::from(left) + u16::from(right) + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect();
    digits.reverse();
    digits
}

#[actix_web::test]
async fn c01_signatures_of_zeros_or_group_orders_are_refused() {
    for (algorithm, order) in ORDERS {
        let (order, token) = (hex(order), Forge::new(&key_of(algorithm)).sign());
        let zero = vec![0; order.len()];
        let one = [&zero[1..], &[1]].concat();
        let before = minus(&order, &one);
        for (r, s) in [
            (&zero, &zero),
            (&zero, &one),
            (&one, &zero),
            (&one, &one),
            (&order, &order),
            (&order, &zero),
            (&zero, &order),
            (&one, &order),
            (&order, &one),
            (&before, &zero),
            (&before, &one),
            (&one, &before),
            (&before, &before),
            (&before, &order),
        ] {
            let forged = resigned(&token, [r.as_slice(), s].concat());
            Target::of(algorithm).refuses(&forged, ErrorKind::BadSignature, &format!("{r:x?} {s:x?}")).await;
        }
    }
}

#[actix_web::test]
async fn c02_an_ecdsa_signature_in_der_is_refused() {
    for (algorithm, _) in ORDERS {
        let token = Forge::new(&key_of(algorithm)).sign();
        let signature = signature(&token);
        let (r, s) = signature.split_at(signature.len() / 2);
        let der = sequence(&[integer(r), integer(s)]);
        Target::of(algorithm).refuses(&resigned(&token, der), ErrorKind::BadSignature, "DER").await;
    }
}

/// The same token with the second valid ECDSA signature, which needs no key to compute.
pub(crate) fn twin(token: &str, order: &str) -> String {
    let signature = signature(token);
    let (r, s) = signature.split_at(signature.len() / 2);
    resigned(token, [r, &minus(&hex(order), s)].concat())
}

#[actix_web::test]
async fn c03_a_second_signature_of_the_same_token_is_valid_so_token_bytes_do_not_identify_a_token() {
    for (algorithm, order) in ORDERS {
        let token = Forge::new(&key_of(algorithm)).sign();
        let twin = twin(&token, order);
        assert_ne!(twin, token);
        Target::of(algorithm).accepts(&twin, "RFC 7518 section 3.4 does not require the smaller s").await;
    }
}

#[actix_web::test]
async fn c04_a_signature_of_the_wrong_length_is_refused() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::Ed25519, Algorithm::RS256] {
        let (target, token) = (Target::of(algorithm), Forge::new(&key_of(algorithm)).sign());
        let right = signature(&token);
        let (r, s) = right.split_at(right.len() / 2);
        for (wrong, case) in [
            ([right.as_slice(), &[0]].concat(), "one byte longer"),
            ([&[0], right.as_slice()].concat(), "one byte in front"),
            (right[..right.len() - 1].to_vec(), "one byte shorter"),
            (right[1..].to_vec(), "without the first byte"),
            ([&[0], r, &[0], s].concat(), "longer halves"),
            ([right.as_slice(), &right].concat(), "twice"),
            (r.to_vec(), "one half"),
            (vec![0], "one byte"),
            (vec![0; 64], "64 zeros"),
            (vec![0; 96], "96 zeros"),
            (vec![0; 132], "132 zeros"),
        ] {
            target.refuses(&resigned(&token, wrong), ErrorKind::BadSignature, &format!("{algorithm} {case}")).await;
        }
        target.refuses(&resigned(&token, []), ErrorKind::MalformedToken, "no signature").await;
    }
}

#[actix_web::test]
async fn c05_an_almost_correct_rsa_padding_is_refused() {
    pkcs1_and_pss("RS256").await;
}

#[actix_web::test]
async fn c06_a_pss_padding_with_another_salt_or_mask_is_refused() {
    pkcs1_and_pss("PS256").await;
}

async fn pkcs1_and_pss(algorithm: &str) {
    let (keys, cases) = paddings();
    let target = Target::trusting(keyless().keys(&keys));
    let mut seen = [0, 0];
    for case in cases {
        let header = URL_SAFE_NO_PAD.decode(case.token.split('.').next().unwrap_or_default()).expect("base64url");
        if !String::from_utf8_lossy(&header).contains(algorithm) {
            continue;
        }
        seen[usize::from(case.good)] += 1;
        match case.good {
            true => target.accepts(&case.token, &case.name).await,
            false => target.refuses(&case.token, ErrorKind::BadSignature, &case.name).await,
        }
    }
    assert!(seen[0] >= 10 && seen[1] >= 1, "{seen:?}");
}

#[actix_web::test]
async fn c07_a_shortened_mac_is_refused() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let (target, token) = (Target::of(algorithm), Forge::new(&key_of(algorithm)).sign());
        let tag = signature(&token);
        target.refuses(&resigned(&token, []), ErrorKind::MalformedToken, "empty").await;
        for length in [1, 8, 16, tag.len() / 2, tag.len() - 1] {
            target.refuses(&resigned(&token, &tag[..length]), ErrorKind::BadSignature, &length.to_string()).await;
        }
        let longer = [tag.as_slice(), &[0]].concat();
        target.refuses(&resigned(&token, longer), ErrorKind::BadSignature, "longer").await;
    }
}

#[actix_web::test]
async fn c08_a_second_encoding_of_an_ed25519_signature_is_refused() {
    let (target, token) = (Target::of(Algorithm::Ed25519), Forge::new(&key_of(Algorithm::Ed25519)).sign());
    let right = signature(&token);
    let (r, s) = right.split_at(32);
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let raised = reversed(&plus(&reversed(s), &reversed(&hex(ED25519_ORDER))));
    // The identity, and the same point in unreduced form.
    let identity = [&[1][..], &[0; 31]].concat();
    let unreduced = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    let zero = vec![0; 32];
    for (wrong, case) in [
        ([r, &raised].concat(), "S + L"),
        ([identity.as_slice(), &zero].concat(), "the identity and zero"),
        ([unreduced.as_slice(), &zero].concat(), "an unreduced point and zero"),
        ([unreduced.as_slice(), s].concat(), "an unreduced point"),
        ([r, &zero].concat(), "S = 0"),
        ([zero.as_slice(), &zero].concat(), "zeros"),
        (vec![0xff; 64], "ones"),
    ] {
        target.refuses(&resigned(&token, wrong), ErrorKind::BadSignature, case).await;
    }
}

#[actix_web::test]
async fn c09_an_ed25519_key_of_small_order_is_refused_from_every_source() {
    let points = [
        [&[1][..], &[0; 31]].concat(),
        vec![0; 32],
        [&[0; 31][..], &[0x80]].concat(),
        [&[0xec][..], &[0xff; 30], &[0x7f]].concat(),
        [&[0xee][..], &[0xff; 30], &[0x7f]].concat(),
        hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];
    let own = key_of(Algorithm::Ed25519);
    for point in points {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "small", "x": encode(&point)});
        assert_eq!(Key::from_jwk(&jwk.to_string()).expect_err("refused").kind(), KeyErrorKind::InvalidKey);
        // The signature that would be valid for every message.
        let forged =
            resigned(&good().header("alg", "EdDSA").header("kid", "small").sign(), [&[1][..], &[0; 63]].concat());
        let remote = Remote::failing();
        remote.serve_body(json!({"keys": [jwk, own.public_jwk()]}).to_string());
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let target = Target(behind(trusting(issuer).fetch(remote.fetch())));
        target.refuses(&forged, ErrorKind::UnknownKey, "small order").await;
        target.accepts(&Forge::new(&own).sign(), "the other key of the set").await;
    }
}

#[test]
fn c10_an_rsa_key_with_exponent_one_is_refused() {
    let modulus = padding_document()["keys"][0]["n"].clone();
    for (exponent, kind) in [
        ("AQ", KeyErrorKind::InvalidKey),
        ("Ag", KeyErrorKind::InvalidKey),
        ("AA", KeyErrorKind::Malformed),
        ("", KeyErrorKind::Malformed),
    ] {
        let jwk = json!({"kty": "RSA", "n": modulus, "e": exponent});
        assert_eq!(Key::from_jwk(&jwk.to_string()).expect_err("refused").kind(), kind, "{exponent}");
    }
}

#[actix_web::test]
async fn c11_trailing_zeros_do_not_change_a_secret() {
    // A property of HMAC (RFC 2104 section 2): secrets that differ only in trailing zeros are equal.
    let target = Target::trusting(keyless().key(Key::from_secret(Algorithm::HS256, [7; 32]).expect("long enough")));
    let header = json!({"alg": "HS256", "kid": KID});
    target.accepts(&mac(&[7; 32], &header, &good().claims.into()), "the secret").await;
    let longer = [&[7; 32][..], &[0; 32]].concat();
    target.accepts(&mac(&longer, &header, &good().claims.into()), "zeros up to the block size").await;
    let beyond = [&[7; 32][..], &[0; 33]].concat();
    target.refuses(&mac(&beyond, &header, &good().claims.into()), ErrorKind::BadSignature, "beyond it").await;
}

#[actix_web::test]
async fn c12_a_token_without_a_signature_is_refused() {
    let token = good().sign();
    let segments: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (segments[0], segments[1], segments[2]);
    for stripped in [
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{payload}.{signature}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}..{signature}"),
        header.to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        "...".to_owned(),
    ] {
        Target::usual().refuses(&stripped, ErrorKind::MalformedToken, &stripped).await;
    }
    let moved = format!("{payload}.{header}.{signature}");
    Target::usual().refuses(&moved, ErrorKind::MalformedToken, "segments in another order").await;
}
