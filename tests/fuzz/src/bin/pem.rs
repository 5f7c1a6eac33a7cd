//! Compares keys in PEM and DER with a second, simple reader of the same bytes.
//!
//! An accepted key must have the numbers that the reader finds, and valid keys must be accepted. If a private key is
//! accepted, its public key must verify its signatures.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_core::Algorithm;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::keys::{Key, KeyError, KeyErrorKind, KeySource as _, KeyTable, Lookup, Wanted};
use jwt_fuzz::Input;
use jwt_fuzz::der::{self, Structure};
use jwt_fuzz::keys::Numbers;
use libfuzzer_sys::fuzz_target;

const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::Ed25519,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

const LABELS: [&str; 8] = [
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "CERTIFICATE",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "EC PARAMETERS",
    "",
];

const STRUCTURES: [Structure; 3] = [Structure::Info, Structure::Pkcs1, Structure::Certificate];

/// For each structure, every kind of key that it can hold.
static EXAMPLES: LazyLock<[Vec<Vec<u8>>; 3]> = LazyLock::new(|| {
    let all = Numbers::examples();
    STRUCTURES.map(|structure| all.iter().filter_map(|numbers| der::write(numbers, structure)).collect())
});

fuzz_target!(|data: &[u8]| {
    // An input that starts like PEM or DER is a key itself, too.
    match data.first() {
        Some(b'-') => check_pem(data),
        Some(b'0') => drop(check_der(data)),
        _ => {}
    }
    let mut input = Input::new(data);
    match input.byte() {
        0..0x20 => private(&mut input),
        _ => {
            let structure = input.pick(&STRUCTURES);
            let examples = &EXAMPLES[structure as usize];
            let mut der = examples[input.below(examples.len())].clone();
            let edits = input.below(4);
            for _ in 0..edits {
                input.edit(&mut der, &[0, 1, 2, 3, 4, 5, 6, 0x30, 0x7f, 0x80, 0x81, 0x82, 0xff]);
            }
            let known = check_der(&der);
            assert!(edits > 0 || known.is_some(), "a good key is refused");
            let label = if input.once_in(4) { input.pick(&LABELS) } else { LABELS[structure as usize] };
            let pem = wrap(&mut input, label, &der);
            check_pem(&pem);
            let plain = format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines(&der, 64, "\n"));
            let expected =
                known.filter(|(known, _)| LABELS[*known as usize] == label).map(|(_, thumbprint)| thumbprint);
            assert_eq!(read(|algorithm| Key::from_pem(algorithm, &plain)), expected, "{plain}");
        }
    }
});

/// Returns the thumbprint of a key that is accepted for exactly one algorithm.
fn read(key: impl Fn(Algorithm) -> Result<Key, KeyError>) -> Option<String> {
    let mut found = None;
    for algorithm in ALGORITHMS {
        match key(algorithm) {
            Ok(key) => {
                assert_eq!(found, None, "a key of two families");
                assert_eq!(key.algorithm(), Some(algorithm));
                found = Backend::rust_crypto().thumbprint(&key);
            }
            Err(error) if error.kind() == KeyErrorKind::AlgorithmMismatch => {}
            // A key that is broken is broken for every algorithm.
            Err(_) => break,
        }
    }
    found
}

fn check_der(bytes: &[u8]) -> Option<(Structure, String)> {
    let ours = read(|algorithm| Key::from_der(algorithm, bytes));
    let theirs = der::read(bytes);
    if let Some(ours) = &ours {
        let theirs = theirs.as_ref().map(|(_, numbers)| numbers.thumbprint());
        assert_eq!(Some(ours), theirs.as_ref(), "the numbers of {bytes:02x?}");
    }
    ours.zip(theirs).map(|(thumbprint, (structure, _))| (structure, thumbprint))
}

/// If PEM is accepted, it must have one block with a key, and the bytes in it must be the key. RFC 7468 section 2: there may
/// be any text around it.
fn check_pem(pem: &[u8]) {
    let Some(thumbprint) = read(|algorithm| Key::from_pem(algorithm, pem)) else { return };
    let shown = String::from_utf8_lossy(pem);
    let blocks = shown.split("-----BEGIN ").skip(1).filter(|block| !block.starts_with("EC PARAMETERS-----"));
    let [block] = blocks.collect::<Vec<_>>()[..] else { panic!("not one block: {shown}") };
    let (label, rest) = block.split_once("-----").expect("the label's end");
    let (body, after) = rest.split_once("-----END ").expect("the block's end");
    assert!(after.starts_with(&format!("{label}-----")), "{shown}");
    // Variables often hold line ends as two characters.
    let body: String = body.replace("\\n", "").replace("\\r", "").split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).unwrap_or_else(|_| panic!("not base64: {shown}"));
    assert_eq!(read(|algorithm| Key::from_der(algorithm, &der)), Some(thumbprint), "{shown}");
}

fn lines(der: &[u8], width: usize, end: &str) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned() + end);
    lines.collect()
}

/// Writes PEM that is valid or nearly so.
fn wrap(input: &mut Input<'_>, label: &str, der: &[u8]) -> Vec<u8> {
    let end = input.pick(&["\n", "\r\n", "\r", " \n", "", "\\n"]);
    let width = input.pick(&[64, 76, 1, 4, 63, 1 << 20]);
    let before = input.pick(&["", "\n", "# a comment\n", "-----", "x-----BEGIN "]);
    let last = if input.once_in(8) { input.pick(&LABELS) } else { label };
    let body = lines(der, width, end);
    let mut pem = format!("{before}-----BEGIN {label}-----{end}{body}-----END {last}-----{end}").into_bytes();
    for _ in 0..input.below(3) {
        input.edit(&mut pem, b"-=A+/_ \n\r\0:\xff");
    }
    if input.once_in(16) {
        pem.extend_from_slice(&pem.clone());
    }
    pem
}

/// Reads private keys in PKCS#8.
fn private(input: &mut Input<'_>) {
    let algorithm = input.pick(&[Algorithm::Ed25519, Algorithm::ES256, Algorithm::ES384]);
    let mut der = der::write_private(algorithm.name(), &[0x42; 48]);
    let edits = input.below(3);
    for _ in 0..edits {
        input.edit(&mut der, &[0, 1, 2, 4, 0x20, 0x30, 0x80, 0xa0, 0xff]);
    }
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n", lines(&der, 64, "\n"));
    assert!(Key::from_pem(algorithm, &pem).is_err(), "a private key is no public key");
    let key = SigningKey::from_pem(algorithm, &pem);
    assert!(edits > 0 || key.is_ok(), "a good key is refused: {algorithm} {pem}");
    let Ok(key) = key else { return };
    let signature = key.sign(b"message").expect("it signs");
    let table = KeyTable::prepare(Backend::rust_crypto(), [&key.verification_key()], &[algorithm]);
    let Lookup::Ready(public) = table.find_key(&Wanted::new(None, algorithm)) else { panic!("no public half: {pem}") };
    assert!(public.verify(b"message", &signature), "{pem}");
}
