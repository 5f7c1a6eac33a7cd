//! What stands on the server: a field names what is revoked, its value says up to which `iat` and until when.

use crate::revocation::{ANY_TIME, Kind};

/// One revocation, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) cutoff: i64,
    pub(super) until: i64,
}

/// What is revoked, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named<'f> {
    pub(super) kind: Kind,
    pub(super) issuer: &'f str,
    pub(super) name: &'f str,
}

impl Named<'_> {
    /// The issuer's length keeps it apart from the name, whatever they hold.
    pub(super) fn field(&self) -> String {
        format!("{} {} {}{}", self.kind as u8, self.issuer.len(), self.issuer, self.name)
    }
}

impl<'f> Named<'f> {
    pub(super) fn read(field: &'f str) -> Option<Self> {
        let (kind, rest) = field.split_once(' ')?;
        let (length, rest) = rest.split_once(' ')?;
        let (issuer, name) = rest.split_at_checked(length.parse().ok()?)?;
        let kind = Kind::ALL.into_iter().find(|known| kind == (*known as u8).to_string())?;
        Some(Self { kind, issuer, name })
    }
}

impl Record {
    /// `*` is for ever.
    pub(super) fn value(&self) -> (String, String) {
        (number(self.cutoff), number(self.until))
    }

    pub(super) fn read(value: &str) -> Option<Self> {
        let (cutoff, until) = value.split_once(' ')?;
        Some(Self { cutoff: parse(cutoff)?, until: parse(until)? })
    }

    /// A message is the value and the field.
    pub(super) fn read_message(message: &str) -> Option<(Self, Named<'_>)> {
        let (cutoff, rest) = message.split_once(' ')?;
        let (until, field) = rest.split_once(' ')?;
        Some((Self { cutoff: parse(cutoff)?, until: parse(until)? }, Named::read(field)?))
    }
}

fn number(second: i64) -> String {
    if second == ANY_TIME { "*".to_owned() } else { second.to_string() }
}

fn parse(number: &str) -> Option<i64> {
    if number == "*" { Some(ANY_TIME) } else { number.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_is_read() {
        for (kind, issuer, name) in [
            (Kind::Token, "https://id.example", "t-1"),
            (Kind::Session, "", "s 1\u{0}\r\n"),
            (Kind::Subject, "1 2 3", "é \u{1f511}"),
            (Kind::Issuer, "é", ""),
        ] {
            for (cutoff, until) in [(5, 7), (ANY_TIME, i64::MAX), (-5, 0)] {
                let (named, record) = (Named { kind, issuer, name }, Record { cutoff, until });
                let (field, value) = (named.field(), record.value());
                assert_eq!(Named::read(&field), Some(named));
                assert_eq!(Record::read(&format!("{} {}", value.0, value.1)), Some(record.clone()));
                let message = format!("{} {} {field}", value.0, value.1);
                assert_eq!(Record::read_message(&message), Some((record, named)));
            }
        }
    }

    #[test]
    fn fields_of_different_things_differ() {
        let field = |kind, issuer, name| Named { kind, issuer, name }.field();
        assert_ne!(field(Kind::Token, "ab", "c"), field(Kind::Token, "a", "bc"));
        assert_ne!(field(Kind::Token, "a", "b"), field(Kind::Session, "a", "b"));
    }

    #[test]
    fn what_nobody_writes_is_not_read() {
        for message in ["", "5", "5 7", "5 7 0", "5 7 9 1 ab", "5 7 0 9 ab", "x 7 0 1 ab", "5 7 0 -1 ab", "5 7 0 1 é"]
        {
            assert_eq!(Record::read_message(message), None, "{message}");
        }
        for value in ["", "5", "5 x", "* * *"] {
            assert_eq!(Record::read(value), None, "{value}");
        }
    }
}
