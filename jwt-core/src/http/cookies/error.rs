use std::fmt;

/// Why cookies cannot be as they are configured, or cannot hold a value.
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
    /// The value holds characters that cannot stand there. RFC 6265 section 4.1.1.
    IllegalCharacters,
    /// Name and value have more than 4096 bytes together: browsers would drop the cookie without a word.
    TooLarge,
    /// Two cookies have the same name.
    Duplicate,
    /// Two settings contradict each other: browsers would refuse the cookie.
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
            CookieErrorKind::IllegalCharacters => "holds illegal characters",
            CookieErrorKind::TooLarge => "is too large for a cookie",
            CookieErrorKind::Duplicate => "is the name of another cookie",
            CookieErrorKind::Contradiction => "contradicts another setting",
        };
        write!(f, "`{}` {problem}", self.setting)
    }
}

impl std::error::Error for CookieError {}
