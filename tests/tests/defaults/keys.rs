//! Keys and key sets.

use jwt_core::Algorithm;
use jwt_core::crypto::Backend;
use jwt_core::keys::{Key, KeyErrorKind, KeySet};
use jwt_tests::forge::encode;
use jwt_tests::setup::key;
use serde_json::{Value, json};

/// A public RSA key of this size. Its private key does not exist.
fn rsa(bits: usize) -> Result<Key, KeyErrorKind> {
    let mut modulus = vec![0x55; bits.div_ceil(8)];
    modulus[0] = 1 << ((bits - 1) % 8);
    let jwk = json!({"kty": "RSA", "n": encode(&modulus), "e": "AQAB"});
    Key::from_jwk(&jwk.to_string()).map_err(|error| error.kind())
}

rows! {
    "RSA keys", "2048 to 8192 bits" => rsa_keys_have_2048_to_8192_bits {
        for (bits, expected) in [
            (1024, Some(KeyErrorKind::TooShort)),
            (2047, Some(KeyErrorKind::TooShort)),
            (2048, None),
            (8192, None),
            (8193, Some(KeyErrorKind::TooLarge)),
        ] {
            assert_eq!(rsa(bits).err(), expected, "{bits}");
        }
    }

    "HMAC keys", "at least as long as the hash" => hmac_keys_are_as_long_as_the_hash {
        for (algorithm, least) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
            assert!(Key::from_secret(algorithm, vec![7; least]).is_ok(), "{algorithm}");
            let error = Key::from_secret(algorithm, vec![7; least - 1]).expect_err("too short");
            assert_eq!(error.kind(), KeyErrorKind::TooShort, "{algorithm}");
        }
    }

    "PEM", "read despite white space, line ends that are written as `\\n`, and text around the block"
        => a_pem_is_read_despite_what_surrounds_it
    {
        let base64 = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let exact = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
        let thumbprint = |pem: &str| {
            let key = Key::from_pem(Algorithm::Ed25519, pem.as_bytes()).expect(pem);
            Backend::aws_lc_rs().thumbprint(&key).expect("a public key")
        };
        let escaped = exact.trim_end().replace('\n', "\\n");
        let indented = exact.replace('\n', "  \n    ");
        for pem in [escaped, indented, format!("\u{feff}{exact}"), format!("# ours\n{exact}until 2030\n")] {
            assert_eq!(thumbprint(&pem), thumbprint(&exact), "{pem}");
        }
    }

    "numbers of a JWK", "read despite leading zeros, missing leading zeros, padding, or the standard alphabet of base64; `null` counts as absent"
        => numbers_of_a_jwk_are_read_despite_zeros_and_padding
    {
        let (exact, zeros) = (encode([0x95; 256]), encode([&[0][..], &[0x95; 256]].concat()));
        let read = |n: &str, e: &str| {
            let jwk = json!({"kty": "RSA", "n": n, "e": e, "use": null, "alg": null, "key_ops": null, "d": null});
            let key = Key::from_jwk(&jwk.to_string()).expect(n);
            Backend::aws_lc_rs().thumbprint(&key)
        };
        for (n, e) in [(&zeros, "AAEAAQ=="), (&format!("{exact}=="), "AQAB"), (&exact, "AAAAAQAB")] {
            assert_eq!(read(n, e), read(&exact, "AQAB"));
        }
        let jwk = json!({"kty": "RSA", "n": exact, "e": "AQAB", "d": "AQAB"}).to_string();
        assert_eq!(Key::from_jwk(&jwk).expect_err("private").kind(), KeyErrorKind::PrivateKey);
        assert_eq!(KeySet::from_jwks("\u{feff}{\"keys\":[]}").expect("a set").keys().len(), 0);
    }

    "key sets", "at most 512 KiB and 100 keys; a key with more than 100 members or 16 `key_ops` is ignored"
        => key_sets_are_bounded
    {
        let jwk = key().public_jwk().expect("a public key");
        let with = |member: &str, value: Value| {
            let mut jwk = jwk.clone();
            jwk[member] = value;
            jwk
        };
        let read = |keys: Vec<Value>| KeySet::from_jwks(&json!({"keys": keys}).to_string());
        assert_eq!(read(vec![jwk.clone(); 100]).expect("a set").keys().len(), 100);
        assert_eq!(read(vec![jwk.clone(); 101]).expect_err("too many").kind(), KeyErrorKind::TooLarge);
        let long = with("more", "x".repeat(512 * 1024).into());
        assert_eq!(read(vec![long]).expect_err("too long").kind(), KeyErrorKind::TooLarge);
        let members = |count: usize| {
            let mut jwk = jwk.clone();
            let rest = count - jwk.as_object().expect("an object").len();
            (0..rest).for_each(|number| jwk[format!("m{number}")] = 0.into());
            jwk
        };
        let operations = |count: usize| {
            let others = (1..count).map(|number| format!("o{number}"));
            with("key_ops", others.chain(["verify".to_owned()]).collect::<Vec<_>>().into())
        };
        for (most, more) in [(members(100), members(101)), (operations(16), operations(17))] {
            let set = read(vec![more, most]).expect("a set");
            let ignored: Vec<_> = set.ignored().map(|(index, error)| (index, error.kind())).collect();
            assert_eq!((set.keys().len(), ignored), (1, vec![(0, KeyErrorKind::TooLarge)]));
        }
    }
}
