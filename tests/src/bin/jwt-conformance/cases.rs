//! The cases that are one request each, in order.

mod answers;
mod claims;
mod header;
mod signature;
mod text;

use crate::issuer::Issuer;
use crate::report::Verdict;
use crate::server::{Answer, Request};

/// How strongly a standard asks for something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Must,
    Should,
}

/// One request, and the answer that a standard asks for.
pub(crate) struct Case {
    name: &'static str,
    source: &'static str,
    level: Level,
    about: &'static str,
    pub(crate) request: fn(&Issuer) -> Request,
    expected: Expected,
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    Accepted,
    /// Any answer of the client's fault.
    Refused,
    /// 401 with a challenge for `Bearer` that has a parameter.
    Challenged,
    /// 401 with `error="invalid_token"`.
    InvalidToken,
    /// 401 without an error code.
    NoError,
}

impl Case {
    pub(crate) fn check(&self, answer: &Answer) -> Verdict {
        let Self { name, source, level, about, expected, .. } = *self;
        Verdict { name, source, level, about, passed: expected.is_met_by(answer), found: answer.to_string() }
    }
}

impl Expected {
    fn is_met_by(self, answer: &Answer) -> bool {
        let bearer = |with: fn(&str) -> bool| match answer {
            Answer::Status { status: 401, challenges } => challenges.iter().any(|challenge| {
                let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
                scheme.eq_ignore_ascii_case("bearer") && with(parameters)
            }),
            _ => false,
        };
        match self {
            Self::Accepted => answer.is_accepted(),
            Self::Refused => answer.is_refused(),
            Self::Challenged => bearer(|parameters| parameters.contains('=')),
            Self::InvalidToken => bearer(|parameters| parameters.contains("error=\"invalid_token\"")),
            Self::NoError => bearer(|parameters| !parameters.contains("error")),
        }
    }
}

/// A demand of the standard.
const fn case(
    name: &'static str,
    source: &'static str,
    expected: Expected,
    about: &'static str,
    request: fn(&Issuer) -> Request,
) -> Case {
    Case { name, source, level: Level::Must, about, request, expected }
}

impl Case {
    /// Makes it an advice of the standard.
    const fn should(self) -> Self {
        Self { level: Level::Should, ..self }
    }
}

/// Returns all cases. The first is a good token, and the last is too: what's between them must not lock it out.
pub(crate) fn all(rfc9068: bool) -> Vec<Case> {
    let good = |name| {
        case(name, "RFC 6750 2.1", Expected::Accepted, "a good token is accepted", |issuer| {
            Request::bearer(issuer.token().sign())
        })
    };
    let mut cases = vec![good("good/first")];
    cases.extend(signature::CASES);
    cases.extend(header::CASES);
    cases.extend(text::CASES);
    cases.extend(claims::CASES);
    if rfc9068 {
        cases.extend(claims::RFC_9068);
    }
    cases.extend(answers::CASES);
    cases.push(good("good/last"));
    cases
}
