//! The format of revocations in the table and in messages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_postgres::Row;

use crate::revocation::{Kind, Record};

/// The tokens that a record revokes: the primary key of its row.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RecordKey {
    pub(super) kind: Kind,
    pub(super) issuer: String,
    pub(super) name: String,
}

/// The content of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Revoked(RecordKey, Record),
    /// The revocation does not fit into a message: read the table.
    Read,
}

/// The longest payload that a server accepts by default.
const MAX_PAYLOAD: usize = 7_999;

const READ: &str = "read";

pub(super) fn read(row: &Row) -> Option<(RecordKey, Record)> {
    let kind: i16 = row.try_get(0).ok()?;
    let kind = Kind::ALL.into_iter().find(|known| *known as i16 == kind)?;
    let text = |index| String::from_utf8(row.try_get::<_, Vec<u8>>(index).ok()?).ok();
    let record = Record { cutoff: row.try_get(3).ok()?, until: row.try_get(4).ok()? };
    Some((RecordKey { kind, issuer: text(1)?, name: text(2)? }, record))
}

/// The message that brings a record to other processes.
pub(super) fn payload(key: &RecordKey, record: &Record) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let (issuer, name) = (encode(&key.issuer), encode(&key.name));
    let payload = format!("{} {} {} {issuer} {name}", key.kind as u8, record.cutoff, record.until);
    if payload.len() > MAX_PAYLOAD { READ.to_owned() } else { payload }
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
        let (key, record) = (RecordKey { kind, issuer, name }, Record { cutoff, until });
        words.next().is_none().then_some(Self::Revoked(key, record))
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
                let key = RecordKey { kind, issuer: issuer.to_owned(), name: name.to_owned() };
                let record = Record { cutoff, until };
                assert_eq!(Message::parse(&payload(&key, &record)), Some(Message::Revoked(key, record)));
            }
        }
        let name = "n".repeat(6_000);
        let key = RecordKey { kind: Kind::Token, issuer: "i".to_owned(), name };
        assert_eq!(Message::parse(&payload(&key, &Record { cutoff: 0, until: 0 })), Some(Message::Read));
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
