use std::fmt;

use crate::error::{Detail, Error, ErrorKind};

/// An invalid cookie setting, or a value that doesn't fit into a cookie.
///
/// It converts into an [`Error`](crate::Error) of the kind [`IssuingFailed`](crate::ErrorKind::IssuingFailed), and into the
/// adapters' `Rejection`, so you can use `?` in a handler that sets cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieError {
    kind: CookieErrorKind,
    setting: &'static str,
}

/// What is wrong with a setting or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CookieErrorKind {
    /// The value is empty.
    Empty,
    /// The value has characters that aren't allowed there. RFC 6265 section 4.1.1.
    IllegalCharacters,
    /// Name and value are longer than 4096 bytes together. Browsers would silently drop the cookie.
    TooLarge,
    /// Two cookies have the same name.
    Duplicate,
    /// Two settings contradict each other. Browsers would reject the cookie.
    Contradiction,
}

impl CookieError {
    pub(super) const fn new(kind: CookieErrorKind, setting: &'static str) -> Self {
        Self { kind, setting }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> CookieErrorKind {
        self.kind
    }

    /// Returns the method whose argument is wrong.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.kind {
            CookieErrorKind::Empty => "is empty",
            CookieErrorKind::IllegalCharacters => "has illegal characters",
            CookieErrorKind::TooLarge => "does not fit into a cookie: name and value may have 4096 bytes together",
            CookieErrorKind::Duplicate => "is also the name of another cookie",
            CookieErrorKind::Contradiction => "contradicts another setting: browsers would reject the cookie",
        };
        write!(f, "`{}` {problem}", self.setting)
    }
}

impl std::error::Error for CookieError {}

impl From<CookieError> for Error {
    fn from(error: CookieError) -> Self {
        Self::from(ErrorKind::IssuingFailed).with_detail(Detail::Text(error.to_string().into()))
    }
}
