use std::fmt;
use std::sync::Arc;

use crate::claims::{ClaimPath, is_or_contains};
use crate::error::{BuildError, Error, ErrorKind};
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::requirement::Misconfigured;

/// A claim, named by its path, before you state the condition. Created by [`claim`].
#[derive(Clone, Debug)]
#[must_use = "a claim is not a requirement until you call `is_present`, `equals` or `contains`"]
pub struct Claim {
    path: PathSetting,
}

/// Starts a requirement on the claim at `path`: a [`ClaimPath`], or a string in its syntax.
///
/// A token that does not meet the requirement fails with 403 `requirement_not_met`. If `path` isn't a JSON pointer, the
/// mistake is logged and the requirement fails every request with 500 `misconfigured`.
///
/// ```
/// use jwt_core::authorize::claim;
///
/// let requirement = claim("/email_verified").equals(true);
/// ```
pub fn claim<P>(path: P) -> Claim
where
    P: TryInto<ClaimPath, Error: Into<BuildError>>,
{
    Claim { path: PathSetting::new(path) }
}

impl Claim {
    /// Requires that the token has the claim, with any value except `null`.
    #[must_use]
    pub fn is_present(self) -> impl Requirement + Clone + 'static {
        RequiredClaim { path: self.path, expected: Expected::Present }
    }

    /// Requires that the claim equals a JSON value: a string, a boolean, a number, or anything else that converts into
    /// [`serde_json::Value`].
    ///
    /// `5` and `5.0` are the same number. The order of an object's members does not matter; the order of an array's elements
    /// does. No claim equals `null`.
    #[must_use]
    pub fn equals(self, value: impl Into<serde_json::Value>) -> impl Requirement + Clone + 'static {
        RequiredClaim { path: self.path, expected: Expected::Equal(value.into()) }
    }

    /// Requires that the claim is this string, or an array that contains it, as with `aud`.
    ///
    /// The string is compared exactly. No claim contains the empty string.
    #[must_use]
    pub fn contains(self, text: impl Into<String>) -> impl Requirement + Clone + 'static {
        RequiredClaim { path: self.path, expected: Expected::Containing(text.into()) }
    }
}

#[derive(Clone)]
struct RequiredClaim {
    path: PathSetting,
    expected: Expected,
}

#[derive(Clone)]
enum Expected {
    Present,
    Equal(serde_json::Value),
    Containing(String),
}

impl Requirement for RequiredClaim {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let met = self.path.claim_of(verified)?.is_some_and(|value| match &self.expected {
            Expected::Present => true,
            Expected::Equal(other) => value.is(other),
            Expected::Containing(text) => is_or_contains(value, text),
        });
        let not_met = || Error::from(ErrorKind::RequirementNotMet).with_unmet(Arc::clone(self.path.as_written()));
        if met { Ok(()) } else { Err(not_met()) }
    }
}

// Shows the path, but not the expected value, which may be personal data.
impl fmt::Debug for RequiredClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("claim").field(self.path.as_written()).finish()
    }
}

/// The claim path of a requirement, which may not be a JSON pointer.
#[derive(Clone)]
pub(super) struct PathSetting {
    as_written: Arc<str>,
    path: Result<Arc<ClaimPath>, Misconfigured>,
}

impl PathSetting {
    pub(super) fn new<P>(path: P) -> Self
    where
        P: TryInto<ClaimPath, Error: Into<BuildError>>,
    {
        match path.try_into() {
            Ok(path) => Self { as_written: path.as_str().into(), path: Ok(Arc::new(path)) },
            Err(error) => {
                let error: BuildError = error.into();
                let mistake = Misconfigured::new(error.setting(), &error);
                Self { as_written: error.setting().into(), path: Err(mistake) }
            }
        }
    }

    pub(super) const fn as_written(&self) -> &Arc<str> {
        &self.as_written
    }

    /// Returns the token's claim at this path, or an error if the path isn't a JSON pointer.
    pub(super) fn claim_of<'v>(&self, verified: &'v Verified) -> Result<Option<Value<'v>>, Error> {
        match &self.path {
            Ok(path) => Ok(path.claim_in(verified.payload())),
            Err(mistake) => Err(mistake.error()),
        }
    }
}

impl fmt::Debug for PathSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_written.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meets(requirement: &dyn Requirement, payload: &str) -> bool {
        match requirement.check(&Verified::of_payload(payload)) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!((error.kind(), error.unmet()), (ErrorKind::RequirementNotMet, Some("/a")));
                false
            }
        }
    }

    #[test]
    fn a_claim_is_present_unless_it_is_null() {
        for (payload, expected) in [
            (r#"{"a":""}"#, true),
            (r#"{"a":false}"#, true),
            (r#"{"a":[]}"#, true),
            (r#"{"a":null}"#, false),
            (r#"{"A":1}"#, false),
            (r#"{"x":{"a":1}}"#, false),
            ("{}", false),
        ] {
            assert_eq!(meets(&claim("/a").is_present(), payload), expected, "{payload}");
        }
    }

    #[test]
    fn a_claim_equals_only_the_same_json_value() {
        for (payload, expected) in [
            (r#"{"a":true}"#, [true, false, false]),
            (r#"{"a":"true"}"#, [false, true, false]),
            (r#"{"a":{"b":[1]}}"#, [false, false, true]),
            (r#"{"a":["true"]}"#, [false, false, false]),
            (r#"{"a":null}"#, [false, false, false]),
            ("{}", [false, false, false]),
        ] {
            let requirements = [json!(true), json!("true"), json!({"b": [1]})].map(|value| claim("/a").equals(value));
            assert_eq!(requirements.map(|requirement| meets(&requirement, payload)), expected, "{payload}");
            assert!(!meets(&claim("/a").equals(json!(null)), payload), "{payload}");
        }
    }

    #[test]
    fn a_claim_contains_a_string_if_it_is_that_string_or_an_array_with_it() {
        for (payload, expected) in [
            (r#"{"a":"staff"}"#, true),
            (r#"{"a":["x","staff",5]}"#, true),
            (r#"{"a":"staff x"}"#, false),
            (r#"{"a":["staffs"]}"#, false),
            (r#"{"a":{"staff":1}}"#, false),
            ("{}", false),
        ] {
            assert_eq!(meets(&claim("/a").contains("staff"), payload), expected, "{payload}");
        }
        assert!(!meets(&claim("/a").contains(""), r#"{"a":["",""]}"#));
    }

    #[test]
    fn debug_shows_the_path_of_a_claim_but_not_the_expected_value() {
        let text = format!("{:?} {:?}", claim("/a").equals("secret"), claim("/a").contains("secret"));
        assert_eq!(text, r#"claim("/a") claim("/a")"#);
    }
}
