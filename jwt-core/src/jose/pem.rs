//! PEM: text around DER. RFC 7468.
//!
//! Environment variables, editors and copying change line ends and white space, so these are ignored. For any other
//! text, the error names the kind of text, and the command or method that helps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use zeroize::Zeroizing;

use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;
use super::{der, foreign};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Reads the only public key in a PEM text.
pub(crate) fn public_key(text: &[u8]) -> Result<KeyMaterial, KeyError> {
    let blocks = blocks(text)?;
    if blocks.len() > 1 && blocks.iter().all(|block| block.label == "CERTIFICATE") {
        return certificates(&blocks);
    }
    let block = only(&blocks)?;
    match block.label {
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" | "X509 CERTIFICATE" => labelled(block.label, &block.decode()?),
        "OPENSSH PRIVATE KEY" => Err(KeyError::new(
            KeyErrorKind::PrivateKey,
            "an OpenSSH private key was given where a public key is expected; `ssh-keygen -e -m PKCS8 -f FILE` prints its \
             public key",
        )),
        label if label.ends_with("PRIVATE KEY") => Err(KeyError::new(
            KeyErrorKind::PrivateKey,
            "a private key was given where a public key is expected; `openssl pkey -in FILE -pubout` prints its public key",
        )),
        "RSA-PSS PUBLIC KEY" => Err(der::unsupported(&der::RSASSA_PSS)),
        label => Err(foreign::other_label(
            label,
            "the label in the PEM text's `BEGIN` line is none of `PUBLIC KEY`, `RSA PUBLIC KEY` and `CERTIFICATE`",
        )),
    }
}

/// Reads DER with this label. If the label belongs to another structure, the error says to which.
fn labelled(label: &str, der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let read = match label {
        "PUBLIC KEY" => der::spki(der),
        "RSA PUBLIC KEY" => der::rsa_public_key(der),
        _ => der::certificate(der),
    };
    read.map_err(|error| match der::structure(der) {
        _ if error.kind() != KeyErrorKind::Malformed => error,
        Some("PUBLIC KEY") if label != "PUBLIC KEY" => {
            KeyError::malformed("the PEM text's label is wrong: write `PUBLIC KEY` in its `BEGIN` and `END` lines")
        }
        Some("RSA PUBLIC KEY") if label != "RSA PUBLIC KEY" => {
            KeyError::malformed("the PEM text's label is wrong: write `RSA PUBLIC KEY` in its `BEGIN` and `END` lines")
        }
        Some("CERTIFICATE") if !label.ends_with("CERTIFICATE") => {
            KeyError::malformed("the PEM text's label is wrong: write `CERTIFICATE` in its `BEGIN` and `END` lines")
        }
        _ => error,
    })
}

/// Reads the key of the first certificate of a chain, which begins with the one that the others vouch for.
fn certificates(blocks: &[Block<'_>]) -> Result<KeyMaterial, KeyError> {
    let chain = blocks.iter().map(Block::decode).collect::<Result<Vec<_>, _>>()?;
    // A certificate that issued itself ends a chain. If another one follows, they are alternatives.
    let is_chain =
        chain.windows(2).all(|pair| der::is_issued_by(&pair[0], &pair[1]) && !der::is_issued_by(&pair[0], &pair[0]));
    match chain.first() {
        Some(first) if is_chain => der::certificate(first),
        _ => Err(KeyError::malformed(
            "the text has several certificates that aren't a chain; keep the one with the key \
             (`openssl x509 -in FILE` prints the first)",
        )),
    }
}

/// A PEM block.
pub(super) struct Block<'t> {
    pub(super) label: &'t str,
    body: &'t [u8],
}

impl Block<'_> {
    pub(super) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        decode(self.body)
    }
}

/// The most blocks that are read. A chain of certificates is shorter.
const MAX_BLOCKS: usize = 10;

/// Finds the blocks of `text`. `EC PARAMETERS` are left out beside a key: `openssl ecparam -genkey` writes both.
pub(super) fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, KeyError> {
    let (mut rest, mut blocks) = (text, Vec::new());
    while let Some(start) = memmem::find(rest, BEGIN) {
        let (label, body, after) = split(&rest[start + BEGIN.len()..])?;
        if blocks.len() == MAX_BLOCKS {
            return Err(KeyError::malformed("the text has more than 10 PEM blocks; keep the one with the key"));
        }
        blocks.push(Block { label, body });
        rest = after;
    }
    let is_key = |block: &Block<'_>| block.label != "EC PARAMETERS";
    if blocks.iter().filter(|block| !is_key(block)).count() == 1 && blocks.iter().any(is_key) {
        blocks.retain(is_key);
    }
    if blocks.is_empty() { Err(foreign::not_pem(text)) } else { Ok(blocks) }
}

