//! The format of revocations on the server: the hash field identifies the tokens, and the value has the cutoff and the end.

use crate::revocation::{ANY_TIME, Kind, Record};

/// How many hashes the revocations are spread over, so that a process reads several at once.
pub(super) const SHARDS: usize = 16;

/// The tokens that a record revokes, parsed from its hash field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordKey<'f> {
    pub(super) kind: Kind,
    pub(super) issuer: &'f str,
    pub(super) name: &'f str,
}

/// The shard of a record, by the FNV-1a hash of its field. It's the same in every process and version.
pub(super) fn shard_of(field: &str) -> usize {
    let hash = field
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32 ^ hash) as usize % SHARDS
}

impl RecordKey<'_> {
    /// The issuer's length separates it from the name, so both may contain any character.
    pub(super) fn field(&self) -> String {
        format!("{} {} {}{}", self.kind as u8, self.issuer.len(), self.issuer, self.name)
    }
}

impl<'f> RecordKey<'f> {
    pub(super) fn parse(field: &'f str) -> Option<Self> {
        let (kind, rest) = field.split_once(' ')?;
        let (length, rest) = rest.split_once(' ')?;
        let (issuer, name) = rest.split_at_checked(length.parse().ok()?)?;
        let &[digit] = kind.as_bytes() else { return None };
        let kind = Kind::ALL.into_iter().find(|known| b'0' + *known as u8 == digit)?;
        Some(Self { kind, issuer, name })
    }
}

impl Record {
    /// Cutoff and end as text; `*` means no limit.
    pub(super) fn value(&self) -> (String, String) {
        (format_second(self.cutoff), format_second(self.until))
    }

    pub(super) fn parse(value: &str) -> Option<Self> {
        let (cutoff, until) = value.split_once(' ')?;
        Some(Self { cutoff: parse_second(cutoff)?, until: parse_second(until)? })
    }

    /// Parses a message, which is the value followed by the field.
    pub(super) fn parse_message(message: &str) -> Option<(Self, RecordKey<'_>)> {
        let (cutoff, rest) = message.split_once(' ')?;
        let (until, field) = rest.split_once(' ')?;
        Some((Self { cutoff: parse_second(cutoff)?, until: parse_second(until)? }, RecordKey::parse(field)?))
    }
}

fn format_second(second: i64) -> String {
    if second == ANY_TIME { "*".to_owned() } else { second.to_string() }
}

fn parse_second(text: &str) -> Option<i64> {
    if text == "*" { Some(ANY_TIME) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_record_reads_back_unchanged() {
        for (kind, issuer, name) in [
            (Kind::Token, "https://id.example", "t-1"),
            (Kind::Session, "", "s 1\u{0}\r\n"),
            (Kind::Subject, "1 2 3", "é \u{1f511}"),
            (Kind::Issuer, "é", ""),
        ] {
            for (cutoff, until) in [(5, 7), (ANY_TIME, i64::MAX), (-5, 0)] {
                let (key, record) = (RecordKey { kind, issuer, name }, Record { cutoff, until });
                let (field, value) = (key.field(), record.value());
                assert_eq!(RecordKey::parse(&field), Some(key));
                assert_eq!(Record::parse(&format!("{} {}", value.0, value.1)), Some(record));
                let message = format!("{} {} {field}", value.0, value.1);
                assert_eq!(Record::parse_message(&message), Some((record, key)));
            }
        }
    }

    #[test]
    fn different_keys_have_different_fields() {
        let field = |kind, issuer, name| RecordKey { kind, issuer, name }.field();
        assert_ne!(field(Kind::Token, "ab", "c"), field(Kind::Token, "a", "bc"));
        assert_ne!(field(Kind::Token, "a", "b"), field(Kind::Session, "a", "b"));
    }

    #[test]
    fn a_field_is_always_in_the_same_shard_and_fields_are_spread() {
        assert_eq!(["", "a", "1 2 is"].map(shard_of), [1, 0, 5]);
        let mut counts = [0; SHARDS];
        for number in 0..16_000 {
            counts[shard_of(&format!("0 18 https://id.example{number}"))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_malformed_record_is_not_read() {
        for message in [
            "",
            "5",
            "5 7",
            "5 7 0",
            "5 7 9 1 ab",
            "5 7 0 9 ab",
            "x 7 0 1 ab",
            "5 7 0 -1 ab",
            "5 7 0 1 é",
            "5 7 00 1 ab",
            "5 7 4 1 ab",
        ] {
            assert_eq!(Record::parse_message(message), None, "{message}");
        }
        for value in ["", "5", "5 x", "* * *"] {
            assert_eq!(Record::parse(value), None, "{value}");
        }
    }
}
