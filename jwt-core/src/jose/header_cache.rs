//! A small cache of parsed headers for each thread. Tokens that one key signed usually have byte-identical headers.
//!
//! A header's meaning depends only on its bytes, so an entry is valid for every verifier and never becomes stale. Only
//! headers of accepted tokens are cached, and they are compared as a whole. The key is looked up for each token.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use super::compact::{Bytes, Compact};
use super::header::Header;
use crate::error::ErrorKind;

/// How many headers a thread's cache holds.
const MAX_HEADERS: usize = 8;
/// Encoded headers that are longer than this are not cached.
const MAX_BYTES: usize = 512;
/// Once the cache is full, only one in this many new headers replaces an entry. Otherwise, an application with more
/// issuers than entries would replace one with almost every token.
const MISSES_PER_REPLACEMENT: usize = 8;

#[derive(Default)]
struct HeaderCache {
    headers: Vec<(Box<[u8]>, Rc<Header<'static>>)>,
    misses: usize,
}

thread_local! {
    static CACHE: RefCell<HeaderCache> = RefCell::default();
}

/// A token's header, from the cache or parsed just now.
pub(crate) enum ParsedHeader<'b> {
    Cached(Rc<Header<'static>>),
    New(Header<'b>),
}

impl<'b> Deref for ParsedHeader<'b> {
    type Target = Header<'b>;

    fn deref(&self) -> &Header<'b> {
        match self {
            Self::Cached(header) => header,
            Self::New(header) => header,
        }
    }
}

impl ParsedHeader<'_> {
    /// Caches the header. Call it once the token is accepted.
    pub(crate) fn remember(&self, compact: &Compact<'_>) {
        if let Self::New(header) = self {
            insert(compact.encoded_header(), header);
        }
    }
}

/// Returns a token's header from the cache, or parses it in `buffer`.
pub(crate) fn read<'b>(compact: &Compact<'_>, buffer: &'b mut Bytes) -> Result<ParsedHeader<'b>, ErrorKind> {
    match cached(compact.encoded_header()) {
        Some(header) => Ok(ParsedHeader::Cached(header)),
        None => Ok(ParsedHeader::New(Header::read(compact.header(buffer)?)?)),
    }
}

fn cached(encoded: &[u8]) -> Option<Rc<Header<'static>>> {
    let find = |cache: &RefCell<HeaderCache>| {
        let cache = cache.try_borrow().ok()?;
        cache.headers.iter().find(|(other, _)| **other == *encoded).map(|(_, header)| Rc::clone(header))
    };
    CACHE.try_with(find).ok().flatten()
}

fn insert(encoded: &[u8], header: &Header<'_>) {
    let insert = |cache: &RefCell<HeaderCache>| {
        let Ok(mut cache) = cache.try_borrow_mut() else { return };
        let misses = cache.misses;
        cache.misses = misses.wrapping_add(1);
        if encoded.len() > MAX_BYTES {
            return;
        }
        let entry = || (Box::from(encoded), Rc::new(header.to_owned()));
        if cache.headers.len() < MAX_HEADERS {
            cache.headers.push(entry());
        } else if misses % MISSES_PER_REPLACEMENT == 0 {
            cache.headers[misses / MISSES_PER_REPLACEMENT % MAX_HEADERS] = entry();
        }
    };
    // It fails only while the thread ends; then there is nothing to cache for.
    let _ = CACHE.try_with(insert);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember_kid(encoded: &str, kid: &str) {
        let text = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        insert(encoded.as_bytes(), &Header::read(&text).expect("a header"));
    }

    fn kid_of(encoded: &str) -> Option<String> {
        cached(encoded.as_bytes())?.key_id.as_deref().map(str::to_owned)
    }

    #[test]
    fn a_header_is_found_only_by_its_whole_text() {
        remember_kid("abc", "a");
        assert_eq!(kid_of("abc").as_deref(), Some("a"));
        for other in ["", "ab", "abcd", "abC", "bbc"] {
            assert_eq!(kid_of(other), None, "{other}");
        }
    }

    #[test]
    fn the_number_and_the_length_of_cached_headers_are_bounded() {
        remember_kid(&"x".repeat(MAX_BYTES + 1), "long");
        assert_eq!(kid_of(&"x".repeat(MAX_BYTES + 1)), None);
        for number in 0..10_000 {
            remember_kid(&number.to_string(), "k");
        }
        let count = (0..10_000).filter(|number| cached(number.to_string().as_bytes()).is_some()).count();
        assert_eq!(count, MAX_HEADERS);
        assert!(cached(b"0").is_none(), "the oldest are replaced");
    }

    #[test]
    fn each_thread_has_its_own_cache() {
        remember_kid("mine", "m");
        let theirs = std::thread::spawn(|| cached(b"mine").is_some()).join().expect("no panic");
        assert!(!theirs && cached(b"mine").is_some());
    }
}
