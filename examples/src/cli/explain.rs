use jwt_core::authorize::scopes;
use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::http::TokenSources;
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{Class, Error, ErrorKind, Verifier};

use super::advice::{self, Change};
use super::expected::{Expected, found};
use super::input::Input;
use super::time;
use super::unverified::Unverified;

/// Every check of a token, in the verifier's order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The decision.
    pub verdict: Verdict,
    /// The code of the error, or `accepted`.
    pub code: &'static str,
    /// One line that names the decision, its cause and what to do.
    pub summary: String,
    /// The checks. Empty if the request was refused for a reason that isn't one.
    pub rows: Vec<Row>,
    /// The setting that would accept such a token, if there is one.
    pub change: Option<Change>,
}

/// The decision about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// The token is valid.
    Accepted,
    /// The token isn't valid here.
    Refused,
    /// Something that the decision needs is unavailable, such as the keys.
    Unavailable,
}

/// One check of a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// The check's name, as in [`Verifier::CHECKS`].
    pub check: &'static str,
    /// Whether the token passed it.
    pub outcome: Outcome,
    /// The subject of the check.
    pub about: &'static str,
    /// The value that the settings expect.
    pub expected: Option<String>,
    /// The token's value.
    pub found: Option<String>,
}

/// The outcome of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The token passed.
    Pass,
    /// The token was refused here.
    Fail,
    /// An earlier check refused the token.
    NotReached,
}

impl Verdict {
    /// The exit status for it.
    pub(super) const fn status(self) -> u8 {
        self as u8
    }

    /// The word for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }

    pub(super) const fn of(error: Option<&Error>) -> Self {
        match error {
            None => Self::Accepted,
            Some(error) if matches!(error.class(), Class::Unavailable | Class::Misuse) => Self::Unavailable,
            Some(_) => Self::Refused,
        }
    }
}

/// Why the keys couldn't be fetched, if they couldn't. Called first, because an error about a token doesn't say why.
pub(super) async fn fetch_keys(verifier: &Verifier) -> Option<String> {
    verifier.fetch_keys().await.err().map(|error| error.to_string())
}

/// Sends a request through the verifier, as the layer of a framework would. `None` if it passes.
pub(super) async fn judge(verifier: &Verifier, required: &[String], request: &BareRequest) -> Option<Error> {
    let authenticator = Authenticator::from(verifier.clone());
    let authenticator =
        if required.is_empty() { authenticator } else { authenticator.require(scopes(required.iter().cloned())) };
    let entered = authenticator.enter(request, &RequestState::missing("the tool")).wait().await;
    entered.err().and_then(|answer| answer.error)
}

/// Checks a token that was given to the tool. It's taken for one of the `Authorization` header, unless it came as a header line.
pub(super) async fn judge_input(verifier: &Verifier, required: &[String], input: &Input) -> Option<Error> {
    match input {
        Input::Token(_) => judge(&verifier.with_sources(TokenSources::new()), required, &input.request()).await,
        Input::Header(..) => judge(verifier, required, &input.request()).await,
    }
}

/// Explains a verifier's decision about a request. `token` is the token in it, which is only shown.
pub async fn explain_request(verifier: &Verifier, request: &BareRequest, token: &str) -> Explanation {
    let unfetched = fetch_keys(verifier).await;
    let error = judge(verifier, &[], request).await;
    explain(error.as_ref(), unfetched.as_deref(), &Expected::default(), token, false)
}

