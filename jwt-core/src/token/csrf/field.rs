use std::fmt;

use super::sender::Line;
use crate::request::RequestView;

/// Looks for a field in the form that a request has as its body, while the body arrives. It is made by
/// [`Authenticator::form_field`](crate::verify::Authenticator::form_field), for requests whose form must be looked at.
///
/// An adapter feeds it the body until it wants no more, lends the [value](Self::value) with the request
/// ([`RequestView::form_field`]) and gives [what was read](Self::into_read) back in front of the rest of the body.
///
/// ```
/// use jwt_core::token::{Csrf, TokenSources};
/// use jwt_core::request::BareRequest;
/// use jwt_core::verify::Authenticator;
/// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
///
/// # #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
/// # fn main() {}
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
/// # let verifier = Verifier::builder().issuer(issuer.audience("https://api.example")).build()?;
/// let sources = TokenSources::new().cookie("__Host-access").csrf(Csrf::new().form_field("csrf_token"));
/// let authenticator = Authenticator::from(verifier.with_sources(sources));
/// let request = BareRequest::new("POST", "/orders")
///     .header("cookie", "__Host-access=a.b.c")
///     .header("content-type", "application/x-www-form-urlencoded")
///     .header("sec-fetch-site", "same-origin");
///
/// let mut field = authenticator.form_field(&request).expect("a form");
/// for chunk in [&b"amount=3&csrf_to"[..], b"ken=s3cret"] {
///     assert_eq!(field.feed(chunk), chunk.len());
/// }
/// assert_eq!(field.value().as_deref(), Some("s3cret"));
/// assert_eq!(field.into_read(), b"amount=3&csrf_token=s3cret");
/// # Ok(())
/// # }
/// ```
pub struct FormField {
    name: String,
    read: Vec<u8>,
    /// Whether there is more of the body than was read.
    cut: bool,
}

impl FormField {
    /// The most bytes of a body that are looked at: 64 KiB.
    pub const LIMIT: usize = 64 * 1024;

    pub(super) const fn new(name: String) -> Self {
        Self { name, read: Vec::new(), cut: false }
    }

    /// Takes the next bytes of the body and returns how many it took. Where these are fewer than there are, it wants no
    /// more.
    pub fn feed(&mut self, chunk: &[u8]) -> usize {
        let taken = chunk.len().min(Self::LIMIT - self.read.len());
        self.read.extend_from_slice(&chunk[..taken]);
        self.cut |= taken < chunk.len();
        taken
    }

    /// Returns the field's value, where it is there once.
    ///
    /// Of a body that is longer than [`LIMIT`](Self::LIMIT), only fields that end before it count. Ask when the body has
    /// ended or no more is wanted, and do not ask when it broke off: that is no form.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        // What was cut off may be a part of the last field.
        let last = || self.read.iter().rposition(|&byte| byte == b'&').unwrap_or(0);
        let end = if self.cut { last() } else { self.read.len() };
        let fields = form_urlencoded::parse(&self.read[..end]);
        let mut values = fields.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.into_owned()),
            _ => None,
        }
    }

    /// Returns the bytes that it took, as they came.
    #[must_use]
    pub fn into_read(self) -> Vec<u8> {
        self.read
    }
}

// Forms hold what users type.
impl fmt::Debug for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormField").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a request says that its body is a form whose fields can be read.
pub(super) fn has_form(request: &dyn RequestView) -> bool {
    let (mut content_type, mut is_coded) = (Line::default(), false);
    request.header("content-type", &mut |value| content_type.add(value));
    // RFC 9110 section 8.4: of a body that is compressed nothing can be read here.
    request.header("content-encoding", &mut |value| is_coded |= !value.trim_ascii().eq_ignore_ascii_case(b"identity"));
    !is_coded && content_type.only().is_some_and(is_form)
}