/// Returns the only block.
pub(super) fn only<'b, 't>(blocks: &'b [Block<'t>]) -> Result<&'b Block<'t>, KeyError> {
    match blocks {
        [only] => Ok(only),
        _ if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) => Err(KeyError::malformed(
            "the text has more than one PEM block, a private key among them; keep only the one block that is needed here",
        )),
        _ => Err(KeyError::malformed("the text has more than one PEM block; keep the one with the key")),
    }
}

/// Splits the text after `-----BEGIN ` into the label, the base64, and the text after the block.
fn split(text: &[u8]) -> Result<(&str, &[u8], &[u8]), KeyError> {
    const CUT_OFF: KeyError = KeyError::malformed("the PEM text is cut off: its `-----END …-----` line is missing");
    let label_end = memmem::find(text, DASHES).ok_or(CUT_OFF)?;
    let body = &text[label_end + DASHES.len()..];
    let end = memmem::find(body, END).ok_or(CUT_OFF)?;
    // The last dashes may be the first of another block, so they stay in the rest.
    let after = body[end + END.len()..].strip_prefix(&text[..label_end]).filter(|rest| rest.starts_with(DASHES));
    match (std::str::from_utf8(&text[..label_end]), after) {
        (Ok(label), Some(after)) => Ok((label, &body[..end], after)),
        _ => Err(KeyError::malformed("the labels of the PEM text's `-----BEGIN` and `-----END` lines differ")),
    }
}

/// Decodes base64, ignoring white space and line ends that are escaped as the two characters `\n`.
fn decode(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // RFC 1421 section 4.6.1.1: OpenSSL's own format for encrypted keys has this header.
    if memmem::find(body, b"ENCRYPTED").is_some() && body.contains(&b':') {
        return Err(encrypted());
    }
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after.first()) {
            (b'\\', Some(b'n' | b'r')) => &after[1..],
            _ => after,
        };
        // Editors and web pages also leave white space that isn't ASCII: a no-break or zero-width space, or another mark.
        let wide = [&b"\xc2\xa0"[..], b"\xe2\x80\x8b", b"\xef\xbb\xbf"].into_iter().find_map(|space| {
            let rest = std::iter::once(byte).chain(after.iter().copied());
            rest.take(space.len()).eq(space.iter().copied()).then(|| &after[space.len() - 1..])
        });
        if let Some(wide) = wide {
            rest = wide;
        } else if !byte.is_ascii_whitespace() && rest.len() == after.len() {
            base64.push(byte);
        }
    }
    if base64.is_empty() {
        return Err(KeyError::malformed("the PEM text has nothing between its `-----BEGIN` and `-----END` lines"));
    }
    let decoded = STANDARD.decode(&*base64).map(Zeroizing::new);
    decoded.map_err(|_| {
        KeyError::malformed(if base64.contains(&b'\\') {
            "the PEM text has backslashes in its base64; are its line ends escaped twice?"
        } else if base64.contains(&b'%') {
            "the PEM text is percent-encoded, as in an address; decode it first"
        } else if base64.iter().any(|byte| b"-_".contains(byte)) {
            "the PEM text has another alphabet than base64, or dashes too many: it has `-` or `_` between its `-----BEGIN` and \
             `-----END` lines"
        } else if base64.iter().any(|byte| b"<>.#".contains(byte)) {
            "the PEM text has other text between its `-----BEGIN` and `-----END` lines, such as a placeholder or a comment"
        } else {
            "the PEM text isn't base64 between its `-----BEGIN` and `-----END` lines"
        })
    })
}

