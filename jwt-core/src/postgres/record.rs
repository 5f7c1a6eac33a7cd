//! The format of revocations in the table and in messages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_postgres::Row;

use crate::revocation::Kind;

/// A revocation: which tokens it revokes, the last `iat` that is refused, and the second until which it's remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) issuer: String,
    pub(super) name: String,
    pub(super) cutoff: i64,
    pub(super) until: i64,
}

/// The content of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Revoked(Record),
    /// The revocation does not fit into a message: read the table.
    Read,
}

/// The longest payload that a server accepts by default.
const MAX_PAYLOAD: usize = 7_999;

const READ: &str = "read";

impl Record {
    pub(super) fn read(row: &Row) -> Option<Self> {
        let kind: i16 = row.try_get(0).ok()?;
        let text = |index| String::from_utf8(row.try_get::<_, Vec<u8>>(index).ok()?).ok();
        Some(Self {
            kind: Kind::ALL.into_iter().find(|known| *known as i16 == kind)?,
            issuer: text(1)?,
            name: text(2)?,
            cutoff: row.try_get(3).ok()?,
            until: row.try_get(4).ok()?,
        })
    }

    pub(super) fn payload(&self) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let (issuer, name) = (encode(&self.issuer), encode(&self.name));
        let payload = format!("{} {} {} {issuer} {name}", self.kind as u8, self.cutoff, self.until);
        if payload.len() > MAX_PAYLOAD { READ.to_owned() } else { payload }
    }
}

impl Message {
    pub(super) fn parse(payload: &str) -> Option<Self> {
        if payload == READ {
            return Some(Self::Read);
        }
        let mut words = payload.split(' ');
        let mut word = || words.next();
        let (kind, cutoff, until) = (word()?, word()?.parse().ok()?, word()?.parse().ok()?);
        let decode = |text: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let (issuer, name) = (decode(word()?)?, decode(word()?)?);
        let kind = Kind::ALL.into_iter().find(|known| (*known as u8).to_string() == kind)?;
        words.next().is_none().then_some(Self::Revoked(Record { kind, issuer, name, cutoff, until }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_unchanged_and_a_long_one_says_to_read_the_table() {
        for (kind, issuer, name) in [
            (Kind::Token, "https://id.example", "t-1"),
            (Kind::Session, "", "s 1\u{0}\r\n"),
            (Kind::Subject, "1 2 3", "é \u{1f511}"),
            (Kind::Issuer, "é", ""),
        ] {
            for (cutoff, until) in [(5, 7), (i64::MAX, i64::MAX), (-5, 0)] {
                let record = Record { kind, issuer: issuer.to_owned(), name: name.to_owned(), cutoff, until };
                assert_eq!(Message::parse(&record.payload()), Some(Message::Revoked(record)));
            }
        }
        let name = "n".repeat(6_000);
        let record = Record { kind: Kind::Token, issuer: "i".to_owned(), name, cutoff: 0, until: 0 };
        assert_eq!(Message::parse(&record.payload()), Some(Message::Read));
    }

    #[test]
    fn a_malformed_message_is_not_read() {
        for payload in [
            "",
            "0",
            "0 1 2 aQ",
            "4 1 2 aQ aQ",
            "00 1 2 aQ aQ",
            "0 x 2 aQ aQ",
            "0 1 2 aQ aQ aQ",
            "0 1 2 aQ a=",
            "0 1 2 aQ _w",
        ] {
            assert_eq!(Message::parse(payload), None, "{payload}");
        }
    }
}
