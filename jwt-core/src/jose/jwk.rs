//! Reads a JSON Web Key. RFC 7517, RFC 7518 section 6, RFC 8037, RFC 9964.

use std::sync::Arc;

use super::algorithm::Algorithm;
use super::header::MAX_KID_BYTES;
use super::jwk_members::{Expected, Members, certified, unsupported_type};
use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;

/// A key as its JWK describes it.
#[derive(Debug)]
pub(crate) struct Vetted {
    pub(crate) material: KeyMaterial,
    pub(crate) declared: Option<Algorithm>,
    pub(crate) kid: Option<Arc<str>>,
}

/// Reads and checks a JWK.
pub(crate) fn vet(text: &str, expected: Expected) -> Result<Vetted, KeyError> {
    let members = Members::read(text)?;
    let kty = members.text("kty", members.kty)?.ok_or(KeyError::malformed("the key has no `kty`"))?;
    let kid = members.text("kid", members.kid)?;
    let alg = members.text("alg", members.alg)?;
    let certificate = members.certificate()?;
    members.purpose(expected)?;
    if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(KeyError::long_kid());
    }
    if members.private && expected != Expected::Pair {
        // RFC 7517 section 9.2 requires that private keys are protected from disclosure, so one in a public key set
        // is compromised.
        return Err(KeyError::private());
    }
    let symmetric = match kty.as_ref() {
        "oct" => true,
        "RSA" | "EC" | "OKP" | "AKP" => false,
        _ => return Err(unsupported_type(&kty)),
    };
    match (expected, symmetric) {
        (Expected::Public | Expected::Spiffe, true) => {
            return Err(KeyError::new(
                KeyErrorKind::SymmetricKey,
                "a shared secret was given where a public key is expected; use `from_symmetric_jwk`",
            ));
        }
        (Expected::Secret, false) => {
            return Err(KeyError::new(
                KeyErrorKind::PublicKeyAsSecret,
                "a public key was given where a shared secret is expected; use `from_jwk`",
            ));
        }
        _ => {}
    }
    // RFC 7517 section 4.4: if a key names an algorithm, it's used only with that one.
    let declared = alg
        .map(|alg| {
            alg.parse::<Algorithm>().map_err(|_| {
                KeyError::new(
                    KeyErrorKind::UnsupportedAlgorithm,
                    "the key's `alg` isn't a supported signature algorithm, in the spelling of tokens (`RS256`)",
                )
            })
        })
        .transpose()?;
    let is_public = matches!(expected, Expected::Public | Expected::Spiffe);
    let certificate = certificate.filter(|_| is_public && !members.has_numbers());
    if let Some(error) = members.elsewhere().filter(|_| certificate.is_none()) {
        return Err(error);
    }
    let material = match (certificate, kty.as_ref()) {
        (Some(certificate), kty) => certified(&certificate, kty)?,
        (None, "oct") => members.secret(declared)?,
        (None, "RSA") => members.rsa()?,
        (None, "EC") => members.ec()?,
        (None, "OKP") => members.okp()?,
        (None, _) => members.akp(declared)?,
    };
    if let Some(declared) = declared.filter(|declared| declared.family() != material.family()) {
        return Err(KeyError::misfit(material.family(), declared));
    }
    Ok(Vetted { material, declared, kid: kid.map(Arc::from) })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::jose::Key;

    const OKP: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn number(length: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0x81; length])
    }

    fn public(members: &str) -> Result<Vetted, KeyError> {
        vet(&format!("{{{members}}}"), Expected::Public)
    }

    fn assert_kinds(cases: &[(String, Option<KeyErrorKind>)]) {
        for (members, expected) in cases {
            assert_eq!(public(members).err().map(|error| error.kind()), *expected, "{members}");
        }
    }

    #[test]
    fn members_of_the_wrong_type_or_for_another_use_are_refused() {
        let with = |extra: &str| format!("{OKP},{extra}");
        let long = "k".repeat(MAX_KID_BYTES);
        let operations = |count: usize| {
            let others: Vec<String> = (1..count).map(|number| format!("\"o{number}\"")).collect();
            format!(r#""key_ops":[{},"verify"]"#, others.join(","))
        };
        let members = |count: usize| {
            let members: Vec<String> = (0..count).map(|number| format!("\"m{number}\":0")).collect();
            members.join(",")
        };
        assert_kinds(&[
            (OKP.to_owned(), None),
            (with(r#""use":"sig","key_ops":["verify"],"alg":"EdDSA","kid":"a""#), None),
            (with(r#""alg":"Ed25519","key_ops":["sign","verify"],"x5c":[],"x5t":1,"more":{"a":[null]}"#), None),
            (with(&format!(r#""kid":"{long}""#)), None),
            (with(&format!(r#""kid":"{long}k""#)), Some(KeyErrorKind::TooLarge)),
            (with(r#""kid":5"#), Some(KeyErrorKind::Malformed)),
            (with(r#""kid":null,"use":null,"alg":null,"key_ops":null,"x5c":null,"d":null"#), None),
            (with(r#""use":1"#), Some(KeyErrorKind::Malformed)),
            (with(r#""use":"enc""#), Some(KeyErrorKind::WrongUse)),
            (with(r#""key_ops":["verify",1]"#), Some(KeyErrorKind::Malformed)),
            (with(r#""key_ops":["verify","verify"]"#), Some(KeyErrorKind::Malformed)),
            (with(r#""key_ops":[]"#), Some(KeyErrorKind::WrongUse)),
            (with(r#""key_ops":["encrypt"]"#), Some(KeyErrorKind::WrongUse)),
            (with(&operations(16)), None),
            (with(&operations(17)), Some(KeyErrorKind::TooLarge)),
            (with(&members(97)), None),
            (with(&members(98)), Some(KeyErrorKind::TooLarge)),
            (with(&format!(r#""more":[{{{}}}]"#, members(100))), None),
            (with(&format!(r#""more":[{{{}}}]"#, members(101))), Some(KeyErrorKind::TooLarge)),
            (with(r#""x5c":"text""#), Some(KeyErrorKind::Malformed)),
            (with(r#""x5c":[1]"#), Some(KeyErrorKind::Malformed)),
            (with(r#""alg":7"#), Some(KeyErrorKind::Malformed)),
            (with(r#""alg":"none""#), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (with(r#""alg":"ES224""#), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (with(r#""alg":"ECDH-ES""#), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (with(r#""alg":"ES256""#), Some(KeyErrorKind::AlgorithmMismatch)),
            (with(r#""alg":"HS256""#), Some(KeyErrorKind::AlgorithmMismatch)),
            (with(r#""kty":"OKP""#), Some(KeyErrorKind::Malformed)),
            (r#""crv":"Ed25519""#.to_owned(), Some(KeyErrorKind::Malformed)),
            (r#""kty":1"#.to_owned(), Some(KeyErrorKind::Malformed)),
            (r#""kty":"PBKDF""#.to_owned(), Some(KeyErrorKind::UnsupportedKeyType)),
            (r#""kty":"rsa""#.to_owned(), Some(KeyErrorKind::UnsupportedKeyType)),
        ]);
        for text in ["", "[]", "{", "null", "{}x"] {
            assert_eq!(vet(text, Expected::Public).unwrap_err().kind(), KeyErrorKind::Malformed, "{text}");
        }
    }

    #[test]
    fn the_error_says_what_a_key_is_for_and_what_helps() {
        let with = |extra: &str| format!("{OKP},{extra}");
        for (members, part) in [
            (with(r#""use":"enc""#), "it's for encryption"),
            (with(r#""use":"SIG""#), "isn't `sig`"),
            (with(r#""key_ops":[]"#), "leave the member out"),
            (with(r#""key_ops":["sign"]"#), "doesn't have `verify`"),
            (with(r#""alg":"rs256""#), "spelling of tokens"),
            (with(r#""alg":"ES256""#), "an Ed25519 key can't be used with ES256; it's for EdDSA"),
            (r#""kty":"rsa""#.to_owned(), "wrong case"),
            (r#""kty":"MLWE""#.to_owned(), "`kty`) isn't supported"),
            (r#""kty":"EC","crv":"secp256r1","x":"AQ","y":"AQ""#.to_owned(), "written `P-256`"),
            (r#""kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ""#.to_owned(), "`secp256k1`"),
            (r#""kty":"EC","crv":"Ed25519","x":"AQ""#.to_owned(), "the `kty` `OKP`"),
            (r#""kty":"OKP","crv":"P-256","x":"AQ""#.to_owned(), "the `kty` `EC`"),
            (r#""kty":"OKP","crv":"X25519","x":"AQ""#.to_owned(), "key agreement"),
            (r#""kty":"OKP","crv":"Ed448","x":"AQ""#.to_owned(), "`Ed448`"),
            (r#""kty":"RSA","x5u":"https://id.example/cert""#.to_owned(), "`x5u`, which isn't fetched"),
        ] {
            let message = public(&members).unwrap_err().to_string();
            assert!(message.contains(part), "{message}\n{members}");
        }
    }

    #[test]
    fn a_private_member_of_any_value_but_null_is_refused() {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
            for value in ["\"AQAB\"", "5", "\"\""] {
                let error = public(&format!("{OKP},\"{name}\":{value}")).unwrap_err();
                assert_eq!(error.kind(), KeyErrorKind::PrivateKey, "{name}");
            }
        }
    }

    #[test]
    fn leading_zeros_and_padding_do_not_change_an_rsa_number() {
        let rsa = |n: &str, e: &str| format!(r#""kty":"RSA","n":"{n}","e":"{e}""#);
        let n = number(256);
        assert_kinds(&[
            (rsa(&n, "AQAB"), None),
            (rsa(&n, "AAEAAQ"), None),
            (rsa(&URL_SAFE_NO_PAD.encode([&[0][..], &[0x81; 256]].concat()), "AQAB"), None),
            (rsa(&format!("{n}=="), "AQAB"), None),
            (rsa(&n, "AQAB="), Some(KeyErrorKind::Malformed)),
            (rsa(&n, "AQ"), Some(KeyErrorKind::InvalidKey)),
            (rsa(&n, "AR"), Some(KeyErrorKind::Malformed)),
            (rsa(&n, ""), Some(KeyErrorKind::Malformed)),
            (rsa(&format!("{n}="), "AQAB"), Some(KeyErrorKind::Malformed)),
            (rsa(&format!("{n}\\n"), "AQAB"), Some(KeyErrorKind::Malformed)),
            (rsa(&number(128), "AQAB"), Some(KeyErrorKind::TooShort)),
            (rsa(&number(1025), "AQAB"), Some(KeyErrorKind::TooLarge)),
            (format!(r#""kty":"RSA","n":"{n}""#), Some(KeyErrorKind::Malformed)),
            (format!(r#""kty":"RSA","n":"{n}","e":65537"#), Some(KeyErrorKind::Malformed)),
            (format!(r#"{},"alg":"PS512""#, rsa(&n, "AQAB")), None),
            (format!(r#"{},"alg":"RSA-OAEP""#, rsa(&n, "AQAB")), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (format!(r#"{},"alg":"HS256""#, rsa(&n, "AQAB")), Some(KeyErrorKind::AlgorithmMismatch)),
        ]);
    }

    #[test]
    fn coordinates_have_at_most_their_curves_size() {
        let ec = |crv: &str, x: usize, y: usize| {
            format!(r#""kty":"EC","crv":"{crv}","x":"{}","y":"{}""#, number(x), number(y))
        };
        assert_kinds(&[
            (ec("P-256", 32, 32), None),
            (ec("P-384", 48, 48), None),
            (ec("P-521", 66, 66), None),
            (ec("P-256", 31, 33), Some(KeyErrorKind::Malformed)),
            (ec("P-256", 33, 31), Some(KeyErrorKind::Malformed)),
            (ec("P-384", 49, 49), Some(KeyErrorKind::Malformed)),
            (ec("P-384", 44, 44), None),
            (ec("P-384", 43, 48), Some(KeyErrorKind::Malformed)),
            (ec("P-384", 32, 32), Some(KeyErrorKind::Malformed)),
            (ec("P-256", 32, 0), Some(KeyErrorKind::Malformed)),
            (ec("P-256", 0, 32), Some(KeyErrorKind::Malformed)),
            (ec("P-521", 65, 65), None),
            (ec("secp256k1", 32, 32), Some(KeyErrorKind::UnsupportedKeyType)),
            (ec("Ed25519", 32, 32), Some(KeyErrorKind::UnsupportedKeyType)),
            (format!(r#""kty":"EC","x":"{0}","y":"{0}""#, number(32)), Some(KeyErrorKind::Malformed)),
            (format!(r#"{},"alg":"ES384""#, ec("P-256", 32, 32)), Some(KeyErrorKind::AlgorithmMismatch)),
        ]);
    }

    #[test]
    fn leading_zeros_and_padding_do_not_change_a_coordinate() {
        let point = |x: &str, y: &str| {
            let key = public(&format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#)).expect("a key");
            Key::from(key).thumbprint_input()
        };
        let full = [&[0][..], &[0x81; 31]].concat();
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let exact = point(&encode(&full), &number(32));
        assert!(exact.is_some());
        for x in [&full[1..], &full, &[&[0; 3][..], &full].concat()] {
            assert_eq!(point(&encode(x), &number(32)), exact);
        }
        assert_eq!(point(&format!("{}=", encode(&full)), &format!("{}=", number(32))), exact);
    }

    #[test]
    fn an_okp_key_is_ed25519_with_32_bytes() {
        let okp = |crv: &str, length: usize| format!(r#""kty":"OKP","crv":"{crv}","x":"{}""#, number(length));
        assert_kinds(&[
            (okp("Ed25519", 32), None),
            (okp("Ed25519", 31), Some(KeyErrorKind::Malformed)),
            (okp("Ed25519", 33), Some(KeyErrorKind::Malformed)),
            (okp("X25519", 32), Some(KeyErrorKind::UnsupportedKeyType)),
            (okp("Ed448", 57), Some(KeyErrorKind::UnsupportedKeyType)),
            (
                r#""kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#.to_owned(),
                Some(KeyErrorKind::InvalidKey),
            ),
        ]);
    }

    #[test]
    fn an_akp_key_must_name_its_algorithm() {
        let akp = |alg: &str, length: usize| format!(r#""kty":"AKP"{alg},"pub":"{}""#, number(length));
        assert_kinds(&[
            (akp(r#","alg":"ML-DSA-44""#, 1312), None),
            (akp(r#","alg":"ML-DSA-65""#, 1952), None),
            (akp(r#","alg":"ML-DSA-87""#, 2592), None),
            (akp(r#","alg":"ML-DSA-44""#, 1952), Some(KeyErrorKind::Malformed)),
            (akp("", 1312), Some(KeyErrorKind::Malformed)),
            (akp(r#","alg":"EdDSA""#, 32), Some(KeyErrorKind::AlgorithmMismatch)),
            (akp(r#","alg":"SLH-DSA-SHA2-128s""#, 32), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (akp(r#","alg":"ML-DSA-44","priv":"AA""#, 1312), Some(KeyErrorKind::PrivateKey)),
        ]);
    }

    #[test]
    fn secrets_and_public_keys_are_not_mistaken_for_each_other() {
        let oct = |alg: &str, length: usize| format!(r#"{{"kty":"oct"{alg},"k":"{}"}}"#, number(length));
        let kind = |text: &str, expected| vet(text, expected).err().map(|error| error.kind());
        assert_eq!(kind(&oct("", 32), Expected::Public), Some(KeyErrorKind::SymmetricKey));
        assert_eq!(kind(&format!("{{{OKP}}}"), Expected::Secret), Some(KeyErrorKind::PublicKeyAsSecret));
        assert_eq!(kind(&oct("", 32), Expected::Secret), None);
        assert_eq!(kind(&oct("", 31), Expected::Secret), Some(KeyErrorKind::TooShort));
        assert_eq!(kind(&oct("", 0), Expected::Secret), Some(KeyErrorKind::TooShort));
        assert_eq!(kind(&oct(r#","alg":"HS512""#, 63), Expected::Secret), Some(KeyErrorKind::TooShort));
        assert_eq!(kind(&oct(r#","alg":"HS512""#, 64), Expected::Secret), None);
        assert_eq!(kind(&oct(r#","alg":"RS256""#, 64), Expected::Secret), Some(KeyErrorKind::AlgorithmMismatch));
        assert_eq!(kind(r#"{"kty":"oct"}"#, Expected::Secret), Some(KeyErrorKind::Malformed));
    }
}
