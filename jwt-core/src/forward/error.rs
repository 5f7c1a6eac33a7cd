use std::fmt;

/// Why claims cannot be forwarded as they are configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardError {
    kind: ForwardErrorKind,
    text: Box<str>,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardErrorKind {
    /// The text is not the [path of a claim](crate::claims::ClaimPath).
    NotAPath,
    /// The text is not the name of a header. RFC 9110 section 5.1.
    NotAHeader,
    /// The header frames or routes the request, or carries credentials: a claim must not stand in it.
    ReservedHeader,
    /// Two claims go into headers that a server may take for one.
    Duplicate,
    /// A token source of the application's own does not tell its [place](crate::http::token::TokenSource::place), so that the token
    /// could not be taken out.
    UnknownPlace,
}

impl ForwardError {
    pub(super) fn new(kind: ForwardErrorKind, text: &str) -> Self {
        Self { kind, text: text.into() }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> ForwardErrorKind {
        self.kind
    }
}

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.kind {
            ForwardErrorKind::NotAPath => write!(f, "not the path of a claim, such as `/sub`: `{text}`"),
            ForwardErrorKind::NotAHeader => write!(f, "not the name of a header: `{text}`"),
            ForwardErrorKind::ReservedHeader => write!(f, "a claim must not stand in the header `{text}`"),
            ForwardErrorKind::Duplicate => write!(f, "two claims go into the header `{text}`"),
            ForwardErrorKind::UnknownPlace => {
                f.write_str("a token source does not tell its place: implement `TokenSource::place`, or keep the token")
            }
        }
    }
}

impl std::error::Error for ForwardError {}
