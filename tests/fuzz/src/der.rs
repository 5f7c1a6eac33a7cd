//! A second reader and a writer of keys in DER: RFC 5280 section 4.1, RFC 8017 appendix A.1.1, RFC 5480, RFC 8410.

use crate::keys::{CURVES, ML_DSA, Numbers};

/// The structures that hold a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    Info = 0,
    Pkcs1 = 1,
    Certificate = 2,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const CURVE_OIDS: [&[u8]; 3] = [
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    &[0x2b, 0x81, 0x04, 0x00, 0x22],
    &[0x2b, 0x81, 0x04, 0x00, 0x23],
];
const ML_DSA_ARC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];
/// The last number of each ML-DSA identifier.
const ML_DSA_LAST: [u8; 3] = [17, 18, 19];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
    tlv(INTEGER, &[sign, number].concat())
}

fn bits(content: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], content].concat())
}

fn curve(crv: &str) -> &'static [u8] {
    let at = CURVES.iter().position(|(name, _)| *name == crv).expect("a known curve");
    CURVE_OIDS[at]
}

/// Writes a key. Only RSA keys have a PKCS#1 form.
#[must_use]
pub fn write(numbers: &Numbers, structure: Structure) -> Option<Vec<u8>> {
    let pkcs1 = |n: &[u8], e: &[u8]| sequence(&[integer(n), integer(e)]);
    let (algorithm, key) = match numbers {
        Numbers::Rsa { n, e } => (sequence(&[tlv(OID, RSA), tlv(NULL, &[])]), pkcs1(n, e)),
        Numbers::Ec { crv, x, y } => {
            (sequence(&[tlv(OID, EC), tlv(OID, curve(crv))]), [&[4], x.as_slice(), y.as_slice()].concat())
        }
        Numbers::Ed25519(x) => (sequence(&[tlv(OID, ED25519)]), x.clone()),
        Numbers::MlDsa { alg, key } => {
            let at = ML_DSA.iter().position(|name| name == alg)?;
            (sequence(&[tlv(OID, &[ML_DSA_ARC, &[ML_DSA_LAST[at]]].concat())]), key.clone())
        }
    };
    let info = sequence(&[algorithm, bits(&key)]);
    match (structure, numbers) {
        (Structure::Info, _) => Some(info),
        (Structure::Pkcs1, Numbers::Rsa { n, e }) => Some(pkcs1(n, e)),
        (Structure::Pkcs1, _) => None,
        (Structure::Certificate, _) => {
            let signature = sequence(&[tlv(OID, ED25519)]);
            let (name, time) = (sequence(&[]), tlv(UTC_TIME, b"260101000000Z"));
            let validity = sequence(&[time.clone(), time]);
            let body = sequence(&[integer(&[1]), signature.clone(), name.clone(), validity, name, info]);
            Some(sequence(&[body, signature, bits(&[0; 64])]))
        }
    }
}

/// Writes a private key as PKCS#8 (RFC 5958). It takes as many bytes of the secret as the algorithm needs.
#[must_use]
pub fn write_private(algorithm: &str, secret: &[u8]) -> Vec<u8> {
    let ec = |curve: &[u8], size: usize| {
        let key = sequence(&[integer(&[1]), tlv(OCTET_STRING, &secret[..size])]);
        (sequence(&[tlv(OID, EC), tlv(OID, curve)]), key)
    };
    let (identifier, key) = match algorithm {
        "ES256" => ec(CURVE_OIDS[0], 32),
        "ES384" => ec(CURVE_OIDS[1], 48),
        _ => (sequence(&[tlv(OID, ED25519)]), tlv(OCTET_STRING, &secret[..32])),
    };
    sequence(&[tlv(INTEGER, &[0]), identifier, tlv(OCTET_STRING, &key)])
}

/// Takes an element off the front and returns its tag and content.
fn take<'d>(der: &mut &'d [u8]) -> Option<(u8, &'d [u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            let length = bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
            // DER requires the shortest form.
            if length < 0x80 || bytes[0] == 0 {
                return None;
            }
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *der = rest;
    Some((tag, content))
}

fn take_tagged<'d>(der: &mut &'d [u8], expected: u8) -> Option<&'d [u8]> {
    take(der).filter(|(tag, _)| *tag == expected).map(|(_, content)| content)
}

/// Takes an integer that isn't negative and has no superfluous byte.
fn take_number(der: &mut &[u8]) -> Option<Vec<u8>> {
    match take_tagged(der, INTEGER)? {
        [0] => Some(Vec::new()),
        [0, number @ ..] if number.first().is_some_and(|&first| first >= 0x80) => Some(number.to_vec()),
        number @ [1..0x80, ..] => Some(number.to_vec()),
        _ => None,
    }
}

fn whole<'d, T>(der: &'d [u8], read: impl FnOnce(&mut &'d [u8]) -> Option<T>) -> Option<T> {
    let mut rest = der;
    read(&mut rest).filter(|_| rest.is_empty())
}

/// Reads a public key from any of the structures.
#[must_use]
pub fn read(der: &[u8]) -> Option<(Structure, Numbers)> {
    let content = whole(der, |der| take_tagged(der, SEQUENCE))?;
    if let Some(numbers) = pkcs1(content) {
        return Some((Structure::Pkcs1, numbers));
    }
    if let Some(numbers) = info(content) {
        return Some((Structure::Info, numbers));
    }
    // In a certificate the key is the sixth element, or the seventh if there is a version.
    let mut parts = content;
    let mut body = take_tagged(&mut parts, SEQUENCE)?;
    if body.first() == Some(&0xa0) {
        take(&mut body)?;
    }
    for _ in 0..5 {
        take(&mut body)?;
    }
    Some((Structure::Certificate, info(take_tagged(&mut body, SEQUENCE)?)?))
}

fn pkcs1(content: &[u8]) -> Option<Numbers> {
    whole(content, |der| Some(Numbers::Rsa { n: take_number(der)?, e: take_number(der)? }))
}

fn info(content: &[u8]) -> Option<Numbers> {
    let (identifier, key) = whole(content, |der| {
        let identifier = take_tagged(der, SEQUENCE)?;
        let [0, key @ ..] = take_tagged(der, BIT_STRING)? else { return None };
        Some((identifier, key))
    })?;
    let (oid, parameters) = {
        let mut rest = identifier;
        let oid = take_tagged(&mut rest, OID)?;
        (oid, rest)
    };
    if oid == RSA {
        let sequence = whole(key, |der| take_tagged(der, SEQUENCE))?;
        return pkcs1(sequence).filter(|_| parameters.is_empty() || parameters == [NULL, 0]);
    }
    if oid == EC {
        let named = whole(parameters, |der| take_tagged(der, OID))?;
        let at = CURVE_OIDS.iter().position(|curve| *curve == named)?;
        let (crv, size) = CURVES[at];
        let [4, point @ ..] = key else { return None };
        let (x, y) = point.split_at_checked(size).filter(|(_, y)| y.len() == size)?;
        return Some(Numbers::Ec { crv, x: x.to_vec(), y: y.to_vec() });
    }
    if !parameters.is_empty() {
        return None;
    }
    if oid == ED25519 {
        return Some(Numbers::Ed25519(key.to_vec()));
    }
    let (&last, arc) = oid.split_last()?;
    let at = ML_DSA_LAST.iter().position(|number| *number == last && arc == ML_DSA_ARC)?;
    Some(Numbers::MlDsa { alg: ML_DSA[at], key: key.to_vec() })
}
