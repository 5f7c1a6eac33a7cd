use std::sync::Arc;

use crate::claims::claim;
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;
use super::fault::{self, Fault};

/// The requirement that a token comes from one issuer and meets another requirement; made by [`of_issuer`].
#[derive(Clone, Debug)]
pub struct OfIssuer<R> {
    issuer: Arc<str>,
    requirement: R,
    fault: Option<Fault>,
}

/// Requires a token of `issuer` that meets `requirement`.
///
/// A role, a scope or a subject means what its issuer says, and nothing more. If a verifier trusts several issuers, each of
/// them can write `"roles": ["admin"]`, so name the one whose word counts. `()` accepts every token of the issuer.
///
/// The name is compared with `iss` code point by code point. A token of another issuer is refused with 403
/// `requirement_not_met`; otherwise the refusal is that of `requirement`. An empty name is logged and answered 500
/// `misconfigured`.
///
/// ```
/// use jwt_core::authorize::{any, of_issuer, roles, scopes};
///
/// // Employees by their role, partners by what they were granted.
/// let requirement = any((
///     of_issuer("https://id.example", roles("/roles", ["admin"])),
///     of_issuer("https://id.partner.example", scopes(["reports:admin"])),
/// ));
/// ```
#[must_use]
pub fn of_issuer<R: Requirement>(issuer: impl Into<Arc<str>>, requirement: R) -> OfIssuer<R> {
    let issuer = issuer.into();
    let advice = "the issuer's name is empty: write the `iss` of its tokens";
    let fault = issuer.is_empty().then(|| Fault::new("of_issuer", &advice));
    OfIssuer { issuer, requirement, fault }
}

impl<R> OfIssuer<R> {
    fn check_issuer(&self, verified: &Verified) -> Result<(), Error> {
        fault::check(self.fault.as_ref())?;
        let issuer = claim(verified.payload(), "iss").and_then(Value::as_text);
        if issuer.is_some_and(|issuer| issuer == *self.issuer) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::RequirementNotMet).with_detail(Arc::clone(&self.issuer)))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::{check_async, not, roles};

    fn judge(requirement: &dyn Requirement, payload: &str) -> Result<(), ErrorKind> {
        requirement.check(&Verified::of_payload(payload)).map_err(|error| error.kind())
    }

    #[test]
    fn a_requirement_counts_only_for_tokens_of_the_named_issuer() {
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
            assert_eq!(judge(&requirement, payload), expected, "{payload}");
        }
        assert_eq!(judge(&of_issuer("a", ()), r#"{"iss":"a"}"#), Ok(()));
    }

    #[test]
    fn an_issuer_without_a_name_is_a_misconfiguration() {
        for requirement in [&of_issuer("", ()) as &dyn Requirement, &not(of_issuer("", ()))] {
            for payload in ["{}", r#"{"iss":""}"#, r#"{"iss":"a"}"#] {
                assert_eq!(judge(requirement, payload), Err(ErrorKind::Misconfigured), "{requirement:?} {payload}");
            }
        }
    }

    #[test]
    fn another_issuers_token_is_refused_without_waiting() {
        let later = of_issuer("a", check_async("later", |_| async { Ok(true) }));
        assert!(matches!(later.decide(&Verified::of_payload(r#"{"iss":"b"}"#)), Step::Ready(Err(_))));
        assert!(matches!(later.decide(&Verified::of_payload(r#"{"iss":"a"}"#)), Step::Pending(_)));
    }
}
