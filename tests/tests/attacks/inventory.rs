//! Each row of the attack catalogue has a test, or a reason here why it does not.

use std::fs;
use std::path::Path;

/// The sections of the catalogue, and the number of rows in each.
const SECTIONS: [(char, usize); 12] = [
    ('a', 18),
    ('b', 20),
    ('c', 12),
    ('d', 14),
    ('e', 30),
    ('f', 20),
    ('g', 18),
    ('h', 25),
    ('i', 10),
    ('j', 11),
    ('k', 9),
    ('l', 10),
];

/// Rows that cannot be tested, or don't apply.
const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("f18", "recognising ROCA moduli is up to the issuer of the keys"),
    (
        "g03",
        "addresses come from the configuration and from https metadata; limiting their ranges is up to the network",
    ),
    ("i10", "the time that verification takes shows whether a token was seen before; `TokenCacheSettings` says so"),
    ("j11", "access tokens for a single use aren't offered"),
    ("k04", "times can't be measured reliably here; the back ends compare MACs in constant time"),
    ("k05", "whether a key is known isn't a secret: key sets are public"),
    ("k09", "freed memory can't be inspected without `unsafe`"),
    (
        "l06",
        "a test can't enable a feature of another crate just for itself; headers and claims are read by the crate's own parser",
    ),
];

fn ids() -> Vec<String> {
    SECTIONS.iter().flat_map(|&(section, last)| (1..=last).map(move |row| format!("{section}{row:02}"))).collect()
}

/// Returns the source code of all tests.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("a string"));
        }
    }
    text
}

#[test]
fn every_row_of_the_catalogue_has_a_test_or_a_reason_why_not() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let excused = |id: &str| NOT_APPLICABLE.iter().filter(|(other, _)| *other == id).count();
    let wrong: Vec<String> = ids()
        .into_iter()
        .filter(|id| (usize::from(sources.contains(&format!("fn {id}_"))) + excused(id)) != 1)
        .collect();
    assert!(wrong.is_empty(), "neither or both: {wrong:?}");
}

#[test]
fn every_exception_is_a_row_of_the_catalogue_and_has_a_reason() {
    for (id, reason) in NOT_APPLICABLE {
        assert!(ids().iter().any(|row| row == id) && reason.contains(' '), "{id}");
    }
}