/// Whether this is the type of forms. Its name's case and its parameters do not matter. RFC 9110 section 8.3.1.
pub(crate) fn is_form(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> FormField {
        FormField::new("csrf_token".to_owned())
    }

    /// Feeds a body in chunks of so many bytes, as an adapter does.
    fn read(body: &[u8], size: usize) -> (Option<String>, Vec<u8>) {
        let mut field = field();
        for chunk in body.chunks(size) {
            if field.feed(chunk) < chunk.len() {
                break;
            }
        }
        (field.value(), field.into_read())
    }

    #[test]
    fn the_value_is_the_one_of_the_only_field_of_that_name() {
        for (body, expected) in [
            ("csrf_token=s3cret", Some("s3cret")),
            ("a=b&csrf_token=s3cret&c=d", Some("s3cret")),
            ("a=b&csrf_token=s3cret&", Some("s3cret")),
            ("csrf%5Ftoken=s3%63ret", Some("s3cret")),
            ("csrf_token=a+b%2Bc%26d%3De=f", Some("a b+c&d=e=f")),
            ("csrf_token=%", Some("%")),
            ("csrf_token=%4", Some("%4")),
            ("csrf_token=", Some("")),
            ("csrf_token", Some("")),
            ("", None),
            ("csrf_toke=s3cret", None),
            ("csrf_tokens=s3cret", None),
            ("Csrf_Token=s3cret", None),
            ("acsrf_token=s3cret", None),
            ("a=csrf_token=s3cret", None),
            ("a=b;csrf_token=s3cret", None),
            ("csrf_token=s3cret&csrf_token=s3cret", None),
            ("csrf_token=s3cret&a=b&csrf_token", None),
            ("csrf_token=a&csrf%5ftoken=b", None),
        ] {
            for size in 1..=body.len().max(1) {
                let (value, given_back) = read(body.as_bytes(), size);
                assert_eq!((value.as_deref(), &*given_back), (expected, body.as_bytes()), "{body} by {size}");
            }
        }
    }

    #[test]
    fn of_a_long_body_the_beginning_is_looked_at() {
        const LIMIT: usize = FormField::LIMIT;
        let filled = |before: &str, length: usize, after: &str| {
            let filling = length.checked_sub(before.len() + after.len()).expect("room");
            format!("{before}{}{after}", "x".repeat(filling)).into_bytes()
        };
        for (body, expected) in [
            (filled("csrf_token=s3cret&a=", LIMIT, ""), Some("s3cret")),
            (filled("csrf_token=s3cret&a=", 3 * LIMIT, ""), Some("s3cret")),
            (filled("a=", LIMIT, "&csrf_token=s3cret"), Some("s3cret")),
            (filled("a=", LIMIT + 1, "&csrf_token=s3cret"), None),
            (filled("a=", LIMIT + 1, "&csrf_token=s3cret&"), None),
            (filled("a=", LIMIT + 1, "&csrf_token=s3cret&b"), Some("s3cret")),
            (filled("a=", 3 * LIMIT, "&csrf_token=s3cret"), None),
            (filled("csrf_token=s3cret&a=", 3 * LIMIT, "&csrf_token=other"), Some("s3cret")),
            (filled("csrf_token=", LIMIT + 1, ""), None),
        ] {
            for size in [1, 1000, LIMIT - 1, LIMIT, LIMIT + 1, 4 * LIMIT] {
                let (value, given_back) = read(&body, size);
                assert_eq!(value.as_deref(), expected, "{} by {size}", body.len());
                assert!(given_back == body[..body.len().min(LIMIT)], "{} by {size}", body.len());
            }
        }
    }

    #[test]
    fn it_wants_no_more_than_the_limit() {
        let mut field = field();
        assert_eq!(field.feed(&[b'x'; FormField::LIMIT - 1]), FormField::LIMIT - 1);
        assert_eq!(field.feed(b""), 0);
        assert_eq!(field.feed(b"xy"), 1);
        assert_eq!(field.feed(b"y"), 0);
        assert_eq!(field.into_read().len(), FormField::LIMIT);
    }

    #[test]
    fn debug_shows_nothing_of_the_form() {
        let mut field = field();
        field.feed(b"password=hunter2&csrf_token=s3cret");
        assert_eq!(format!("{field:?}"), r#"FormField { name: "csrf_token", .. }"#);
    }

    #[test]
    fn a_form_is_known_by_its_type() {
        const FORM: &str = "application/x-www-form-urlencoded";
        for (lines, expected) in [
            (&[FORM][..], true),
            (&["Application/X-WWW-Form-URLencoded"], true),
            (&["application/x-www-form-urlencoded; charset=utf-8"], true),
            (&["application/x-www-form-urlencoded ;a=b"], true),
            (&[FORM, FORM], false),
            (&[], false),
            (&[""], false),
            (&["multipart/form-data; boundary=x"], false),
            (&["text/plain"], false),
            (&["text/plain; application/x-www-form-urlencoded"], false),
            (&["application/x-www-form-urlencoded, text/plain"], false),
            (&["application/json"], false),
        ] {
            let request = lines.iter().fold(crate::request::BareRequest::new("POST", "/"), |request, line| {
                request.header("content-type", *line)
            });
            assert_eq!(has_form(&request), expected, "{lines:?}");
            for (coding, legible) in [("identity", true), ("gzip", false), ("gzip, identity", false), ("", false)] {
                let coded = request.clone().header("content-encoding", coding);
                assert_eq!(has_form(&coded), expected && legible, "{lines:?} {coding}");
            }
        }
    }
}