pub(super) const fn encrypted() -> KeyError {
    KeyError::malformed("the private key is encrypted; `openssl pkey -in FILE -out NEW` decrypts it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::pem_samples::{
        ED25519_SPKI, K256_SPKI, P256_CERTIFICATE, P256_SPKI, RSA_PKCS1, RSA_SPKI, content,
    };
    use crate::jose::{Algorithm, Key};

    fn kind(algorithm: Algorithm, pem: &str) -> Option<KeyErrorKind> {
        Key::from_pem(algorithm, pem).err().map(|error| error.kind())
    }

    #[test]
    fn a_public_key_or_certificate_is_read_and_must_fit_the_algorithm() {
        use Algorithm::{ES256, ES384, Ed25519, HS256, MlDsa44, PS512, RS256};
        const MISMATCH: Option<KeyErrorKind> = Some(KeyErrorKind::AlgorithmMismatch);
        for (pem, algorithm, expected) in [
            (RSA_SPKI, RS256, None),
            (RSA_SPKI, PS512, None),
            (RSA_PKCS1, RS256, None),
            (P256_SPKI, ES256, None),
            (P256_CERTIFICATE, ES256, None),
            (ED25519_SPKI, Ed25519, None),
            (RSA_SPKI, HS256, MISMATCH),
            (RSA_SPKI, ES256, MISMATCH),
            (RSA_PKCS1, Ed25519, MISMATCH),
            (P256_SPKI, ES384, MISMATCH),
            (P256_SPKI, RS256, MISMATCH),
            (P256_CERTIFICATE, MlDsa44, MISMATCH),
            (K256_SPKI, ES256, Some(KeyErrorKind::UnsupportedKeyType)),
        ] {
            assert_eq!(kind(algorithm, pem), expected, "{algorithm} {pem}");
            assert_eq!(kind(algorithm, &pem.replace('\n', "\r\n")), expected, "{algorithm} {pem}");
            assert_eq!(kind(algorithm, &format!("# a comment\n{pem}\n\n")), expected, "{algorithm} {pem}");
            let der = content(pem);
            let refused = Key::from_der(algorithm, &der).err().map(|error| error.kind());
            assert_eq!(refused, expected, "{algorithm} {pem}");
        }
    }

    #[test]
    fn white_space_escaped_line_ends_and_text_around_the_block_are_ignored() {
        for pem in [RSA_SPKI, P256_CERTIFICATE, ED25519_SPKI] {
            let expected = public_key(pem.as_bytes()).unwrap();
            for text in [
                pem.replace('\n', "\\n"),
                pem.replace('\n', "\\r\\n"),
                pem.replace('\n', " "),
                pem.replace('\n', " \n"),
                pem.replace('\n', "\n    "),
                pem.replace('\n', "\n\n"),
                format!("\u{feff}{pem}"),
                format!("\"{pem}\""),
                format!("Subject: a\n{pem}\nafter"),
                format!("'{}'", pem.replace('\n', "\\n")),
                pem.replace('\n', "\t\r\n\t"),
                pem.replace('\n', "\u{a0}\n"),
                pem.replace('\n', "\u{200b}\n\u{feff}"),
                pem.replace('\n', "\r"),
                pem.replace('\n', ""),
                pem.replacen('\n', "\\n", 2).replacen('\n', "\r\n", 1),
                format!("JWT_PEM=\"{}\\n\"", pem.replace('\n', "\\n")),
                format!("{{\"public_key\":\"{}\\n\"}}", pem.replace('\n', "\\n")),
                format!("key: |\n    {}\n", pem.replace('\n', "\n    ")),
            ] {
                assert!(public_key(text.as_bytes()).is_ok_and(|key| key == expected), "{text}");
            }
        }
    }

    #[test]
    fn the_error_says_what_the_text_is_and_what_helps() {
        let relabel = |label: &str| RSA_SPKI.replace("PUBLIC KEY", label);
        let base64: String = RSA_SPKI.lines().filter(|line| !line.starts_with('-')).collect();
        for (text, part) in [
            (relabel("PRIVATE KEY"), "`openssl pkey -in FILE -pubout`"),
            (relabel("OPENSSH PRIVATE KEY"), "`ssh-keygen -e -m PKCS8"),
            (relabel("CERTIFICATE REQUEST"), "`openssl req -in FILE -noout -pubkey`"),
            (relabel("PKCS7"), "`openssl pkcs7 -in FILE -print_certs`"),
            (format!("{RSA_SPKI}\n{P256_CERTIFICATE}"), "more than one PEM block"),
            (relabel("RSA PUBLIC KEY"), "write `PUBLIC KEY`"),
            (relabel("CERTIFICATE"), "write `PUBLIC KEY`"),
            (RSA_PKCS1.replace("RSA PUBLIC", "PUBLIC"), "write `RSA PUBLIC KEY`"),
            (P256_CERTIFICATE.replace("CERTIFICATE", "PUBLIC KEY"), "write `CERTIFICATE`"),
            (relabel("TRUSTED CERTIFICATE"), "`openssl x509 -in FILE`"),
            (relabel("PGP PUBLIC KEY BLOCK"), "an OpenPGP key"),
            (format!("{P256_CERTIFICATE}\n{P256_CERTIFICATE}"), "`openssl x509 -in FILE` prints the first"),
            (
                format!("{}{}", RSA_SPKI.trim_end().trim_end_matches('-'), "-".repeat(4) + RSA_SPKI),
                "more than one PEM block",
            ),
            (RSA_SPKI[..100].to_owned(), "cut off"),
            (relabel("RSA-PSS PUBLIC KEY"), "only for RSASSA-PSS"),
            (relabel("EC PUBLIC KEY"), "write `PUBLIC KEY`"),
            (relabel("PUBLIC  KEY"), "is none of `PUBLIC KEY`"),
            (relabel("X9.42 DH PARAMETERS"), "parameters and no key"),
            (relabel("X509 CRL"), "revoked certificates"),
            (format!("{RSA_SPKI}\n{}", relabel("PRIVATE KEY")), "a private key among them"),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----".to_owned(), "nothing between"),
            ("-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----".to_owned(), "a placeholder"),
            (RSA_SPKI.replace('\n', "<br>"), "other text"),
            (RSA_SPKI.replace('\n', "%0A"), "percent-encoded"),
            (RSA_SPKI.replace('+', "-").replace('/', "_"), "another alphabet"),
            (RSA_SPKI.replace("-----", "------"), "dashes too many"),
            (RSA_SPKI.replace("-----", "----"), "five hyphens"),
            (RSA_SPKI.replace("-----", "\u{2014}\u{2014}-"), "five hyphens"),
            (RSA_SPKI.to_lowercase(), "in capitals"),
            (RSA_SPKI.replace("END PUBLIC", "END PRIVATE"), "labels"),
            (RSA_SPKI.replace('\n', "\\\\n"), "escaped twice"),
            (RSA_SPKI.replace("MIIB", "MII!"), "isn't base64"),
            (base64, "put `-----BEGIN PUBLIC KEY-----`"),
            ("ssh-ed25519 AAAA a@b".to_owned(), "an OpenSSH public key"),
            ("{\"kty\":\"RSA\"}".to_owned(), "`from_jwk`"),
            ("{\"keys\":[{\"kty\":\"RSA\"}]}".to_owned(), "`KeySet::from_jwks`"),
            (STANDARD.encode(RSA_SPKI), "`base64 -d`"),
            (format!("{}\n", STANDARD.encode(P256_CERTIFICATE)), "`base64 -d`"),
            (RSA_SPKI.chars().flat_map(|char| [char, '\0']).collect(), "UTF-16"),
            ("https://id.example/jwks".to_owned(), "`TrustedIssuer::jwks`"),
            ("PuTTY-User-Key-File-3: ssh-rsa".to_owned(), "PuTTY"),
            ("/etc/keys/id.pem".to_owned(), "a file's name"),
            ("./keys/public".to_owned(), "a file's name"),
            ("${JWT_KEY}".to_owned(), "a placeholder"),
            ("<RSAKeyValue><Modulus>AQAB</Modulus></RSAKeyValue>".to_owned(), "XML"),
            ("eyJhbGciOiJSUzI1NiJ9.e30.AAAA".to_owned(), "a token"),
            (STANDARD.encode(format!("\u{feff}{RSA_SPKI}")), "`base64 -d`"),
            (format!("\0{}", RSA_SPKI.chars().flat_map(|char| [char, '\0']).collect::<String>()), "UTF-16"),
            (" \n".to_owned(), "empty"),
            ("<html>".to_owned(), "no `-----BEGIN …-----` line"),
        ] {
            let message = public_key(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{message}\n{text}");
        }
        let der = content(RSA_SPKI);
        assert!(public_key(&der).unwrap_err().to_string().contains("`Key::from_der`"));
    }

    #[test]
    fn pem_without_exactly_one_public_key_or_certificate_is_refused() {
        let relabel = |label: &str| RSA_SPKI.replace("PUBLIC KEY", label);
        let cases = [
            (relabel("PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("RSA PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("EC PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("ENCRYPTED PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("EC PARAMETERS"), KeyErrorKind::Malformed),
            (relabel("CERTIFICATE"), KeyErrorKind::Malformed),
            (relabel("RSA PUBLIC KEY"), KeyErrorKind::Malformed),
            (RSA_PKCS1.replace("RSA PUBLIC", "PUBLIC"), KeyErrorKind::Malformed),
            (format!("{RSA_SPKI}\n{RSA_SPKI}"), KeyErrorKind::Malformed),
            (format!("{RSA_SPKI}\n{P256_SPKI}"), KeyErrorKind::Malformed),
            (RSA_SPKI.replace("-----END", "----END"), KeyErrorKind::Malformed),
            (RSA_SPKI[..100].to_owned(), KeyErrorKind::Malformed),
            (String::new(), KeyErrorKind::Malformed),
            ("secret".to_owned(), KeyErrorKind::Malformed),
        ];
        for (pem, expected) in cases {
            assert_eq!(kind(Algorithm::RS256, &pem), Some(expected), "{pem}");
        }
    }
}
