//! Headers that were read before. An issuer's tokens share theirs, to the byte.
//!
//! What a header says depends on its bytes and on nothing else, so what is known of one stays true, whoever verifies it:
//! only headers of tokens that were accepted are kept, compared whole, a few for each thread. Keys are looked for anew.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use super::compact::{Bytes, Compact};
use super::header::Header;
use crate::error::ErrorKind;

/// How many headers a thread knows.
const KEPT: usize = 8;
/// Longer ones are not kept.
const MAX_BYTES: usize = 512;
/// Of the headers that are not known, one in so many is kept: more issuers than there is room for would otherwise
/// displace each other's at every token.
const PATIENCE: usize = 8;

#[derive(Default)]
struct Known {
    headers: Vec<(Box<str>, Rc<Header<'static>>)>,
    unknown: usize,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// A header, known or newly read.
pub(crate) enum Reading<'b> {
    Known(Rc<Header<'static>>),
    New(Header<'b>),
}

impl<'b> Deref for Reading<'b> {
    type Target = Header<'b>;

    fn deref(&self) -> &Header<'b> {
        match self {
            Self::Known(header) => header,
            Self::New(header) => header,
        }
    }
}

impl Reading<'_> {
    /// Remembers the header, because its token was accepted.
    pub(crate) fn remember(&self, compact: &Compact<'_>) {
        if let Self::New(header) = self {
            remember(compact.encoded_header(), header);
        }
    }
}

/// Reads a token's header, in `buffer` unless it is known.
pub(crate) fn read<'b>(compact: &Compact<'_>, buffer: &'b mut Bytes) -> Result<Reading<'b>, ErrorKind> {
    match find(compact.encoded_header()) {
        Some(header) => Ok(Reading::Known(header)),
        None => Ok(Reading::New(Header::read(compact.header(buffer)?)?)),
    }
}

fn find(encoded: &str) -> Option<Rc<Header<'static>>> {
    let find = |known: &RefCell<Known>| {
        let known = known.try_borrow().ok()?;
        known.headers.iter().find(|(other, _)| **other == *encoded).map(|(_, header)| Rc::clone(header))
    };
    KNOWN.try_with(find).ok().flatten()
}

fn remember(encoded: &str, header: &Header<'_>) {
    let remember = |known: &RefCell<Known>| {
        let Ok(mut known) = known.try_borrow_mut() else { return };
        let turn = known.unknown;
        known.unknown = turn.wrapping_add(1);
        if encoded.len() > MAX_BYTES {
            return;
        }
        let entry = || (Box::from(encoded), Rc::new(header.to_owned()));
        if known.headers.len() < KEPT {
            known.headers.push(entry());
        } else if turn % PATIENCE == 0 {
            known.headers[turn / PATIENCE % KEPT] = entry();
        }
    };
    // A thread that is ending knows nothing more.
    let _ = KNOWN.try_with(remember);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember_kid(encoded: &str, kid: &str) {
        let text = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        remember(encoded, &Header::read(&text).expect("a header"));
    }

    fn kid_of(encoded: &str) -> Option<String> {
        find(encoded)?.key_id.as_deref().map(str::to_owned)
    }

    #[test]
    fn a_header_is_known_by_its_whole_text() {
        remember_kid("abc", "a");
        assert_eq!(kid_of("abc").as_deref(), Some("a"));
        for other in ["", "ab", "abcd", "abC", "bbc"] {
            assert_eq!(kid_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        remember_kid(&"x".repeat(MAX_BYTES + 1), "long");
        assert_eq!(kid_of(&"x".repeat(MAX_BYTES + 1)), None);
        for number in 0..10_000 {
            remember_kid(&number.to_string(), "k");
        }
        let known = (0..10_000).filter(|number| find(&number.to_string()).is_some()).count();
        assert_eq!(known, KEPT);
        assert!(find("0").is_none(), "the oldest give way");
    }

    #[test]
    fn threads_know_nothing_of_each_other() {
        remember_kid("mine", "m");
        let theirs = std::thread::spawn(|| find("mine").is_some()).join().expect("no panic");
        assert!(!theirs && find("mine").is_some());
    }
}
