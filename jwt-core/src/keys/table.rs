use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::crypto::{Backend, PreparedKey};
use crate::jose::{Algorithm, Key, KeyError};

use super::{KeySource, Lookup, Wanted};

/// Keys prepared for verification, found by `kid` and algorithm.
///
/// Each key is used with exactly one algorithm (RFC 8725 section 3.1): its declared one or, without one, the
/// first algorithm on the allow-list that fits its type.
#[derive(Clone, Default)]
pub struct KeyTable {
    named: BTreeMap<Arc<str>, Vec<Arc<PreparedKey>>>,
    unnamed: Vec<Arc<PreparedKey>>,
    /// The keys for tokens without a `kid`, if keys are tried in turn.
    in_turn: Option<Vec<Arc<PreparedKey>>>,
    len: usize,
    /// Shared only by clones. `default()` has no number, so its results are not cached.
    generation: Option<u64>,
}

/// How many keys are tried for a token at most. It limits the cost of a forged token.
const MAX_IN_TURN: usize = 4;

/// The generation of the next table.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl KeyTable {
    /// Prepares the keys that fit `algorithms` and that `backend` can use. Other keys are left out: one bad key must
    /// not spoil a set.
    #[must_use]
    pub fn prepare<'k>(backend: Backend, keys: impl IntoIterator<Item = &'k Key>, algorithms: &[Algorithm]) -> Self {
        Self::prepare_and_report(backend, keys, algorithms, |_, _| ())
    }

    /// Prepares keys, and reports the ones that are left out with their positions.
    pub(crate) fn prepare_and_report<'k>(
        backend: Backend,
        keys: impl IntoIterator<Item = &'k Key>,
        algorithms: &[Algorithm],
        mut left_out: impl FnMut(usize, KeyError),
    ) -> Self {
        let mut table = Self { generation: Some(NEXT.fetch_add(1, Ordering::Relaxed)), ..Self::default() };
        let mut seen = HashSet::new();
        for (index, key) in keys.into_iter().enumerate() {
            let Some(algorithm) = key.bind(algorithms) else {
                left_out(index, KeyError::not_allowed());
                continue;
            };
            // A key that is listed twice is still one key.
            if !seen.insert((key.kid(), algorithm, key.material())) {
                continue;
            }
            let prepared = match backend.prepare(key, algorithm) {
                Ok(prepared) => prepared,
                Err(error) => {
                    left_out(index, error);
                    continue;
                }
            };
            let namesakes = match key.shared_kid() {
                Some(kid) => table.named.entry(kid).or_default(),
                None => &mut table.unnamed,
            };
            namesakes.push(Arc::new(prepared));
            table.len += 1;
        }
        table
    }

    /// Tries up to four keys in turn if a token does not say which of them it means. More stay ambiguous.
    pub(crate) fn in_turn(mut self) -> Self {
        self.in_turn = Some(combine(self.named.values().flatten().chain(&self.unnamed)));
        for namesakes in self.named.values_mut().chain([&mut self.unnamed]) {
            *namesakes = combine(&*namesakes);
        }
        self
    }

    /// Returns how many keys can be used.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether no key can be used.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether two keys cannot be told apart: they have the same algorithm and the same `kid`, or no `kid`.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.named.values().chain([&self.unnamed]).any(|namesakes| {
            let mut seen = HashSet::new();
            !namesakes.iter().all(|prepared| seen.insert(prepared.algorithm()))
        })
    }

    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "only remote keys can get a new `kid`"))]
    pub(crate) fn knows(&self, kid: &str) -> bool {
        self.named.contains_key(kid)
    }
}

impl KeySource for KeyTable {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        let fits = |prepared: &&Arc<PreparedKey>| prepared.algorithm() == wanted.algorithm;
        match wanted.key_id {
            // RFC 7517 section 4.5: `kid` selects a key. A key without a `kid` serves tokens whose `kid` no other key
            // has.
            Some(kid) => match self.named.get(kid) {
                Some(namesakes) => only(namesakes.iter().filter(fits)),
                None => only(self.unnamed.iter().filter(fits)),
            },
            None => match &self.in_turn {
                Some(keys) => only(keys.iter().filter(fits)),
                None => only(self.named.values().flatten().chain(&self.unnamed).filter(fits)),
            },
        }
    }

    fn generation(&self, _now: Duration) -> Option<u64> {
        self.generation
    }

    fn has_key_for(&self, algorithm: Algorithm) -> Option<bool> {
        let mut keys = self.named.values().flatten().chain(&self.unnamed);
        Some(keys.any(|prepared| prepared.algorithm() == algorithm))
    }
}

/// Combines the keys of each algorithm into one, unless there are too many.
fn combine<'p>(keys: impl IntoIterator<Item = &'p Arc<PreparedKey>>) -> Vec<Arc<PreparedKey>> {
    let mut groups: Vec<(Algorithm, Vec<Arc<PreparedKey>>)> = Vec::new();
    for key in keys {
        match groups.iter_mut().find(|(algorithm, _)| *algorithm == key.algorithm()) {
            Some((_, group)) => group.push(Arc::clone(key)),
            None => groups.push((key.algorithm(), vec![Arc::clone(key)])),
        }
    }
    let combined = groups.into_iter().map(|(algorithm, group)| match group.len() {
        2..=MAX_IN_TURN => vec![Arc::new(PreparedKey::in_turn(algorithm, group))],
        _ => group,
    });
    combined.flatten().collect()
}

