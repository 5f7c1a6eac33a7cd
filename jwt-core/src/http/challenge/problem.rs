use std::borrow::Cow;

use serde_json::json;

use super::renderer::{Challenge, Rendered};
use crate::error::{Class, Error};
use crate::http::request::RequestView;

/// Returns a renderer that writes rejections as problem details in JSON. RFC 9457.
///
/// The members are `type`, `title`, `status` and `code`. All of them are constants: nothing from the request is repeated, and
/// every refused token gets a byte-identical response. The type is always `about:blank`, and the title is the status phrase; see
/// [`problem_json_under`] for types of your own.
///
/// ```
/// use jwt_core::Verifier;
/// use jwt_core::http::problem_json;
///
/// let builder = Verifier::builder().renderer(problem_json());
/// ```
pub fn problem_json() -> impl Fn(&Error, &Challenge, &dyn RequestView) -> Rendered + Clone + Send + Sync + 'static {
    |error: &Error, challenge: &Challenge, _request: &dyn RequestView| {
        let Problem { code, phrase, .. } = Problem::of(error);
        // RFC 9457 section 4.2.1: the title of `about:blank` is the status's phrase.
        render("about:blank", phrase, challenge.status, code)
    }
}

/// Returns a renderer like [`problem_json`], whose types are `base` followed by the code, with more specific titles.
///
/// ```
/// use jwt_core::Verifier;
/// use jwt_core::http::problem_json_under;
///
/// let builder = Verifier::builder().renderer(problem_json_under("https://api.example/problems/"));
/// ```
pub fn problem_json_under(
    base: impl Into<Cow<'static, str>>,
) -> impl Fn(&Error, &Challenge, &dyn RequestView) -> Rendered + Clone + Send + Sync + 'static {
    let base = base.into();
    move |error: &Error, challenge: &Challenge, _request: &dyn RequestView| {
        let Problem { code, title, .. } = Problem::of(error);
        render(&format!("{base}{code}"), title, challenge.status, code)
    }
}

fn render(kind: &str, title: &str, status: u16, code: &str) -> Rendered {
    let body = json!({"type": kind, "title": title, "status": status, "code": code});
    Rendered::new("application/problem+json", body.to_string())
}

/// The part of an error that a client may know.
struct Problem {
    code: &'static str,
    phrase: &'static str,
    title: &'static str,
}

impl Problem {
    /// A client without credentials or with a valid token learns the code, because it can act on it. The code of a refused
    /// token would show how far a forged one got; those of outages and faults would show what this service depends on.
    fn of(error: &Error) -> Self {
        let (code, phrase, title) = match error.class() {
            Class::Missing => (error.code(), "Unauthorized", "A token is needed"),
            Class::Malformed => (error.code(), "Bad Request", "The credentials cannot be read"),
            Class::Refused => ("invalid_token", "Unauthorized", "The token is not valid"),
            Class::Forbidden => (error.code(), "Forbidden", "The token does not allow this"),
            Class::StepUp => (error.code(), "Unauthorized", "A stronger login is needed"),
            Class::Unavailable => ("unavailable", "Service Unavailable", "This cannot be decided at the moment"),
            Class::Misuse => ("server_error", "Internal Server Error", "This cannot be decided here"),
        };
        Self { code, phrase, title }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::error::ErrorKind;
    use crate::http::challenge::Challenger;
    use crate::testing::BareRequest;

    fn body(renderer: &dyn Fn(&Error, &Challenge, &dyn RequestView) -> Rendered, kind: ErrorKind) -> serde_json::Value {
        let error = Error::from(kind).with_unmet("\"detail\"");
        let challenger = Challenger::default();
        let rendered = renderer(&error, &challenger.refuse(error.clone()).challenge, &BareRequest::default());
        let mut challenge = Challenge { status: 0, headers: Vec::new() };
        let body = rendered.write(&mut challenge);
        assert_eq!(challenge.headers, [("content-type", "application/problem+json".to_owned())]);
        serde_json::from_slice(&body).expect("JSON")
    }

    #[test]
    fn every_refused_token_has_the_same_body() {
        let renderer = problem_json();
        let expected = json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "code": "invalid_token"});
        for kind in ErrorKind::ALL.iter().filter(|kind| kind.class() == Class::Refused) {
            assert_eq!(body(&renderer, *kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn the_documented_table_of_problems_is_correct() {
        let renderer = problem_json_under("https://api.example/problems/");
        let mut table = "| class | status | `code` | `title` | `title` of `about:blank` |\n\
                         | --- | --- | --- | --- | --- |\n"
            .to_owned();
        let mut rows = Vec::new();
        for kind in ErrorKind::ALL {
            let named = body(&renderer, *kind);
            let [code, title, status] = ["code", "title", "status"].map(|name| named[name].clone());
            let code = code.as_str().expect("a string");
            assert_eq!(named["type"], format!("https://api.example/problems/{code}"));
            let blank = body(&problem_json(), *kind);
            assert_eq!((&blank["type"], &blank["code"]), (&json!("about:blank"), &json!(code)));
            let code = if code == kind.code() { "the error's code".to_owned() } else { format!("`{code}`") };
            let (title, phrase) = (title.as_str().expect("a string"), blank["title"].as_str().expect("a string"));
            let row = format!("| {:?} | {status} | {code} | {title} | {phrase} |", kind.class());
            if !rows.contains(&row) {
                let _ = writeln!(table, "{row}");
                rows.push(row);
            }
        }
        let documented = include_str!("../../../doc/problem.md");
        assert!(documented.contains(&table), "doc/problem.md should hold:\n{table}");
    }
}
