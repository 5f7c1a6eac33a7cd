//! Row F19: PEM that isn't one public key of the right kind.

use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Key, KeyErrorKind};
use jwt_tests::forge::Forge;

use super::{backends, trusted, verifier, verify};

/// A test key in PEM, and its algorithm.
pub(crate) struct Pem {
    pub(crate) algorithm: Algorithm,
    /// PKCS#8.
    pub(crate) private: &'static str,
    /// `SubjectPublicKeyInfo`.
    pub(crate) public: &'static str,
    /// A self-signed certificate that expired in 2001.
    pub(crate) expired: &'static str,
}

macro_rules! pem {
    ($algorithm:ident, $name:literal) => {
        Pem {
            algorithm: Algorithm::$algorithm,
            private: include_str!(concat!("pem/", $name, ".private.pem")),
            public: include_str!(concat!("pem/", $name, ".spki.pem")),
            expired: include_str!(concat!("pem/", $name, ".expired.pem")),
        }
    };
}

pub(crate) const PEMS: [Pem; 5] =
    [pem!(RS256, "rsa"), pem!(ES256, "p256"), pem!(ES384, "p384"), pem!(ES512, "p521"), pem!(Ed25519, "ed25519")];

/// The RSA key in PKCS#1.
pub(crate) const RSA_PUBLIC_KEY: &str = include_str!("pem/rsa.pkcs1.pem");
pub(crate) const RSA_PRIVATE_KEY: &str = include_str!("pem/rsa.pkcs1-private.pem");
/// The P-256 key in SEC 1.
const EC_PRIVATE_KEY: &str = include_str!("pem/p256.sec1-private.pem");

fn kind(algorithm: Algorithm, pem: &str) -> Option<KeyErrorKind> {
    Key::from_pem(algorithm, pem).err().map(|error| error.kind())
}

#[test]
fn f19_a_private_key_is_not_accepted_as_a_verification_key() {
    for pem in &PEMS {
        assert_eq!(kind(pem.algorithm, pem.private), Some(KeyErrorKind::PrivateKey), "{}", pem.algorithm);
    }
    assert_eq!(kind(Algorithm::RS256, RSA_PRIVATE_KEY), Some(KeyErrorKind::PrivateKey));
    assert_eq!(kind(Algorithm::ES256, EC_PRIVATE_KEY), Some(KeyErrorKind::PrivateKey));
}

#[test]
fn f19_a_public_key_cannot_sign() {
    for pem in &PEMS {
        for public in [pem.public, pem.expired] {
            let error = SigningKey::from_pem(pem.algorithm, public).expect_err("no private key");
            assert_eq!(error.kind(), KeyErrorKind::Malformed, "{}", pem.algorithm);
        }
    }
}

/// A certificate is trusted because it was configured, and its dates are ignored: RFC 7519 has no rule for them, and
/// checking them would stop a service at midnight.
#[tokio::test]
async fn f19_an_expired_certificate_is_used_for_its_key() {
    for pem in &PEMS {
        let signer = SigningKey::from_pem(pem.algorithm, pem.private).expect("a private key");
        for backend in backends() {
            let key = Key::from_pem(pem.algorithm, pem.expired).expect("a certificate");
            let verified = verify(&verifier(trusted().key(key), backend), &Forge::new(&signer).sign()).await;
            assert!(verified.is_ok(), "{} with {}", pem.algorithm, backend.name());
        }
    }
}

#[test]
fn f19_two_pem_blocks_are_refused() {
    let [rsa, p256, ..] = &PEMS;
    for pem in [
        format!("{}{}", rsa.public, rsa.public),
        format!("{}{}", rsa.public, p256.public),
        format!("{}{}", p256.public, rsa.public),
        format!("{}{}", rsa.public, rsa.expired),
        format!("{}\n# the private key\n{}", rsa.public, rsa.private),
    ] {
        assert_eq!(kind(Algorithm::RS256, &pem), Some(KeyErrorKind::Malformed), "{pem}");
    }
}

#[test]
fn f19_a_key_of_another_kind_is_refused() {
    for pem in &PEMS {
        for &algorithm in Algorithm::ALL {
            let fits = algorithm == pem.algorithm
                || (pem.algorithm == Algorithm::RS256
                    && matches!(algorithm.name().as_bytes(), [b'R' | b'P', b'S', ..]));
            for text in [pem.public, pem.expired] {
                let expected = (!fits).then_some(KeyErrorKind::AlgorithmMismatch);
                assert_eq!(kind(algorithm, text), expected, "{} as {algorithm}", pem.algorithm);
            }
        }
    }
}

#[test]
fn f19_public_material_is_not_accepted_as_a_shared_secret() {
    for text in PEMS.iter().flat_map(|pem| [pem.public, pem.expired, pem.private]).chain([RSA_PUBLIC_KEY]) {
        for text in [text.to_owned(), format!("\n\n{text}"), text.replace('\n', "\r\n")] {
            let error = Key::from_secret(Algorithm::HS256, &text).expect_err("no secret");
            assert_eq!(error.kind(), KeyErrorKind::PublicKeyAsSecret, "{text}");
        }
    }
}

/// A chain as servers have it: the certificate of the P-256 key, and the one that vouches for it.
const CHAIN: &str = include_str!("pem/p256.chain.pem");

