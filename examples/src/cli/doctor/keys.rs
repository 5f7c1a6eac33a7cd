use std::collections::HashSet;

use jwt_core::keys::{Key, KeyErrorKind, KeySet};

use super::super::unverified::shown;
use super::finding::{Finding, fail, fine, warn};

/// Examines a key set, as the library reads it.
pub(super) fn examine(text: &str) -> Vec<Finding> {
    // If it can't be read at all, the library has said so.
    let Ok(set) = KeySet::from_jwks(text) else { return Vec::new() };
    let mut findings = vec![fine("keys", described(set.keys()))];
    for (index, error) in set.ignored() {
        findings.push(match error.kind() {
            KeyErrorKind::PrivateKey => fail(
                "keys",
                format!(
                    "key {index} is a private key, which everybody can read: withdraw it, and replace it by a new one"
                ),
            ),
            KeyErrorKind::SymmetricKey => fail(
                "keys",
                format!("key {index} is a secret, which everybody can read: withdraw it, and sign with a private key"),
            ),
            KeyErrorKind::WrongUse => fine("keys", format!("key {index} is set aside: {error}")),
            _ => warn("keys", format!("key {index} is set aside, and its tokens will be refused: {error}")),
        });
    }
    let nameless = set.keys().iter().filter(|key| key.kid().is_none()).count();
    if nameless > 0 && set.keys().len() > 1 {
        findings.push(fail(
            "keys",
            "several keys, and not each has a `kid`: tokens without one are refused as `ambiguous_key`. Have the issuer set a `kid`, or \
             set `try_keys_in_turn`",
        ));
    }
    let mut seen = HashSet::new();
    if set.keys().iter().any(|key| key.kid().is_some() && !seen.insert((key.kid(), key.algorithm()))) {
        findings.push(fail("keys", "two keys have the same `kid` and `alg`: the issuer must give each its own"));
    }
    findings
}

fn described(keys: &[Key]) -> String {
    const MOST: usize = 8;
    let one = |key: &Key| {
        let kid = key.kid().map_or_else(|| "no `kid`".to_owned(), |kid| shown(&kid.into()));
        let algorithm = key.algorithm().map_or("any algorithm that fits", |algorithm| algorithm.name());
        format!("{kid} ({algorithm})")
    };
    let mut list: Vec<_> = keys.iter().take(MOST).map(one).collect();
    if keys.len() > MOST {
        list.push(format!("{} more", keys.len() - MOST));
    }
    if list.is_empty() { "none can be used".to_owned() } else { list.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn worst(keys: &[String]) -> (Level, String) {
        let findings = examine(&format!("{{\"keys\":[{}]}}", keys.join(",")));
        let worst = findings.into_iter().max_by_key(|finding| finding.level).expect("a finding");
        (worst.level, worst.sentence)
    }

    #[test]
    fn what_is_wrong_with_a_set_is_said() {
        let key = |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{more}}}"#);
        let cases: [(&[String], Level, &str); 7] = [
            (&[key(r#","kid":"a""#)], Level::Fine, "\"a\""),
            (&[key("")], Level::Fine, "no `kid`"),
            (&[key(""), key(r#","kid":"b""#)], Level::Fail, "ambiguous_key"),
            (&[key(r#","kid":"a""#), key(r#","kid":"a""#)], Level::Fail, "the same `kid`"),
            (&[key(r#","kid":"a","d":"AA""#)], Level::Fail, "private key"),
            (
                &[r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#.to_owned()],
                Level::Fail,
                "a secret",
            ),
            (&[r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_owned()], Level::Warn, "key 0"),
        ];
        for (keys, level, word) in cases {
            let (found, sentence) = worst(keys);
            assert_eq!(found, level, "{sentence}");
            assert!(sentence.contains(word), "{sentence}");
        }
    }
}
