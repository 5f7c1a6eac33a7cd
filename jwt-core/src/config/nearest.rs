//! Which variable a misspelt one was probably meant to be.

use super::names::variable;

/// Other programs' names for a setting.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("JWKS", "jwks_url"),
    ("JWK_SET_URI", "jwks_url"),
    ("KEY", "pem"),
    ("PUBLIC_KEY", "pem"),
    ("PUBLIC_KEY_FILE", "pem_file"),
    ("SECRET_KEY", "secret"),
    ("CLOCK_SKEW", "leeway"),
    ("CLOCK_TOLERANCE", "leeway"),
    ("AUD", "audience"),
    ("ISS", "issuer"),
    ("WELL_KNOWN_URL", "metadata_url"),
    ("COOKIE", "sources.cookies"),
    ("HEADER", "sources.headers"),
];

/// Returns the one of `fields` whose variable the name was probably meant for.
pub(super) fn nearest(fields: impl Iterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    if let Some((_, field)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return Some(field);
    }
    let distances = fields.map(|field| (distance(&variable(field), &name), field));
    let (distance, field) = distances.min_by_key(|(distance, _)| *distance)?;
    // One wrong letter in three.
    (distance * 3 <= name.len()).then_some(field)
}

/// How many letters must be added, removed or changed: the Levenshtein distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_changed_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "", 2),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("abc", "acb", 2),
            ("ab", "xabx", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
