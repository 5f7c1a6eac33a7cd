//! The JOSE header of a JWS. RFC 7515 section 4.

use std::borrow::Cow;

use crate::error::ErrorKind;
use crate::json::{self, Unique, Value};

use super::algorithm::Algorithm;

/// The longest `kid`, in bytes.
pub(crate) const MAX_KID_BYTES: usize = 256;

/// The header parameters that are used. Others are ignored (section 4). Keys and addresses in a header (`jwk`, `jku`,
/// `x5c`, `x5u`) are never used (RFC 8725 section 3.10).
pub(crate) struct Header<'h> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<Cow<'h, str>>,
    pub(crate) token_type: Option<Cow<'h, str>>,
}

impl<'h> Header<'h> {
    /// Copies the header so that it borrows nothing.
    pub(crate) fn to_owned(&self) -> Header<'static> {
        let own = |text: &Cow<'_, str>| Cow::Owned(String::from(&**text));
        Header {
            algorithm: self.algorithm,
            key_id: self.key_id.as_ref().map(own),
            token_type: self.token_type.as_ref().map(own),
        }
    }

    pub(crate) fn read(text: &'h str) -> Result<Self, ErrorKind> {
        let (mut algorithm, mut key_id, mut token_type) = (None, None, None);
        let mut refused = None;
        json::object(text, Unique::Everywhere, |name, value| {
            let mut refuse = |kind| refused = refused.or(Some(kind));
            match name {
                "alg" => algorithm = Some(value),
                "kid" => match value.as_text() {
                    Some(kid) if kid.len() <= MAX_KID_BYTES => key_id = Some(kid),
                    _ => refuse(ErrorKind::MalformedToken),
                },
                "typ" => match value.as_text() {
                    Some(typ) => token_type = Some(typ),
                    None => refuse(ErrorKind::MalformedToken),
                },
                "cty" => match value.as_text() {
                    // RFC 7519 section 5.2: "JWT" means that the payload is another token.
                    Some(cty) if is_media_type(&cty, "jwt") => refuse(ErrorKind::NestedToken),
                    Some(_) => {}
                    None => refuse(ErrorKind::MalformedToken),
                },
                // Section 4.1.11: no extension is supported, so every `crit` is refused, including an empty or
                // malformed one. RFC 7797 section 7: a JWT must not use `b64`.
                "crit" | "b64" => refuse(ErrorKind::CriticalHeader),
                _ => {}
            }
        })
        .map_err(|_| ErrorKind::MalformedToken)?;
        if let Some(kind) = refused {
            return Err(kind);
        }
        // Section 4.1.1: `alg` must be a string that names a supported algorithm.
        let algorithm = match algorithm {
            Some(Value::Text(name)) => name.decode().parse().map_err(|_| ErrorKind::AlgorithmNotAllowed)?,
            _ => return Err(ErrorKind::MalformedToken),
        };
        Ok(Self { algorithm, key_id, token_type })
    }
}

/// Compares media types without case. `application/` is implied if there is no slash. Section 4.1.9.
pub(crate) fn is_media_type(value: &str, short: &str) -> bool {
    let (left, right) = (without_application(value), without_application(short));
    left.eq_ignore_ascii_case(right)
}

fn without_application(value: &str) -> &str {
    const PREFIX: &str = "application/";
    match (value.get(..PREFIX.len()), value.get(PREFIX.len()..)) {
        (Some(prefix), Some(rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_refused_with_the_right_error() {
        for (header, kind) in [
            (r#"["HS256"]"#, ErrorKind::MalformedToken),
            (r#"{}"#, ErrorKind::MalformedToken),
            (r#"{"alg":null}"#, ErrorKind::MalformedToken),
            (r#"{"alg":{"HS256":null}}"#, ErrorKind::MalformedToken),
            (r#"{"alg":"none"}"#, ErrorKind::AlgorithmNotAllowed),
            (r#"{"alg":"hs256"}"#, ErrorKind::AlgorithmNotAllowed),
            (r#"{"alg":"HS256","alg":"HS256"}"#, ErrorKind::MalformedToken),
            (r#"{"alg":"HS256","x":1,"x":1}"#, ErrorKind::MalformedToken),
            (r#"{"alg":"HS256","kid":null}"#, ErrorKind::MalformedToken),
            (r#"{"alg":"HS256","kid":1}"#, ErrorKind::MalformedToken),
            (r#"{"alg":"HS256","typ":null}"#, ErrorKind::MalformedToken),
            (r#"{"alg":"HS256","cty":"JWT"}"#, ErrorKind::NestedToken),
            (r#"{"alg":"HS256","cty":"application/jwt"}"#, ErrorKind::NestedToken),
            (r#"{"alg":"HS256","crit":[]}"#, ErrorKind::CriticalHeader),
            (r#"{"alg":"HS256","crit":null}"#, ErrorKind::CriticalHeader),
            (r#"{"alg":"HS256","b64":true}"#, ErrorKind::CriticalHeader),
        ] {
            assert_eq!(Header::read(header).err(), Some(kind), "{header}");
        }
        let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(MAX_KID_BYTES + 1));
        assert_eq!(Header::read(&long).err(), Some(ErrorKind::MalformedToken));
    }

    #[test]
    fn unknown_parameters_are_ignored() {
        let header = r#"{"alg":"HS\u003256","kid":"k","typ":"JWT","zip":"DEF","x5c":"no array","jwk":{},"cty":"text"}"#;
        let header = Header::read(header).expect("ignored parameters");
        assert_eq!(header.algorithm, Algorithm::HS256);
        assert_eq!((header.key_id.as_deref(), header.token_type.as_deref()), (Some("k"), Some("JWT")));
    }

    #[test]
    fn media_types_are_compared_without_case_and_with_an_implied_prefix() {
        for same in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"] {
            assert!(is_media_type(same, "at+jwt"), "{same}");
        }
        for other in ["at+jwt ", "jwt", "text/at+jwt", "application/x/at+jwt", "", "application/"] {
            assert!(!is_media_type(other, "at+jwt"), "{other}");
        }
    }
}
