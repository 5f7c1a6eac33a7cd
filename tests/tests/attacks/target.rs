//! The application under attack, and tools for attackers.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_core::crypto::SigningKey;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::encode;
use jwt_tests::setup::{application, behind, key_of, keyless, trusting};
use serde_json::Value;

/// An application that is attacked through both adapters.
pub(crate) struct Target(pub(crate) Application);

impl Target {
    /// Creates the usual one.
    pub(crate) fn usual() -> Self {
        Self(application())
    }

    /// Creates one that trusts this issuer.
    pub(crate) fn trusting(issuer: TrustedIssuer) -> Self {
        Self(behind(trusting(issuer)))
    }

    /// Creates one whose issuer signs with this algorithm.
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        Self::trusting(keyless().key(key_of(algorithm).verification_key()))
    }

    /// Asserts that the token gets 401 `invalid_token` and nothing else.
    pub(crate) async fn refuses(&self, token: &str, kind: ErrorKind, case: &str) {
        let answer = self.0.send(&Ask::get("/me").bearer(token)).await;
        assert_eq!(answer, Answer::refused(kind), "{case}");
    }

    /// Asserts that the credentials get 400 `invalid_request`: no token could look like this.
    pub(crate) async fn cannot_read(&self, token: &str, case: &str) {
        let answer = self.0.send(&Ask::get("/me").bearer(token)).await;
        assert_eq!(answer, Answer::malformed(ErrorKind::MalformedCredentials), "{case}");
    }

    /// Asserts that the token reaches the handler.
    pub(crate) async fn accepts(&self, token: &str, case: &str) {
        let answer = self.0.send(&Ask::get("/me").bearer(token)).await;
        assert_eq!((answer.status, answer.code), (200, None), "{case}");
    }
}

/// Signs any header and payload with an HMAC over any bytes, which the library refuses to do.
pub(crate) fn mac(secret: &[u8], header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", encode(tag.as_ref()))
}

/// Every published form of a public key that a confused verifier could use as an HMAC secret.
pub(crate) fn public_forms(key: &SigningKey) -> Vec<(String, Vec<u8>)> {
    let jwk = key.public_jwk().expect("a public key");
    let member = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| URL_SAFE_NO_PAD.decode(member(name)).expect("base64url");
    let mut forms: Vec<(String, Vec<u8>)> = vec![
        ("JWK".to_owned(), jwk.to_string().into_bytes()),
        ("JWK with spaces".to_owned(), serde_json::to_vec_pretty(&jwk).expect("JSON")),
        ("JWK set".to_owned(), serde_json::json!({"keys": [jwk]}).to_string().into_bytes()),
        ("nothing".to_owned(), Vec::new()),
    ];
    let (spki, text) = if jwk["kty"] == "RSA" {
        let pkcs1 = sequence(&[integer(&number("n")), integer(&number("e"))]);
        forms.push(("PKCS#1 DER".to_owned(), pkcs1.clone()));
        forms.extend(pems("RSA PUBLIC KEY", &pkcs1));
        forms.push(("n".to_owned(), number("n")));
        forms.push(("n in base64url".to_owned(), member("n").into_bytes()));
        let algorithm = sequence(&[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01".to_vec(), vec![5, 0]]);
        (sequence(&[algorithm, bits(&pkcs1)]), "RSA")
    } else {
        let point = [vec![4], number("x"), number("y")].concat();
        forms.push(("x".to_owned(), number("x")));
        forms.push(("x in base64url".to_owned(), member("x").into_bytes()));
        forms.push(("point".to_owned(), point.clone()));
        let (id, curve) = (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
        let algorithm = sequence(&[id.to_vec(), curve.to_vec()]);
        (sequence(&[algorithm, bits(&point)]), "EC")
    };
    assert!(jwt_core::keys::Key::from_der(key.algorithm(), &spki).is_ok(), "the {text} key is written rightly");
    forms.push(("SPKI DER".to_owned(), spki.clone()));
    forms.extend(pems("PUBLIC KEY", &spki));
    forms
}

/// PEM, with the changes that editors and environment variables make to it.
fn pems(label: &str, der: &[u8]) -> Vec<(String, Vec<u8>)> {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"));
    [
        ("", pem.clone()),
        (" with a new line", format!("{pem}\n")),
        (" with CRLF", format!("{pem}\n").replace('\n', "\r\n")),
        (" with a leading space", format!(" {pem}\n")),
        (" with leading new lines", format!("\n\n{pem}\n")),
        (" with a byte order mark", format!("\u{feff}{pem}\n")),
        (" without line breaks", pem.replace('\n', "")),
        ("'s base64", base64.clone()),
    ]
    .map(|(form, text)| (format!("PEM {label}{form}"), text.into_bytes()))
    .to_vec()
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn integer(number: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = number.iter().copied().skip_while(|&byte| byte == 0).collect();
    if digits.first().is_none_or(|first| first & 0x80 != 0) {
        digits.insert(0, 0);
    }
    tlv(2, &digits)
}

fn bits(content: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], content].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(content.len()).expect("short").to_be_bytes() {
        [0, short] if short < 0x80 => vec![short],
        [0, short] => vec![0x81, short],
        [high, low] => vec![0x82, high, low],
    };
    [&[tag], length.as_slice(), content].concat()
}
