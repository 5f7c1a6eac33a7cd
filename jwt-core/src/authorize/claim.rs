use std::fmt;
use std::sync::Arc;

use crate::claims::{ClaimPath, ClaimPathError, is_or_holds};
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::fault::Fault;

/// A claim of which something is to be required; made by [`claim`].
#[derive(Clone, Debug)]
#[must_use = "a claim is no requirement until something is said of it"]
pub struct Claim {
    place: Place,
}

/// The requirement on one claim; made by [`claim`].
#[derive(Clone)]
pub struct RequiredClaim {
    place: Place,
    wanted: Wanted,
}

#[derive(Clone)]
enum Wanted {
    Present,
    Is(serde_json::Value),
    Holds(String),
}

/// Names the claim at `path`, a [`ClaimPath`] or the text of one, to say what it must be.
///
/// A refusal is 403 `requirement_not_met`. A `path` that is none is logged and answered 500 `misconfigured`, to
/// everybody.
///
/// ```
/// use jwt_core::authorize::claim;
///
/// let requirement = claim("/email_verified").equals(true);
/// ```
pub fn claim<P>(path: P) -> Claim
where
    P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
{
    Claim { place: Place::new(path) }
}

impl Claim {
    /// Requires the claim to be there, with any value but `null`.
    #[must_use]
    pub fn is_present(self) -> RequiredClaim {
        RequiredClaim { place: self.place, wanted: Wanted::Present }
    }

    /// Requires the claim to be this JSON value: a text, a boolean, a number, or anything that
    /// [`serde_json::Value`] takes. `5` and `5.0` are one number; the order of members does not matter, that of elements
    /// does. No claim equals `null`.
    #[must_use]
    pub fn equals(self, value: impl Into<serde_json::Value>) -> RequiredClaim {
        RequiredClaim { place: self.place, wanted: Wanted::Is(value.into()) }
    }

    /// Requires the claim to be this text, or an array with it among its elements, as `aud` may be. The text is compared
    /// whole; no claim contains the empty one.
    #[must_use]
    pub fn contains(self, text: impl Into<String>) -> RequiredClaim {
        RequiredClaim { place: self.place, wanted: Wanted::Holds(text.into()) }
    }
}

impl Requirement for RequiredClaim {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let met = self.place.find(verified)?.is_some_and(|value| match &self.wanted {
            Wanted::Present => true,
            Wanted::Is(other) => value.is(other),
            Wanted::Holds(text) => is_or_holds(value, text),
        });
        let refusal = || Error::from(ErrorKind::RequirementNotMet).with_detail(Arc::clone(self.place.name()));
        if met { Ok(()) } else { Err(refusal()) }
    }
}

impl fmt::Debug for RequiredClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequiredClaim").field(self.place.name()).finish()
    }
}

/// Where a requirement looks.
#[derive(Clone)]
pub(super) struct Place {
    /// The path as it was written.
    name: Arc<str>,
    path: Result<Arc<ClaimPath>, Fault>,
}

impl Place {
    pub(super) fn new<P>(path: P) -> Self
    where
        P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
    {
        match path.try_into() {
            Ok(path) => Self { name: path.as_str().into(), path: Ok(Arc::new(path)) },
            Err(error) => {
                let error = error.into();
                let fault = Fault::new(error.pointer(), &error);
                Self { name: error.pointer().into(), path: Err(fault) }
            }
        }
    }

    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The claim here; an error where the path is none.
    pub(super) fn find<'v>(&self, verified: &'v Verified) -> Result<Option<Value<'v>>, Error> {
        match &self.path {
            Ok(path) => Ok(path.find(verified.payload())),
            Err(fault) => Err(fault.error()),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meets(requirement: &RequiredClaim, payload: &str) -> bool {
        match requirement.check(&Verified::of_payload(payload)) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!((error.kind(), error.detail()), (ErrorKind::RequirementNotMet, Some("/a")));
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
    fn a_claim_equals_the_whole_value() {
        for (payload, expected) in [
            (r#"{"a":true}"#, [true, false, false]),
            (r#"{"a":"true"}"#, [false, true, false]),
            (r#"{"a":{"b":[1]}}"#, [false, false, true]),
            (r#"{"a":["true"]}"#, [false, false, false]),
            (r#"{"a":null}"#, [false, false, false]),
            ("{}", [false, false, false]),
        ] {
            let requirements =
                [claim("/a").equals(true), claim("/a").equals("true"), claim("/a").equals(json!({"b": [1]}))];
            assert_eq!(requirements.map(|requirement| meets(&requirement, payload)), expected, "{payload}");
            assert!(!meets(&claim("/a").equals(json!(null)), payload), "{payload}");
        }
    }

    #[test]
    fn a_claim_contains_a_text_as_its_whole_or_as_an_element() {
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
    fn debug_shows_where_a_requirement_looks_and_not_for_what() {
        let text = format!("{:?} {:?}", claim("/a").equals("secret"), claim("/a").contains("secret"));
        assert_eq!(text, r#"RequiredClaim("/a") RequiredClaim("/a")"#);
    }
}
