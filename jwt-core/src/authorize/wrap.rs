use std::fmt;
use std::sync::Arc;

use crate::claims::claim;
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;
use super::combine::is_not_met;
use super::requirement::{Misconfigured, ensure_configured};

/// Gives a requirement a name, which becomes the [detail](Error::detail) of its errors, for logs and outer layers.
///
/// The response to the client stays the same.
///
/// ```
/// use jwt_core::authorize::{all, named, roles, scopes};
///
/// let requirement = named("audit", all((scopes(["reports:read"]), roles("/roles", ["auditor"]))));
/// ```
#[must_use]
pub fn named<R>(name: impl Into<Arc<str>>, requirement: R) -> impl Requirement + Clone + 'static
where
    R: Requirement + 'static,
{
    Named { name: name.into(), requirement: Arc::new(requirement) }
}

/// Requires that another requirement is not met. Otherwise the request fails with 403 `requirement_not_met`.
///
/// **If a claim is absent or has another name than you expect, a requirement on it isn't met, so `not` accepts the token.**
/// Prefer a requirement on something that the token must have.
///
/// If the other requirement could not be checked, `not` fails with its error: during an outage, no request passes.
///
/// ```
/// use jwt_core::authorize::{not, roles};
///
/// let requirement = not(roles("/roles", ["suspended"]));
/// ```
#[must_use]
pub fn not<R: Requirement + 'static>(requirement: R) -> impl Requirement + Clone + 'static {
    Not(Arc::new(requirement))
}

/// Requires a token from `issuer` that also meets `requirement`. To accept every token from the issuer, pass `()`.
///
/// If your verifier trusts several issuers, each of them can write `"roles": ["admin"]` into its tokens. With this function
/// you say whose roles, scopes or claims count.
///
/// The name is compared exactly with `iss`. A token from another issuer fails with 403 `requirement_not_met`; otherwise the
/// error is that of `requirement`. If the name is empty, the mistake is logged and every request fails with 500
/// `misconfigured`.
///
/// ```
/// use jwt_core::authorize::{any, of_issuer, roles, scopes};
///
/// // Employees need a role, partners need a scope.
/// let requirement = any((
///     of_issuer("https://id.example", roles("/roles", ["admin"])),
///     of_issuer("https://id.partner.example", scopes(["reports:admin"])),
/// ));
/// ```
#[must_use]
pub fn of_issuer<R>(issuer: impl Into<Arc<str>>, requirement: R) -> impl Requirement + Clone + 'static
where
    R: Requirement + 'static,
{
    let issuer = issuer.into();
    let advice = "the issuer's name is empty: write the `iss` of its tokens";
    let mistake = issuer.is_empty().then(|| Misconfigured::new("of_issuer", &advice));
    OfIssuer { issuer, requirement: Arc::new(requirement), mistake }
}

struct Named<R> {
    name: Arc<str>,
    requirement: Arc<R>,
}

struct Not<R>(Arc<R>);

struct OfIssuer<R> {
    issuer: Arc<str>,
    requirement: Arc<R>,
    mistake: Option<Misconfigured>,
}

impl<R: fmt::Debug> fmt::Debug for Named<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("named").field(&self.name).field(&self.requirement).finish()
    }
}

impl<R: fmt::Debug> fmt::Debug for Not<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("not").field(&self.0).finish()
    }
}

impl<R: fmt::Debug> fmt::Debug for OfIssuer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("of_issuer").field(&self.issuer).field(&self.requirement).finish()
    }
}

impl<R: Requirement> Requirement for Named<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        self.requirement.check(verified).map_err(|error| error.with_unmet(Arc::clone(&self.name)))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        match self.requirement.decide(verified) {
            Step::Ready(outcome) => Step::Ready(outcome.map_err(|error| error.with_unmet(Arc::clone(&self.name)))),
            Step::Pending(pending) => {
                let name = Arc::clone(&self.name);
                Step::pending(async move { pending.await.map_err(|error| error.with_unmet(name)) })
            }
        }
    }

    fn scope(&self) -> Option<String> {
        self.requirement.scope()
    }
}

