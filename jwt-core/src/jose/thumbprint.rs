//! JWK thumbprints: the members that identify a key, and the text to hash. RFC 7638.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Family;
use super::material::{KeyMaterial, coordinate_bytes};

/// Returns the required members of a public key's JWK in lexicographic order; `None` for a secret.
///
/// RFC 7638 section 3.2, RFC 8037 section 2, RFC 9964. No value needs escaping: each is base64url or a registered
/// name.
pub(crate) fn members(material: &KeyMaterial) -> Option<Vec<(&'static str, String)>> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let name = |name: &str| name.to_owned();
    Some(match material {
        KeyMaterial::Secret(_) => return None,
        KeyMaterial::Rsa { modulus, exponent } => {
            vec![("e", text(exponent)), ("kty", name("RSA")), ("n", text(modulus))]
        }
        KeyMaterial::Ec { family, point } => {
            let (crv, size) = (curve(*family)?, coordinate_bytes(*family)?);
            let (x, y) = point.get(1..)?.split_at_checked(size)?;
            vec![("crv", name(crv)), ("kty", name("EC")), ("x", text(x)), ("y", text(y))]
        }
        KeyMaterial::Ed25519(key) => vec![("crv", name("Ed25519")), ("kty", name("OKP")), ("x", text(key))],
        KeyMaterial::MlDsa { family, key } => {
            vec![("alg", name(ml_dsa(*family)?)), ("kty", name("AKP")), ("pub", text(key))]
        }
    })
}

/// Returns the canonical JSON of a public key. RFC 7638 section 3.3.
pub(crate) fn input(material: &KeyMaterial) -> Option<String> {
    let members: Vec<String> =
        members(material)?.into_iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    Some(format!("{{{}}}", members.join(",")))
}

const fn curve(family: Family) -> Option<&'static str> {
    match family {
        Family::P256 => Some("P-256"),
        Family::P384 => Some("P-384"),
        Family::P521 => Some("P-521"),
        _ => None,
    }
}

const fn ml_dsa(family: Family) -> Option<&'static str> {
    match family {
        Family::MlDsa44 => Some("ML-DSA-44"),
        Family::MlDsa65 => Some("ML-DSA-65"),
        Family::MlDsa87 => Some("ML-DSA-87"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::jose::Key;

    #[test]
    fn the_input_has_only_the_required_members_in_order() {
        let point = "gYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYE";
        let key = format!(
            r#"{{"y":"{point}","use":"sig","kty":"EC","kid":"a","crv":"P-256","alg":"ES256","more":1,"x":"{point}"}}"#
        );
        assert_eq!(
            Key::from_jwk(&key).unwrap().thumbprint_input().unwrap(),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{point}","y":"{point}"}}"#)
        );
        let okp = r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(Key::from_jwk(okp).unwrap().thumbprint_input().unwrap(), okp);
        let rsa = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, "gYGB".repeat(128));
        assert_eq!(Key::from_jwk(&rsa).unwrap().thumbprint_input().unwrap(), rsa);
        let akp = format!(r#"{{"alg":"ML-DSA-65","kty":"AKP","pub":"{}gYE"}}"#, "gYGB".repeat(650));
        assert_eq!(Key::from_jwk(&akp).unwrap().thumbprint_input().unwrap(), akp);
    }

    #[test]
    fn a_secret_has_no_thumbprint() {
        let key = Key::from_secret(crate::jose::Algorithm::HS256, [7; 32]).unwrap();
        assert_eq!(key.thumbprint_input(), None);
    }
}
