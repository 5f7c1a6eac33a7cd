use std::fmt;

use crate::claims::claim;
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::requirement::{Misconfigured, ensure_configured};

/// Requires that one of `names` acts for the token's subject: the `sub` of the claim `act`. RFC 8693 section 4.1.
///
/// Only the current actor counts, not earlier ones. It must be from the token's issuer: if `act` has an `iss`, that must
/// equal the token's, because another issuer may use the same name. A token without `act` does not meet the requirement, and the
/// request fails with 403 `requirement_not_met`. If the list is empty, the mistake is logged and every request fails with 500
/// `misconfigured`.
///
/// ```
/// use jwt_core::authorize::{acted_by, all, scopes};
///
/// // The support desk may act for a user, and nobody else.
/// let requirement = all((scopes(["orders:read"]), acted_by(["support-desk"])));
/// ```
#[must_use]
pub fn acted_by<N: Into<String>>(names: impl IntoIterator<Item = N>) -> impl Requirement + Clone + 'static {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let mistake = Misconfigured::if_empty("acted_by", names.is_empty());
    ActedBy { names, mistake }
}

/// Requires that the token's subject acts itself: the token has no claim `act`. RFC 8693 section 4.1.
///
/// If it has one, in any form, the request fails with 403 `requirement_not_met`.
///
/// ```
/// let requirement = jwt_core::authorize::no_delegation();
/// ```
#[must_use]
pub fn no_delegation() -> impl Requirement + Clone + 'static {
    NoDelegation
}

#[derive(Clone)]
struct ActedBy {
    names: Vec<String>,
    mistake: Option<Misconfigured>,
}

#[derive(Clone)]
struct NoDelegation;

impl fmt::Debug for ActedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("acted_by").field(&self.names).finish()
    }
}

impl fmt::Debug for NoDelegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no_delegation()")
    }
}

impl Requirement for ActedBy {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        let met = verified.actor().is_some_and(|actor| {
            let is_named = actor
                .subject()
                .is_some_and(|subject| !subject.is_empty() && self.names.iter().any(|name| *name == subject));
            let is_of_issuer = match actor.member("iss") {
                None => true,
                Some(issuer) => issuer.as_text().is_some_and(|issuer| Some(&*issuer) == verified.registered().issuer()),
            };
            is_named && is_of_issuer
        });
        if met { Ok(()) } else { Err(not_met()) }
    }
}

impl Requirement for NoDelegation {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        if claim(verified.payload(), "act").is_none_or(|value| matches!(value, Value::Null)) {
            Ok(())
        } else {
            Err(not_met())
        }
    }
}

fn not_met() -> Error {
    Error::from(ErrorKind::RequirementNotMet).with_unmet("act")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(requirement: &dyn Requirement, payload: &str) -> bool {
        requirement.check(&Verified::of_payload(payload)).is_ok()
    }

    #[test]
    fn only_the_current_actor_of_the_same_issuer_counts() {
        for (payload, acted, undelegated) in [
            ("{}", false, true),
            (r#"{"act":null}"#, false, true),
            (r#"{"act":{"sub":"desk"}}"#, true, false),
            (r#"{"act":{"act":{"sub":"x"},"sub":"other-desk"}}"#, true, false),
            (r#"{"act":{"sub":"x","act":{"sub":"desk"}}}"#, false, false),
            (r#"{"iss":"i","act":{"sub":"desk","iss":"i"}}"#, true, false),
            (r#"{"iss":"i","act":{"sub":"desk","iss":"j"}}"#, false, false),
            (r#"{"act":{"sub":"desk","iss":5}}"#, false, false),
            (r#"{"act":{"sub":"Desk"}}"#, false, false),
            (r#"{"act":{"sub":["desk"]}}"#, false, false),
            (r#"{"act":"desk"}"#, false, false),
            (r#"{"act":{}}"#, false, false),
            (r#"{"sub":"desk","x":{"act":{"sub":"desk"}}}"#, false, true),
        ] {
            assert_eq!(meets(&acted_by(["desk", "other-desk"]), payload), acted, "{payload}");
            assert_eq!(meets(&no_delegation(), payload), undelegated, "{payload}");
        }
        assert!(!meets(&acted_by([""]), r#"{"act":{"sub":""}}"#));
        let error = acted_by::<&str>([]).check(&Verified::of_payload("{}")).expect_err("an empty list");
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
    }
}
