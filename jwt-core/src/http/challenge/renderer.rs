use std::borrow::Cow;
use std::fmt;

use super::answer::Challenge;
use crate::error::Error;
use crate::http::request::is_tchar;

/// Writes the bodies of refusals.
///
/// Every refusal of a verifier passes through it: those of layers and middleware, of requirements and of extractors. Status
/// and challenge are decided before; a renderer adds a body, and headers that are not there yet. It sees the [`Error`], and
/// nothing of the request. The default is [`NoBody`]; [`ProblemJson`](super::ProblemJson) is ready-made, and [`render_fn`]
/// makes one from a closure, which is also the double. A panic in a renderer is a panic in the request.
///
/// Where no layer ran there is no verifier that could name a renderer, so that the answer 500 to
/// [`LayerMissing`](crate::ErrorKind::LayerMissing) stays empty.
pub trait Renderer: fmt::Debug + Send + Sync {
    /// Writes the body that goes with `challenge`, which is the answer to `error`.
    fn render(&self, error: &Error, challenge: &Challenge) -> Rendered;
}

/// The renderer that leaves bodies empty.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct NoBody;

impl Renderer for NoBody {
    fn render(&self, _error: &Error, _challenge: &Challenge) -> Rendered {
        Rendered::empty()
    }
}

/// A body and the headers that go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Rendered {
    content_type: Option<Cow<'static, str>>,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Rendered {
    /// No body.
    pub const fn empty() -> Self {
        Self { content_type: None, body: Vec::new(), headers: Vec::new() }
    }

    /// A body of any media type.
    pub fn new(content_type: impl Into<Cow<'static, str>>, body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: Some(content_type.into()), body: body.into(), headers: Vec::new() }
    }

    /// A body of JSON.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new("application/json", body)
    }

    /// A body of plain text in UTF-8.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new("text/plain; charset=utf-8", body.into())
    }

    /// Adds a header: its name, in lower case, and its value, of visible ASCII, spaces and tabs.
    ///
    /// One that cannot be sent, or that says what is not the renderer's to say, is left out and logged: challenges, when to
    /// retry, and how long the message is.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the headers to those of the challenge, and returns the body.
    pub(super) fn write(self, challenge: &mut Challenge) -> Vec<u8> {
        let content_type = self.content_type.map(|value| ("content-type", value.into_owned()));
        for (name, value) in content_type.into_iter().chain(self.headers) {
            if is_name(name) && is_value(&value) && !challenge.headers.iter().any(|(other, _)| *other == name) {
                challenge.headers.push((name, value));
            } else {
                tracing::error!(header = name, "left out: a renderer cannot send this header");
            }
        }
        self.body
    }
}

/// What frames the message or belongs to the challenge, whether this one has it or not.
const RESERVED: [&str; 7] =
    ["connection", "content-length", "retry-after", "te", "trailer", "transfer-encoding", "www-authenticate"];

/// `token`, in lower case as HTTP/2 has it. RFC 9110 section 5.6.2, RFC 9113 section 8.2.
fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| is_tchar(byte) && !byte.is_ascii_uppercase();
    !name.is_empty() && name.bytes().all(is_legal) && !RESERVED.contains(&name)
}

/// `field-value`, of ASCII. RFC 9110 section 5.5.
fn is_value(value: &str) -> bool {
    value.trim_matches([' ', '\t']) == value && value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Makes a [`Renderer`] of a closure.
///
/// ```
/// use jwt_core::http::{Rendered, render_fn};
/// use jwt_core::{Class, ErrorKind, Verifier};
///
/// let builder = Verifier::builder().renderer(render_fn(|error, _| match error.kind() {
///     ErrorKind::NoCredentials => Rendered::json(r#"{"msg":"Missing Authorization Header"}"#),
///     ErrorKind::Expired => Rendered::json(r#"{"msg":"Token has expired"}"#),
///     kind if kind.class() == Class::Refused => Rendered::json(r#"{"msg":"Invalid token"}"#),
///     _ => Rendered::empty(),
/// }));
/// ```
///
/// What the client is told about a refused token is told to whoever made it up, too: of the class
/// [`Refused`](crate::Class::Refused), name one by one the kinds that clients may know.
pub const fn render_fn<F>(render: F) -> RenderFn<F>
where
    F: Fn(&Error, &Challenge) -> Rendered + Send + Sync,
{
    RenderFn(render)
}

/// A closure as a [`Renderer`]; made by [`render_fn`].
#[derive(Clone)]
pub struct RenderFn<F>(F);

impl<F> fmt::Debug for RenderFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RenderFn").finish()
    }
}

impl<F> Renderer for RenderFn<F>
where
    F: Fn(&Error, &Challenge) -> Rendered + Send + Sync,
{
    fn render(&self, error: &Error, challenge: &Challenge) -> Rendered {
        (self.0)(error, challenge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renderer_adds_headers_and_takes_none_away() {
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
}