#[test]
fn f19_the_key_of_a_chain_is_the_key_of_its_first_certificate() {
    let [rsa, p256, ..] = &PEMS;
    let thumbprint = |pem: &str| backends()[0].thumbprint(&Key::from_pem(Algorithm::ES256, pem).expect("a key"));
    assert_eq!(thumbprint(CHAIN), thumbprint(p256.public));
    let end = "-----END CERTIFICATE-----\n";
    let (leaf, root) = CHAIN.split_once(end).expect("two certificates");
    for pem in [
        format!("{root}{leaf}{end}"),
        format!("{leaf}{end}{}", rsa.expired),
        format!("{}{}", p256.expired, p256.expired),
        format!("{}{leaf}{end}", p256.expired),
    ] {
        let error = Key::from_pem(Algorithm::ES256, &pem).expect_err("alternatives");
        assert!(error.to_string().contains("`openssl x509 -in FILE`"), "{error}");
    }
    assert!(
        Key::from_pem(Algorithm::ES256, CHAIN.repeat(6)).expect_err("too long").to_string().contains("10 PEM blocks")
    );
}

#[test]
fn f19_a_private_key_may_share_its_file_with_certificates_and_its_public_key() {
    let [rsa, p256, ..] = &PEMS;
    for text in [format!("{}{CHAIN}", p256.private), format!("{CHAIN}{}", p256.private)] {
        assert!(SigningKey::from_pem(Algorithm::ES256, &text).is_ok());
        assert_eq!(kind(Algorithm::ES256, &text), Some(KeyErrorKind::Malformed));
    }
    for text in [format!("{}{}", p256.private, p256.public), format!("{}{}", p256.public, p256.private)] {
        assert!(SigningKey::from_pem(Algorithm::ES256, &text).is_ok());
        assert_eq!(kind(Algorithm::ES256, &text), Some(KeyErrorKind::Malformed));
    }
    let two = format!("{}{}", p256.private, rsa.private);
    assert!(SigningKey::from_pem(Algorithm::ES256, &two).is_err());
}

#[test]
fn f19_a_wrong_label_of_a_private_key_is_named() {
    let [rsa, p256, ..] = &PEMS;
    let relabelled = |pem: &str, from: &str, to: &str| pem.replace(&format!(" {from}-"), &format!(" {to}-"));
    for (algorithm, pem, part) in [
        (Algorithm::ES256, relabelled(p256.private, "PRIVATE KEY", "EC PRIVATE KEY"), "write `PRIVATE KEY`"),
        (Algorithm::RS256, relabelled(rsa.private, "PRIVATE KEY", "RSA PRIVATE KEY"), "write `PRIVATE KEY`"),
        (Algorithm::RS256, relabelled(RSA_PRIVATE_KEY, "RSA PRIVATE KEY", "PRIVATE KEY"), "write `RSA PRIVATE KEY`"),
        (Algorithm::ES256, relabelled(EC_PRIVATE_KEY, "EC PRIVATE KEY", "PRIVATE KEY"), "write `EC PRIVATE KEY`"),
        (Algorithm::RS256, relabelled(rsa.public, "PUBLIC KEY", "PRIVATE KEY"), "it has a public key"),
        (
            Algorithm::RS256,
            relabelled(rsa.private, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            "`openssl pkey -in FILE -out NEW`",
        ),
    ] {
        let error = SigningKey::from_pem(algorithm, &pem).expect_err("a wrong label").to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// The ways in which variables, editors and copying change a PEM text.
fn rewritten(pem: &str) -> Vec<(&'static str, String)> {
    let escaped = pem.replace('\n', "\\n");
    let indented: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    vec![
        ("escaped line ends", escaped.clone()),
        ("escaped line ends of Windows", pem.replace('\n', "\\r\\n")),
        ("escaped and real line ends", escaped.replacen("\\n", "\r\n", 2)),
        ("line ends of Windows", pem.replace('\n', "\r\n")),
        ("line ends of old Macs", pem.replace('\n', "\r")),
        ("no line ends", pem.replace('\n', "")),
        ("spaces for line ends", pem.replace('\n', " ")),
        ("tabs", pem.replace('\n', "\t\n\t")),
        ("indentation", indented),
        ("a byte order mark", format!("\u{feff}{pem}")),
        ("quotes", format!("\"{escaped}\"")),
        ("a line of a file with variables", format!("export JWT_KEY='{pem}'\n")),
        ("a member of JSON", format!("{{\"type\":\"service_account\",\"key\":\"{escaped}\"}}")),
        ("comments around it", format!("# the key of the shop\n{pem}# until March\n")),
    ]
}

#[test]
fn f19_a_key_is_read_however_its_text_was_copied() {
    let [rsa, p256, ..] = &PEMS;
    let ec = format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{EC_PRIVATE_KEY}");
    let message = b"message";
    for (algorithm, private, public) in [
        (Algorithm::ES256, EC_PRIVATE_KEY, p256.public),
        (Algorithm::ES256, ec.as_str(), p256.expired),
        (Algorithm::ES256, p256.private, CHAIN),
        (Algorithm::RS256, RSA_PRIVATE_KEY, RSA_PUBLIC_KEY),
        (Algorithm::PS256, rsa.private, rsa.public),
    ] {
        for (how, text) in rewritten(public) {
            let key = Key::from_pem(algorithm, &text).unwrap_or_else(|error| panic!("{how}: {error}"));
            let same = Key::from_pem(algorithm, public).expect("a key");
            assert_eq!(backends()[0].thumbprint(&key), backends()[0].thumbprint(&same), "{how}");
        }
        for (how, text) in rewritten(private) {
            let key = SigningKey::from_pem(algorithm, &text).unwrap_or_else(|error| panic!("{how}: {error}"));
            let public = Key::from_pem(algorithm, public).expect("a key");
            assert_eq!(backends()[0].thumbprint(&key.verification_key()), backends()[0].thumbprint(&public), "{how}");
            assert!(key.sign(message).is_ok(), "{how}");
        }
    }
}
