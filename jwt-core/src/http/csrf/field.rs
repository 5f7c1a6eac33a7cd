use std::fmt;

use super::proof::same;
use super::sender::Line;
use crate::http::request::RequestView;

/// The field of a form that has to repeat a token's claim `csrf`.
pub(crate) struct FormField {
    name: String,
    claim: String,
}

impl FormField {
    /// The most bytes of a body that are read: 64 KiB.
    pub(crate) const LIMIT: usize = 64 * 1024;

    pub(super) const fn new(name: String, claim: String) -> Self {
        Self { name, claim }
    }

    /// Whether the form has the field exactly once, with the claim's value.
    ///
    /// If the form was cut off, only fields that end before the cut count.
    pub(crate) fn is_in(&self, form: &[u8], cut: bool) -> bool {
        // The last field may be incomplete.
        let last = || form.iter().rposition(|&byte| byte == b'&').unwrap_or(0);
        let end = if cut { last() } else { form.len() };
        let fields = form_urlencoded::parse(&form[..end]);
        let mut values = fields.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => same(value.as_bytes(), self.claim.as_bytes()),
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

    fn is_in(form: &str, claim: &str) -> bool {
        FormField::new("csrf_token".to_owned(), claim.to_owned()).is_in(form.as_bytes(), false)
    }

    #[test]
    fn the_value_is_the_one_of_the_only_field_of_that_name() {
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
    fn of_a_form_that_was_cut_off_only_complete_fields_count() {
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
    fn debug_shows_nothing_of_the_claim() {
        let field = FormField::new("csrf_token".to_owned(), "s3cret".to_owned());
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
