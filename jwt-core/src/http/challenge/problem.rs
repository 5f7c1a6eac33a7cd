use std::borrow::Cow;

use serde_json::json;

use super::renderer::{Challenge, Rendered, Renderer};
use crate::error::{Class, Error};

/// Writes rejections as problem details in JSON. RFC 9457.
///
/// The members are `type`, `title`, `status` and `code`. All of them are constants: nothing from the request is repeated, and
/// every refused token gets a byte-identical response.
///
/// ```
/// use jwt_core::http::ProblemJson;
/// use jwt_core::Verifier;
///
/// let builder = Verifier::builder().renderer(ProblemJson::new().types_under("https://api.example/problems/"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ProblemJson {
    base: Option<Cow<'static, str>>,
}

impl ProblemJson {
    /// Creates a renderer that writes `about:blank` as every type, and the status phrase as its title.
    #[must_use]
    pub const fn new() -> Self {
        Self { base: None }
    }

    /// Sets the prefix of every type, which the code is appended to. Default: `about:blank`.
    #[must_use]
    pub fn types_under(self, base: impl Into<Cow<'static, str>>) -> Self {
        Self { base: Some(base.into()) }
    }
}

impl Renderer for ProblemJson {
    fn render(&self, error: &Error, challenge: &Challenge) -> Rendered {
        let Problem { code, phrase, title } = Problem::of(error);
        let (kind, title) = match &self.base {
            Some(base) => (format!("{base}{code}"), title),
            // RFC 9457 section 4.2.1: the title of `about:blank` is the status's phrase.
            None => ("about:blank".to_owned(), phrase),
        };
        let body = json!({"type": kind, "title": title, "status": challenge.status, "code": code});
        Rendered::new("application/problem+json", body.to_string())
    }
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

    fn body(renderer: &ProblemJson, kind: ErrorKind) -> serde_json::Value {
        let error = Error::from(kind).with_unmet("\"detail\"");
        let challenger = Challenger::default();
        let rendered = renderer.render(&error, &challenger.refuse(error.clone()).challenge);
        let mut challenge = Challenge { status: 0, headers: Vec::new() };
        let body = rendered.write(&mut challenge);
        assert_eq!(challenge.headers, [("content-type", "application/problem+json".to_owned())]);
        serde_json::from_slice(&body).expect("JSON")
    }

    #[test]
    fn every_refused_token_has_the_same_body() {
        let renderer = ProblemJson::new();
        let expected = json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "code": "invalid_token"});
        for kind in ErrorKind::ALL.iter().filter(|kind| kind.class() == Class::Refused) {
            assert_eq!(body(&renderer, *kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn the_documented_table_of_problems_is_correct() {
        let renderer = ProblemJson::new().types_under("https://api.example/problems/");
        let mut table = "| class | status | `code` | `title` | `title` of `about:blank` |\n\
                         | --- | --- | --- | --- | --- |\n"
            .to_owned();
        let mut rows = Vec::new();
        for kind in ErrorKind::ALL {
            let named = body(&renderer, *kind);
            let [code, title, status] = ["code", "title", "status"].map(|name| named[name].clone());
            let code = code.as_str().expect("a string");
            assert_eq!(named["type"], format!("https://api.example/problems/{code}"));
            let blank = body(&ProblemJson::new(), *kind);
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
