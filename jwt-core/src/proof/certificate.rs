use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::proxies::Proxies;
use crate::crypto::Backend;
use crate::error::{Detail, Error, ErrorKind};
use crate::http::request::RequestView;

/// Checks the certificates that tokens are bound to. RFC 8705 section 3.
pub(crate) struct CertificateCheck {
    backend: Backend,
    /// A header with the client's certificate, and the proxies that write it.
    header: Option<(String, Proxies)>,
}

impl CertificateCheck {
    pub(crate) const fn new(backend: Backend, header: Option<(String, Proxies)>) -> Self {
        Self { backend, header }
    }

    /// Returns the client's certificate in DER.
    pub(crate) fn find<'r>(&self, request: &'r dyn RequestView) -> Option<Cow<'r, [u8]>> {
        if let Some((name, proxies)) = &self.header
            && proxies.sent(request)
        {
            // The connection's own certificate would be the proxy's.
            let (mut lines, mut first) = (0, &[][..]);
            request.header(name, &mut |line| {
                lines += 1;
                first = line;
            });
            return if lines == 1 { read_header(first).map(Cow::Owned) } else { None };
        }
        request.peer_certificate().map(Cow::Borrowed)
    }

    /// Checks that the client has the certificate with this hash.
    pub(crate) fn check(&self, certificate: Option<&[u8]>, expected: &[u8; 32]) -> Result<(), Error> {
        let Some(certificate) = certificate else {
            return Err(Error::from(ErrorKind::WrongCertificate).with_detail(Detail::Constant(
                "the token is bound to a certificate, and the connection has none: does the server ask for it and pass it on as a \
                 `Peer`, or does TLS end at a proxy that `VerifierBuilder::certificate_header` doesn't name?",
            )));
        };
        match self.backend.sha256(certificate) {
            Some(hash) if hash == *expected => Ok(()),
            _ => Err(ErrorKind::WrongCertificate.into()),
        }
    }
}

/// Reads a certificate in any of the forms that proxies write: `:base64:` (RFC 9440), PEM, percent-encoded PEM (nginx, AWS),
/// base64 without its PEM lines (Traefik), or the element `Cert` of `X-Forwarded-Client-Cert` (Envoy).
fn read_header(value: &[u8]) -> Option<Vec<u8>> {
    let value = std::str::from_utf8(value).ok()?.trim();
    if let Some(base64) = value.strip_prefix(':').and_then(|value| value.strip_suffix(':')) {
        return decode(base64);
    }
    let is_envoy = |start: &str| value.get(..start.len()).is_some_and(|given| given.eq_ignore_ascii_case(start));
    let value = if ["by=", "hash=", "cert=", "chain=", "subject=", "uri=", "dns="].into_iter().any(is_envoy) {
        envoy(value)?
    } else {
        value
    };
    let pem = percent_decoded(value)?;
    let base64 = match pem.split_once("-----BEGIN CERTIFICATE-----") {
        Some((_, rest)) => rest.split_once("-----END CERTIFICATE-----")?.0,
        None if pem.contains("-----") => return None,
        None => &pem,
    };
    decode(base64)
}

/// Returns `Cert` of the last element, which the nearest proxy wrote.
fn envoy(value: &str) -> Option<&str> {
    let (mut quoted, mut start) = (false, 0);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => start = at + 1,
            _ => {}
        }
    }
    let (mut quoted, element) = (false, value.get(start..)?);
    let pairs = element.split(move |character: char| {
        quoted ^= character == '"';
        character == ';' && !quoted
    });
    let mut certificates = pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("cert").then(|| value.trim_matches('"'))
    });
    certificates.next().filter(|_| certificates.next().is_none())
}

fn percent_decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(bytes).ok()
}

/// Decodes base64, with or without padding and white space.
fn decode(base64: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text: String = base64.split_ascii_whitespace().collect();
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(text).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read_in_every_form_that_proxies_write() {
        // `AQID+/8=` is base64 of these bytes.
        let bytes = Some(vec![1, 2, 3, 0xfb, 0xff]);
        let pem = "-----BEGIN%20CERTIFICATE-----%0AAQID%2B%2F8%3D%0A-----END%20CERTIFICATE-----%0A";
        for (value, expected) in [
            (":AQID+/8=:", bytes.clone()),
            ("AQID+/8=", bytes.clone()),
            ("AQID+/8", bytes.clone()),
            (pem, bytes.clone()),
            ("-----BEGIN CERTIFICATE----- AQID+/8= -----END CERTIFICATE-----", bytes.clone()),
            (&format!("Hash=ab;Cert=\"{pem}\";Subject=\"CN=a;Cert=b,c\""), bytes.clone()),
            (&format!("By=a;Cert=\"AQ%3D%3D\",Hash=ab;Cert=\"{pem}\""), bytes),
            (&format!("Cert=\"{pem}\",Hash=ab"), None),
            (&format!("Cert=\"{pem}\";Cert=\"{pem}\""), None),
            ("Subject=\"CN=a;Cert=AQ==\"", None),
            ("", None),
            ("::", None),
            ("%4", None),
            ("-----BEGIN CERTIFICATE-----AQID", None),
            ("-----BEGIN PRIVATE KEY-----AQID-----END PRIVATE KEY-----", None),
            ("not base64!", None),
            ("(null)", None),
        ] {
            assert_eq!(read_header(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(read_header(b"\xff"), None);
    }
}
