use std::borrow::Cow;
use std::fmt;

use crate::http::request::RequestView;

/// The place a token was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// `Authorization: Bearer …`. RFC 6750 section 2.1.
    Authorization,
    /// A cookie.
    Cookie,
    /// A query parameter. RFC 6750 section 2.3.
    Query,
    /// A header of the application's own.
    Header,
    /// Anywhere else. It may be a cookie, so such a token is [checked](super::Csrf) like one from a cookie.
    Custom,
}

/// The part of a request that a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenPlace<'s> {
    /// The header `Authorization`.
    Authorization,
    /// The cookie of this name.
    Cookie(&'s str),
    /// The query parameter of this name.
    Query(&'s str),
    /// The header of this name.
    Header(&'s str),
}

/// What a source found: collects candidates of every source, so that two of them are noticed.
#[derive(Default)]
pub struct Found<'r> {
    pub(super) candidates: usize,
    pub(super) first: Option<(Cow<'r, [u8]>, Location)>,
}

impl<'r> Found<'r> {
    /// Adds a candidate. It is checked later; empty and illegal ones are the client's mistake, not to be skipped here.
    pub fn add(&mut self, token: impl Into<Cow<'r, [u8]>>, location: Location) {
        self.candidates += 1;
        if self.first.is_none() {
            self.first = Some((token.into(), location));
        }
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("candidates", &self.candidates).finish_non_exhaustive()
    }
}

/// A place to look for a token.
///
/// A source adds every candidate that its place holds, and none when it holds none. It must not decide which of several
/// is meant: more than one candidate over all sources is refused (RFC 6750 section 3.1). The default is
/// [`TokenSources::new`](super::TokenSources::new), the null object [`TokenSources::none`](super::TokenSources::none).
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// Adds what `request` holds in this place to `found`. It is asked twice about requests whose
    /// [form](super::Csrf::form_field) must be read.
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>);

    /// Returns the part of the request that it reads, so that a gateway can leave tokens out of what it sends on.
    /// Default: `None`, which says that nobody knows.
    fn place(&self) -> Option<TokenPlace<'_>> {
        None
    }
}
