/// A document that an issuer publishes.
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
    /// Correctly: 200 and the current document as JSON, or 304 if the `ETag` is current.
    Well,
    /// Not before [`release`](super::ScriptedIssuer::release). Then with the script that is set at that time.
    Slow,
    /// The status line, then nothing until [`release`](super::ScriptedIssuer::release).
    SlowHead,
    /// The header and half of the body, then nothing until [`release`](super::ScriptedIssuer::release).
    SlowBody,
    /// The connection is accepted and the request is read, but no response follows.
    BlackHole,
    /// The connection is closed without a response.
    HangUp,
    /// Endless header lines.
    EndlessHead,
    /// An endless body.
    EndlessBody,
    /// This status, with an empty body.
    Status(u16),
    /// This status, and the URL to redirect to.
    Redirect(u16, String),
    /// Status 200 and an HTML login page.
    LoginPage,
    /// The document, as `text/html`.
    WrongContentType,
    /// The document after a byte order mark, which readers ignore. RFC 8259 section 8.1.
    ByteOrderMark,
    /// The document with bytes that are not UTF-8.
    InvalidUtf8,
    /// The document followed by spaces, 600 KiB in total.
    Oversize,
    /// `Content-Encoding: gzip` and 420 KiB that inflate to 64 MiB.
    GzipBomb,
    /// A key set without keys.
    EmptySet,
    /// The key set with malformed keys before and after the good ones.
    HalfBrokenSet,
    /// The key set with two members called `keys`.
    KeysTwice,
    /// Metadata with this issuer.
    ForeignIssuer(String),
    /// Metadata with this URL of the key set.
    KeySetAt(String),
    /// Status 200, JSON and this body.
    Body(Vec<u8>),
    /// Each request with the next of these scripts, starting again after the last.
    Turns(Vec<Self>),
}
