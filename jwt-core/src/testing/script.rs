/// What an issuer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Document {
    /// The metadata of OpenID Connect Discovery section 4.
    OpenIdMetadata,
    /// The metadata of RFC 8414 section 3.
    OAuthMetadata,
    /// The key set. RFC 7517 section 5.
    KeySet,
}

impl Document {
    /// Every document.
    pub const ALL: [Self; 3] = [Self::OpenIdMetadata, Self::OAuthMetadata, Self::KeySet];
}

/// How a request for a document is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Script {
    /// As it should be: 200, JSON, the document as it is at that moment, 304 to its `ETag`.
    Well,
    /// Not before [`release`](super::ScriptedIssuer::release); then as the script says that is in force by then.
    Slow,
    /// The status line, then nothing until [`release`](super::ScriptedIssuer::release).
    SlowHead,
    /// The header and half of the body, then nothing until [`release`](super::ScriptedIssuer::release).
    SlowBody,
    /// The connection is accepted and the request is read; an answer never comes.
    BlackHole,
    /// The connection is closed without an answer.
    HangUp,
    /// Header lines without end.
    EndlessHead,
    /// A body without end.
    EndlessBody,
    /// This status, with an empty body.
    Status(u16),
    /// This status, with an address to go to instead.
    Redirect(u16, String),
    /// Status 200 and a page that asks people to sign in.
    LoginPage,
    /// The document, as `text/html`.
    WrongContentType,
    /// The document, behind a byte order mark. RFC 8259 section 8.1 forbids it.
    ByteOrderMark,
    /// The document, with bytes in it that are no UTF-8.
    InvalidUtf8,
    /// The document, followed by blanks: 600 KiB in all.
    Oversize,
    /// `Content-Encoding: gzip` and 420 KiB that inflate to 64 MiB.
    GzipBomb,
    /// A key set without keys.
    EmptySet,
    /// The key set with malformed keys before and after the good ones.
    HalfBrokenSet,
    /// The key set with its member `keys` twice.
    KeysTwice,
    /// Metadata that name this issuer.
    ForeignIssuer(String),
    /// Metadata that name this address of the key set.
    KeySetAt(String),
    /// Status 200, JSON and this body.
    Body(Vec<u8>),
    /// Each request by the next of these, over and over.
    Turns(Vec<Self>),
}
