use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::http::request::{RequestView, Unknown, is_tchar};

/// A closure that writes the bodies of rejections.
// Rejections and answers carry it until an adapter has the request at hand. So it's one pointer.
#[derive(Clone)]
pub(crate) struct Renderer(Arc<Closure>);

struct Closure(Box<Render>);

type Render = dyn Fn(&Error, &Challenge, &dyn RequestView) -> Rendered + Send + Sync;

impl Renderer {
    pub(crate) fn new(
        render: impl Fn(&Error, &Challenge, &dyn RequestView) -> Rendered + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Closure(Box::new(render))))
    }

    /// Adds the headers to the challenge's, and returns the body.
    pub(crate) fn write(&self, error: &Error, challenge: &mut Challenge, request: Option<&dyn RequestView>) -> Vec<u8> {
        let Closure(render) = &*self.0;
        render(error, challenge, request.unwrap_or(&Unknown)).write(challenge)
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renderer").finish()
    }
}

/// A status and the headers that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The HTTP status code.
    pub status: u16,
    /// Header names in lower case, and values of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
}

/// The body of a rejection and its headers; a [renderer](crate::VerifierBuilder::renderer) returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Rendered {
    content_type: Option<Cow<'static, str>>,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Rendered {
    /// Creates an empty body.
    pub const fn empty() -> Self {
        Self { content_type: None, body: Vec::new(), headers: Vec::new() }
    }

    /// Creates a body of any media type.
    pub fn new(content_type: impl Into<Cow<'static, str>>, body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: Some(content_type.into()), body: body.into(), headers: Vec::new() }
    }

    /// Creates a JSON body.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new("application/json", body)
    }

    /// Creates a plain-text body in UTF-8.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new("text/plain; charset=utf-8", body.into())
    }

    /// Adds a header: its name in lower case, and its value of visible ASCII, spaces and tabs.
    ///
    /// A renderer cannot set the challenge, `retry-after`, or the headers that frame the message, such as `content-length`.
    /// Those, illegal ones, and ones that are already there are left out and logged. Only `cache-control` is replaced.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the headers to the challenge's, and returns the body.
    pub(super) fn write(self, challenge: &mut Challenge) -> Vec<u8> {
        let content_type = self.content_type.map(|value| ("content-type", value.into_owned()));
        for (name, value) in content_type.into_iter().chain(self.headers) {
            let is_legal = is_name(name) && is_value(&value);
            // The renderer knows how its body may be cached.
            if is_legal && name == "cache-control" {
                challenge.headers.retain(|(other, _)| *other != name);
            }
            // Another cookie replaces no earlier one.
            let is_new = name == "set-cookie" || !challenge.headers.iter().any(|(other, _)| *other == name);
            if is_legal && is_new {
                challenge.headers.push((name, value));
            } else {
                tracing::error!(
                    header = name,
                    "a renderer cannot set this header: it is left out because it is reserved, illegal or already set"
                );
            }
        }
        self.body
    }
}

/// Headers that frame the message or belong to the challenge, even if this response has none of them.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "dpop-nonce",
    "retry-after",
    "te",
    "trailer",
    "transfer-encoding",
    "www-authenticate",
];

/// `token`, in lower case as HTTP/2 needs it. RFC 9110 section 5.6.2, RFC 9113 section 8.2.
fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| is_tchar(byte) && !byte.is_ascii_uppercase();
    !name.is_empty() && name.bytes().all(is_legal) && !RESERVED.contains(&name)
}

/// `field-value`, in ASCII. RFC 9110 section 5.5.
fn is_value(value: &str) -> bool {
    value.trim_matches([' ', '\t']) == value && value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renderer_adds_headers_and_replaces_none() {
        let mut challenge = Challenge { status: 401, headers: vec![("www-authenticate", "Bearer".to_owned())] };
        let rendered = Rendered::text("no")
            .header("x-code", "a b")
            .header("x-code", "twice")
            .header("www-authenticate", "Basic")
            .header("content-length", "0")
            .header("transfer-encoding", "chunked")
            .header("Content-Type", "x")
            .header("content-type", "x")
            .header("", "x")
            .header("x y", "x")
            .header("x-a", "a\r\nset-cookie: a=b")
            .header("x-b", " a")
            .header("x-c", "\u{e9}");
        assert_eq!(rendered.write(&mut challenge), b"no");
        let expected =
            [("www-authenticate", "Bearer"), ("content-type", "text/plain; charset=utf-8"), ("x-code", "a b")];
        assert_eq!(challenge.headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_renderer_may_replace_only_the_cache_control() {
        let headers =
            [("cache-control", "no-store"), ("dpop-nonce", "n")].map(|(name, value)| (name, value.to_owned()));
        let mut challenge = Challenge { status: 401, headers: headers.into() };
        let rendered = Rendered::empty().header("cache-control", "private\n").header("cache-control", "no-cache");
        assert!(rendered.header("dpop-nonce", "m").write(&mut challenge).is_empty());
        let expected = [("dpop-nonce", "n"), ("cache-control", "no-cache")];
        assert_eq!(challenge.headers, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