fn only<'p>(mut fitting: impl Iterator<Item = &'p Arc<PreparedKey>>) -> Lookup {
    match (fitting.next(), fitting.next()) {
        (None, _) => Lookup::Unknown,
        (Some(prepared), None) => Lookup::Ready(Arc::clone(prepared)),
        (Some(_), Some(_)) => Lookup::Ambiguous,
    }
}

impl fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyTable").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;

    fn key(fill: u8, kid: Option<&str>) -> Key {
        let key = Key::from_secret(Algorithm::HS256, [fill; 64]).expect("long enough");
        match kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        }
    }

    fn table(keys: &[Key]) -> KeyTable {
        let backend = Backend::compiled_in().expect("a back end is enabled");
        KeyTable::prepare(backend, keys, &[Algorithm::HS256, Algorithm::HS512])
    }

    fn find(keys: &[Key], kid: Option<&str>, algorithm: Algorithm) -> String {
        format!("{:?}", table(keys).find_key(&Wanted::new(kid, algorithm)))
    }

    #[test]
    fn a_key_is_found_by_its_kid_or_if_it_is_the_only_one() {
        let (a, b, unnamed) = (key(1, Some("a")), key(2, Some("b")), key(3, None));
        use Algorithm::{HS256, HS512};
        for (keys, kid, algorithm, expected) in [
            (vec![a.clone()], Some("a"), HS256, "Ready"),
            (vec![a.clone()], None, HS256, "Ready"),
            (vec![a.clone()], Some("x"), HS256, "Unknown"),
            (vec![a.clone()], Some("a"), HS512, "Unknown"),
            (vec![a.clone(), b], None, HS256, "Ambiguous"),
            (vec![a.clone(), a.clone()], None, HS256, "Ready"),
            (vec![a.clone(), key(9, Some("a"))], Some("a"), HS256, "Ambiguous"),
            (vec![a.clone(), unnamed.clone()], Some("a"), HS256, "Ready"),
            (vec![a, unnamed.clone()], Some("x"), HS256, "Ready"),
            (vec![unnamed, key(4, None)], Some("x"), HS256, "Ambiguous"),
            (vec![], None, HS256, "Unknown"),
        ] {
            assert_eq!(find(&keys, kid, algorithm), expected, "{kid:?} {algorithm} of {}", keys.len());
        }
    }

    #[test]
    fn up_to_four_keys_are_tried_in_turn_if_that_was_chosen() {
        let unnamed: Vec<Key> = (1..=5).map(|fill| key(fill, None)).collect();
        let namesakes: Vec<Key> = (1..=5).map(|fill| key(fill, Some("a"))).collect();
        let mixed = [key(1, Some("a")), key(2, Some("b")), key(3, None)];
        for (keys, kid, expected) in [
            (&unnamed[..2], None, "Ready"),
            (&unnamed[..4], None, "Ready"),
            (&unnamed[..], None, "Ambiguous"),
            (&unnamed[..4], Some("x"), "Ready"),
            (&namesakes[..4], Some("a"), "Ready"),
            (&namesakes[..], Some("a"), "Ambiguous"),
            (&namesakes[..4], Some("x"), "Unknown"),
            (&mixed[..], None, "Ready"),
            (&mixed[..], Some("b"), "Ready"),
            (&[], None, "Unknown"),
        ] {
            let table = table(keys).in_turn();
            assert_eq!(table.len(), keys.len());
            assert_eq!(table.is_ambiguous(), keys.len() > MAX_IN_TURN, "{kid:?}");
            let found = table.find_key(&Wanted::new(kid, Algorithm::HS256));
            assert_eq!(format!("{found:?}"), expected, "{kid:?} of {}", keys.len());
            assert_eq!(format!("{:?}", table.find_key(&Wanted::new(kid, Algorithm::HS512))), "Unknown");
        }
    }

    #[test]
    fn keys_that_are_tried_in_turn_verify_what_each_of_them_signed_and_nothing_else() {
        use crate::crypto::SigningKey;
        let secrets = [[1; 64], [2; 64], [3; 64]];
        let keys: Vec<Key> = secrets.iter().map(|secret| Key::from_secret(Algorithm::HS256, secret).unwrap()).collect();
        let Lookup::Ready(both) = table(&keys[..2]).in_turn().find_key(&Wanted::new(None, Algorithm::HS256)) else {
            panic!("two keys in turn");
        };
        for (index, secret) in secrets.iter().enumerate() {
            let signature = SigningKey::from_secret(Algorithm::HS256, secret).unwrap().sign(b"message").unwrap();
            assert_eq!(both.verify(b"message", &signature), index < 2, "{index}");
            assert!(!both.verify(b"other", &signature));
            assert!(!both.verify(b"message", &signature[1..]));
        }
        assert!(!both.verify(b"message", b""));
    }
}