impl<R: Requirement> Requirement for Not<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        reverse(self.0.check(verified))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        self.0.decide(verified).map(reverse)
    }
}

fn reverse(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Ok(()) => Err(ErrorKind::RequirementNotMet.into()),
        Err(error) if is_not_met(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

impl<R> OfIssuer<R> {
    fn check_issuer(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        let issuer = claim(verified.payload(), "iss").and_then(Value::as_text);
        if issuer.is_some_and(|issuer| issuer == *self.issuer) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::RequirementNotMet).with_unmet(Arc::clone(&self.issuer)))
    }
}

impl<R: Requirement> Requirement for OfIssuer<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        self.check_issuer(verified)?;
        self.requirement.check(verified)
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        match self.check_issuer(verified) {
            Ok(()) => self.requirement.decide(verified),
            Err(error) => Step::from(Err(error)),
        }
    }

    fn scope(&self) -> Option<String> {
        self.requirement.scope()
    }
}

// A derive would require `R: Clone`.
impl<R> Clone for Named<R> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), requirement: Arc::clone(&self.requirement) }
    }
}

impl<R> Clone for Not<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> Clone for OfIssuer<R> {
    fn clone(&self) -> Self {
        let (issuer, requirement) = (Arc::clone(&self.issuer), Arc::clone(&self.requirement));
        Self { issuer, requirement, mistake: self.mistake.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::{check_async, roles};

    fn outcome(requirement: &dyn Requirement, payload: &str) -> Result<(), ErrorKind> {
        requirement.check(&Verified::of_payload(payload)).map_err(|error| error.kind())
    }

    #[test]
    fn of_issuer_accepts_only_tokens_from_the_named_issuer() {
        use ErrorKind::{InsufficientRole, RequirementNotMet};
        let requirement = of_issuer("https://id.example", roles("/roles", ["admin"]));
        for (payload, expected) in [
            (r#"{"iss":"https://id.example","roles":["admin"]}"#, Ok(())),
            (r#"{"iss":"https:\/\/id.example","roles":["admin"]}"#, Ok(())),
            (r#"{"iss":"https://id.example","roles":["user"]}"#, Err(InsufficientRole)),
            (r#"{"iss":"https://id.partner.example","roles":["admin"]}"#, Err(RequirementNotMet)),
            (r#"{"iss":"https://id.example/","roles":["admin"]}"#, Err(RequirementNotMet)),
            (r#"{"iss":["https://id.example"],"roles":["admin"]}"#, Err(RequirementNotMet)),
            (r#"{"iss":null,"roles":["admin"]}"#, Err(RequirementNotMet)),
            (r#"{"roles":["admin"]}"#, Err(RequirementNotMet)),
        ] {
            assert_eq!(outcome(&requirement, payload), expected, "{payload}");
        }
        assert_eq!(outcome(&of_issuer("a", ()), r#"{"iss":"a"}"#), Ok(()));
    }

    #[test]
    fn an_empty_issuer_name_is_a_misconfiguration() {
        for requirement in [&of_issuer("", ()) as &dyn Requirement, &not(of_issuer("", ()))] {
            for payload in ["{}", r#"{"iss":""}"#, r#"{"iss":"a"}"#] {
                assert_eq!(outcome(requirement, payload), Err(ErrorKind::Misconfigured), "{requirement:?} {payload}");
            }
        }
    }

    #[test]
    fn a_token_from_another_issuer_is_refused_without_waiting() {
        let later = of_issuer("a", check_async("later", |_| async { Ok(true) }));
        assert!(matches!(later.decide(&Verified::of_payload(r#"{"iss":"b"}"#)), Step::Ready(Err(_))));
        assert!(matches!(later.decide(&Verified::of_payload(r#"{"iss":"a"}"#)), Step::Pending(_)));
    }
}