/// Puts the verifier's decision into rows. `unfetched` is why the keys couldn't be fetched.
pub(super) fn explain(
    error: Option<&Error>,
    unfetched: Option<&str>,
    expected: &Expected,
    token: &str,
    requires: bool,
) -> Explanation {
    let unverified = Unverified::read(token);
    let verdict = Verdict::of(error);
    let summary = match error {
        None => match unverified.date("exp").and_then(|expiry| u64::try_from(expiry).ok()?.checked_sub(expected.now)) {
            Some(left) if expected.now > 0 => {
                format!("accepted: every check passed; `exp` is in {}", time::length(left))
            }
            _ => "accepted: every check passed".to_owned(),
        },
        Some(error) => {
            let unfetched = unfetched.filter(|_| error.kind() == ErrorKind::KeysUnavailable);
            let detail = unfetched.map(std::borrow::Cow::Borrowed).or_else(|| error.detail());
            let detail = detail.unwrap_or_else(|| error.kind().code().into());
            format!("{}: {}: {detail}", verdict.word(), error.code())
        }
    };
    let rows = rows(error, requires, |check| (expected.of(check, &unverified), found(check, &unverified)));
    let change = error.and_then(|error| advice::change(error, expected, &unverified));
    Explanation { verdict, code: error.map_or("accepted", Error::code), summary, rows, change }
}

/// The checks around those of the verifier: before them, the request; after them, the route.
const REQUEST: &str = "credentials";
const ROUTE: &str = "scopes";

fn rows(error: Option<&Error>, requires: bool, detail: impl Fn(&str) -> (Option<String>, Option<String>)) -> Vec<Row> {
    let route = if requires { &[ROUTE][..] } else { &[] };
    let checks = || [REQUEST].into_iter().chain(Verifier::CHECKS.iter().copied()).chain(route.iter().copied());
    let failed = match error.map(|error| (error.check(), error.kind())) {
        None => None,
        Some((Some(check), _)) => Some(check),
        Some((None, ErrorKind::NoCredentials | ErrorKind::MalformedCredentials | ErrorKind::MultipleCredentials)) => {
            Some(REQUEST)
        }
        Some((None, ErrorKind::InsufficientScope)) => Some(ROUTE),
        // The request was refused for another reason, such as CSRF.
        Some(_) => return Vec::new(),
    };
    let mut outcome = Outcome::Pass;
    let mut found = Vec::new();
    for check in checks() {
        if Some(check) == failed {
            outcome = Outcome::Fail;
        }
        let (expected, seen) = detail(check);
        found.push(Row { check, outcome, about: about(check), expected, found: seen });
        if outcome == Outcome::Fail {
            outcome = Outcome::NotReached;
        }
    }
    found
}

/// Describes the subject of a check.
fn about(check: &str) -> &'static str {
    match check {
        REQUEST => "one token, in a place that is searched, without foreign characters",
        "form" => "three segments, and not too long",
        "header" => "a known `alg`; neither `crit` nor another token inside",
        "claims" => "a JSON object, and registered claims of the right type",
        "issuer" => "`iss` is trusted",
        "algorithm" => "`alg` is allowed for the issuer",
        "type" => "`typ` is accepted",
        "identifiers" => "`sub` and `jti` are strings",
        "key" => "the issuer has a key for `kid` and `alg`",
        "signature" => "it's signed with that key",
        "logout" => "it isn't a logout token",
        "audience" => "`aud` names this service",
        "times" => "`exp`, `nbf` and `iat` fit the clock, and age and lifetime their limits",
        "subject" => "`sub` is the accepted one, if only one is",
        "required_claims" => "the required claims are there",
        "confirmation" => "it isn't bound to a key",
        "id_token" => "it isn't an ID token",
        "revocation" => "it isn't revoked",
        "requirements" => "it meets the requirements on every token",
        ROUTE => "it has the required scopes",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_the_verifier_is_described() {
        for check in Verifier::CHECKS {
            assert!(!about(check).is_empty(), "{check}");
        }
    }

    #[test]
    fn the_verdicts_are_the_exit_statuses() {
        let of = |kind: ErrorKind| Verdict::of(Some(&Error::from(kind))).status();
        assert_eq!(Verdict::of(None).status(), 0);
        assert_eq!((of(ErrorKind::Expired), of(ErrorKind::NoCredentials), of(ErrorKind::CsrfFailed)), (1, 1, 1));
        assert_eq!((of(ErrorKind::KeysUnavailable), of(ErrorKind::Misconfigured)), (2, 2));
    }
}
