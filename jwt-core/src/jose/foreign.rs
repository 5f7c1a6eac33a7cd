//! Texts and bytes that are not a key in the expected form. The errors name the form, and the command or method that helps.

use ::der::{Decode as _, Header, SliceReader, Tag};
use memchr::memmem;

use super::key_error::KeyError;

/// Returns the error for a text without a `-----BEGIN` line. It describes the text.
pub(super) fn not_pem(text: &[u8]) -> KeyError {
    let start = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text).trim_ascii();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| start.starts_with(prefix.as_bytes()));
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| start.ends_with(suffix.as_bytes()));
    KeyError::malformed(if start.is_empty() {
        "the PEM text is empty"
    } else if begins(&["ssh-", "ecdsa-sha2-", "---- BEGIN SSH2"]) {
        "the text is an OpenSSH public key, not PEM; `ssh-keygen -e -m PKCS8 -f FILE` converts RSA and ECDSA keys"
    } else if begins(&["{"]) && memmem::find(start, b"\"keys\"").is_some() {
        "the text is a JWK Set, not PEM; use `KeySet::from_jwks`"
    } else if begins(&["{"]) {
        "the text is JSON, not PEM; use `from_jwk` if it is a JWK"
    } else if begins(&["LS0tLS1CRUdJTi", "77u/LS0tLS1CRUdJTi"]) {
        "the text is PEM that was encoded in base64 once more, as in a Kubernetes secret; decode it first (`base64 -d`)"
    } else if text.starts_with(b"\xff\xfe")
        || text.starts_with(b"\xfe\xff")
        || text.iter().take(2).any(|&byte| byte == 0)
    {
        "the text is UTF-16, not PEM; save it as UTF-8"
    } else if begins(&["<?xml", "<RSAKeyValue"]) {
        "the text is XML, not PEM; export the key as PEM or as a JWK"
    } else if begins(&["eyJ"]) && memmem::find(start, b".").is_some() {
        "the text is a token, not a key"
    } else if begins(&["${", "{{"]) && !start.contains(&b'\n') {
        "the text is a placeholder or a variable that nothing replaced, not PEM"
    } else if memmem::find(&start.to_ascii_lowercase(), b"begin").is_some() {
        "the text is not PEM: its first line must be `-----BEGIN …-----` with five hyphens on each side, in capitals"
    } else if begins(&["https://", "http://"]) {
        "the text is an address, not PEM; `TrustedIssuer::jwks` fetches keys"
    } else if begins(&["PuTTY-User-Key-File"]) {
        "the text is a key of PuTTY, not PEM; `puttygen FILE -O private-openssh` exports it"
    } else if let Some(description) = key_file(text) {
        description
    } else if start[0] == 0x30 && std::str::from_utf8(start).is_err() {
        "the bytes are DER, not PEM; use `Key::from_der`, or convert a private key with `openssl pkey -inform DER -in FILE`"
    } else if ends(&[".pem", ".key", ".crt", ".cer", ".pub", ".txt", ".der"])
        || (begins(&["/", "./", "../", "~/", "file:"]) && start.len() < 256 && !start.contains(&b'='))
    {
        "the text is a file's name, not PEM; pass what the file contains"
    } else if start.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/= \r\n\t".contains(byte)) {
        "the text is not PEM: if it is a key's base64, put `-----BEGIN PUBLIC KEY-----` and `-----END PUBLIC KEY-----` \
         around it"
    } else {
        "the text is not PEM: it has no `-----BEGIN …-----` line"
    })
}

/// Returns the error for a label that belongs neither to public nor to private keys.
pub(super) fn other_label(label: &str, otherwise: &'static str) -> KeyError {
    KeyError::malformed(match label {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "the PEM text is a certificate request, not a key; `openssl req -in FILE -noout -pubkey` prints its public key"
        }
        "PKCS7" => {
            "the PEM text is a PKCS#7 bundle, not a key; `openssl pkcs7 -in FILE -print_certs` prints its certificates"
        }
        "DH PARAMETERS" | "X9.42 DH PARAMETERS" | "DSA PARAMETERS" => "the PEM text has parameters and no key",
        "EC PUBLIC KEY" => {
            "no tool writes the label `EC PUBLIC KEY`; write `PUBLIC KEY` in the `BEGIN` and `END` lines"
        }
        "X509 CRL" => "the PEM text is a list of revoked certificates, not a key",
        "EC PARAMETERS" => "the PEM text has the parameters of a curve and no key",
        "TRUSTED CERTIFICATE" => {
            "the PEM text is a certificate in OpenSSL's own format; `openssl x509 -in FILE` converts it"
        }
        "PGP PUBLIC KEY BLOCK" | "PGP PRIVATE KEY BLOCK" => {
            "the text is an OpenPGP key, which tokens aren't signed with"
        }
        "SSH2 PUBLIC KEY" => {
            "the text is an SSH public key; `ssh-keygen -i -f FILE | ssh-keygen -e -m PKCS8 -f /dev/stdin` \
                              converts RSA and ECDSA keys"
        }
        _ => otherwise,
    })
}

/// Describes the bytes of a file that has keys in another form than DER or PEM. `None` if the form is unknown.
pub(super) fn key_file(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\xfe\xed\xfe\xed") || bytes.starts_with(b"\xce\xce\xce\xce") {
        return Some(
            "the bytes are a Java keystore; `keytool -exportcert -rfc -keystore FILE -alias NAME` prints a certificate",
        );
    }
    if bytes.starts_with(b"\x1f\x8b") {
        return Some("the bytes are compressed with gzip: decompress them first");
    }
    if bytes.windows(10).take(80).any(|part| part == b"-----BEGIN") {
        return Some("the bytes are PEM, not DER; use `from_pem`");
    }
    // PKCS#12: a sequence that begins with the version 3. PKCS#7: one that begins with an identifier of that standard.
    let mut reader = SliceReader::new(bytes).ok()?;
    let header = Header::decode(&mut reader).ok().filter(|header| header.tag() == Tag::Sequence)?;
    let content = bytes.get(bytes.len().checked_sub(usize::try_from(header.length()).ok()?)?..)?;
    if content.starts_with(&[0x02, 0x01, 0x03, 0x30]) {
        Some(
            "the bytes are PKCS#12 (`.p12`, `.pfx`); `openssl pkcs12 -in FILE -nodes` prints its keys and certificates",
        )
    } else if content.starts_with(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07]) {
        Some("the bytes are PKCS#7; `openssl pkcs7 -inform DER -in FILE -print_certs` prints its certificates")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_another_kind_of_file_are_named() {
        let sequence = |content: &[u8]| [&[0x30, 0x82, 1, 0][..], content, &vec![0; 256 - content.len()]].concat();
        for (bytes, part) in [
            (b"\xfe\xed\xfe\xed\0\0\0\x02".to_vec(), "`keytool"),
            (b"\x1f\x8b\x08\0".to_vec(), "gzip"),
            (b"# a key\n-----BEGIN PUBLIC KEY-----".to_vec(), "`from_pem`"),
            (sequence(&[2, 1, 3, 0x30]), "`openssl pkcs12"),
            (sequence(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]), "`openssl pkcs7"),
        ] {
            assert!(key_file(&bytes).is_some_and(|description| description.contains(part)), "{part}");
        }
        for bytes in [vec![], vec![0x30], sequence(&[2, 1, 0]), vec![0x30, 0x82, 1, 0, 2, 1, 3], vec![7; 64]] {
            assert_eq!(key_file(&bytes), None, "{bytes:?}");
        }
    }
}
