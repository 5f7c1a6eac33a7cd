use std::fmt;

use super::origin::SingleLine;
use crate::http::request::RequestView;

/// The form field that must repeat a token's claim `csrf`.
pub(crate) struct FormField {
    name: String,
    claim: String,
}

impl FormField {
    /// How many bytes of a body are read at most: 64 KiB.
    pub(crate) const LIMIT: usize = 64 * 1024;

    pub(super) const fn new(name: String, claim: String) -> Self {
        Self { name, claim }
    }

    /// Returns whether the form has the field exactly once, with the claim's value.
    ///
    /// If the form was cut off at the limit, only complete fields count.
    pub(crate) fn is_in(&self, form: &[u8], cut: bool) -> bool {
        // The last field may be incomplete.
        let last = || form.iter().rposition(|&byte| byte == b'&').unwrap_or(0);
        let end = if cut { last() } else { form.len() };
        let fields = form_urlencoded::parse(&form[..end]);
        let mut values = fields.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => constant_time_eq(value.as_bytes(), self.claim.as_bytes()),
            _ => false,
        }
    }
}

// The claim is a secret.
impl fmt::Debug for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormField").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns whether a request declares a body that is a form, not compressed.
pub(super) fn has_form(request: &dyn RequestView) -> bool {
    let (mut content_type, mut is_coded) = (SingleLine::default(), false);
    request.header("content-type", &mut |value| content_type.add(value));
    // RFC 9110 section 8.4: a compressed body cannot be read here.
    request.header("content-encoding", &mut |value| is_coded |= !value.trim_ascii().eq_ignore_ascii_case(b"identity"));
    !is_coded && content_type.only().is_some_and(is_form)
}

/// Returns whether this is the content type of forms, in any case and with any parameters. RFC 9110 section 8.3.1.
pub(crate) fn is_form(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Compares in a time that depends only on the lengths.
pub(super) fn constant_time_eq(sent: &[u8], claim: &[u8]) -> bool {
    let difference = sent.iter().zip(claim).fold(0, |found, (one, other)| std::hint::black_box(found | (one ^ other)));
    sent.len() == claim.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(form: &str, claim: &str) -> bool {
        FormField::new("csrf_token".to_owned(), claim.to_owned()).is_in(form.as_bytes(), false)
    }

    #[test]
    fn the_value_comes_from_the_only_field_with_the_name() {
        for (form, value) in [
            ("csrf_token=s3cret", "s3cret"),
            ("a=b&csrf_token=s3cret&c=d", "s3cret"),
            ("a=b&csrf_token=s3cret&", "s3cret"),
            ("csrf%5Ftoken=s3%63ret", "s3cret"),
            ("csrf_token=a+b%2Bc%26d%3De=f", "a b+c&d=e=f"),
            ("csrf_token=%", "%"),
            ("csrf_token=%4", "%4"),
        ] {
            assert!(is_in(form, value), "{form}");
            assert!(!is_in(form, "other") && !is_in(form, &format!("{value}x")), "{form}");
        }
        for form in [
            "",
            "csrf_token",
            "csrf_token=",
            "csrf_toke=s3cret",
            "csrf_tokens=s3cret",
            "Csrf_Token=s3cret",
            "acsrf_token=s3cret",
            "a=csrf_token=s3cret",
            "a=b;csrf_token=s3cret",
            "csrf_token=s3cret&csrf_token=s3cret",
            "csrf_token=s3cret&a=b&csrf_token",
            "csrf_token=s3cret&csrf%5ftoken=b",
        ] {
            assert!(!is_in(form, "s3cret"), "{form}");
        }
    }

    #[test]
    fn only_complete_fields_of_a_truncated_form_count() {
        let field = FormField::new("csrf_token".to_owned(), "s3cret".to_owned());
        for (form, expected) in [
            ("csrf_token=s3cret&a=", true),
            ("a=b&csrf_token=s3cret&", true),
            ("a=b&csrf_token=s3cret", false),
            ("csrf_token=s3cret", false),
            ("csrf_token=s3cret&csrf_token=other", true),
        ] {
            assert_eq!(field.is_in(form.as_bytes(), true), expected, "{form}");
        }
    }

    #[test]
    fn debug_does_not_show_the_claim() {
        let field = FormField::new("csrf_token".to_owned(), "s3cret".to_owned());
        assert_eq!(format!("{field:?}"), r#"FormField { name: "csrf_token", .. }"#);
    }

    #[test]
    fn a_form_is_recognized_by_its_content_type() {
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
            let request = lines.iter().fold(crate::testing::BareRequest::new("POST", "/"), |request, line| {
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
