//! No row of the catalogue is forgotten: each is a test, or stands here with the reason why it is none.

use std::fs;
use std::path::Path;

/// The sections of the catalogue and the numbers of their last rows.
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

/// Rows that nothing can be tested of yet.
const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("f18", "recognising ROCA moduli is left to whoever issues the keys"),
    (
        "g03",
        "addresses come from the configuration and from https metadata, so their ranges are the network's to police",
    ),
    ("h21", "DPoP is not offered: its scheme is not accepted and bound tokens are refused"),
    ("i10", "that a token was seen before can be told from the time it takes; `TokenCacheSettings` says so"),
    ("j11", "there are no tokens for one use yet"),
    ("k04", "times cannot be measured reliably here; MACs are compared by the back ends, in constant time"),
    ("k05", "that a key is known is no secret: key sets are public"),
    ("k09", "freed memory cannot be looked at without `unsafe`"),
    (
        "l06",
        "no test can switch on a feature of another crate for itself; header and claims have a reader of their own",
    ),
];

fn ids() -> Vec<String> {
    SECTIONS.iter().flat_map(|&(section, last)| (1..=last).map(move |row| format!("{section}{row:02}"))).collect()
}

/// The text of every test.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("a text"));
        }
    }
    text
}

#[test]
fn every_row_of_the_catalogue_is_a_test_or_has_a_reason_not_to_be() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let excused = |id: &str| NOT_APPLICABLE.iter().filter(|(other, _)| *other == id).count();
    let wrong: Vec<String> = ids()
        .into_iter()
        .filter(|id| (usize::from(sources.contains(&format!("fn {id}_"))) + excused(id)) != 1)
        .collect();
    assert!(wrong.is_empty(), "neither or both: {wrong:?}");
}

#[test]
fn only_rows_of_the_catalogue_are_excused_and_each_has_a_reason() {
    for (id, reason) in NOT_APPLICABLE {
        assert!(ids().iter().any(|row| row == id) && reason.contains(' '), "{id}");
    }
}
