use std::sync::Arc;

use crate::claims::{ClaimPath, ClaimPathError, is_or_holds};
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::claim::Place;
use super::fault::{self, Fault};

/// The requirement that a token carries roles; made by [`roles`] and [`any_role`].
#[derive(Clone, Debug)]
pub struct RequiredRoles {
    place: Place,
    names: Vec<String>,
    one_is_enough: bool,
    fault: Option<Fault>,
}

/// Requires every one of `names` among the roles at `path`: a [`ClaimPath`] or the text of one.
///
/// The claim is one role, as a text, or an array of them, and nothing else is a role: a text is not split, and elements
/// of an array that are no texts are passed over. Names are compared whole. A refusal is 403 `insufficient_role`, and its
/// challenge names neither roles nor scopes. An empty list and a `path` that isn't a JSON pointer are logged and answered
/// 500 `misconfigured`: to accept any verified token, require `()`.
///
/// Every trusted issuer can write any role. If there are several, say whose roles count:
/// [`of_issuer`](super::of_issuer).
///
/// ```
/// use jwt_core::authorize::roles;
///
/// let in_realm = roles("/realm_access/roles", ["reports-admin"]);
/// let permissions = roles("/permissions", ["reports:read", "reports:delete"]);
/// let by_address = roles("/https:~1~1api.example~1roles", ["auditor"]);
/// ```
#[must_use]
pub fn roles<P, N: Into<String>>(path: P, names: impl IntoIterator<Item = N>) -> RequiredRoles
where
    P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
{
    RequiredRoles::new("roles", path, names, false)
}

/// Requires one of `names` among the roles at `path`, which is read as by [`roles`]. An empty list is logged
/// and answered 500 `misconfigured`.
///
/// ```
/// let requirement = jwt_core::authorize::any_role("/groups", ["auditors", "admins"]);
/// ```
#[must_use]
pub fn any_role<P, N: Into<String>>(path: P, names: impl IntoIterator<Item = N>) -> RequiredRoles
where
    P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
{
    RequiredRoles::new("any_role", path, names, true)
}

impl RequiredRoles {
    fn new<P, N: Into<String>>(
        function: &'static str,
        path: P,
        names: impl IntoIterator<Item = N>,
        one_is_enough: bool,
    ) -> Self
    where
        P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
    {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let fault = Fault::of_empty_list(function, names.is_empty());
        Self { place: Place::new(path), names, one_is_enough, fault }
    }
}

impl Requirement for RequiredRoles {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let value = self.place.find(verified)?.unwrap_or(Value::Null);
        fault::check(self.fault.as_ref())?;
        let mut names = self.names.iter();
        let met = if self.one_is_enough {
            names.any(|name| is_or_holds(value, name))
        } else {
            names.all(|name| is_or_holds(value, name))
        };
        let refusal = || Error::from(ErrorKind::InsufficientRole).with_detail(Arc::clone(self.place.name()));
        if met { Ok(()) } else { Err(refusal()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(requirement: &RequiredRoles, payload: &str) -> Result<(), (ErrorKind, String)> {
        let outcome = requirement.check(&Verified::of_payload(payload));
        outcome.map_err(|error| (error.kind(), error.detail().unwrap_or_default().to_owned()))
    }

    #[test]
    fn roles_are_one_text_or_an_array_and_compared_whole() {
        for (roles_claim, all, any) in [
            (r#"["a","b"]"#, true, true),
            (r#"["b","c","a"]"#, true, true),
            (r#"["a",5,null,["b"],{"b":"b"}]"#, false, true),
            (r#""a""#, false, true),
            (r#"["\u0061"]"#, false, true),
            (r#""a b""#, false, false),
            (r#"["a b"]"#, false, false),
            (r#""a,b""#, false, false),
            (r#"["A","a ","aa","xa"]"#, false, false),
            (r#"[["a","b"]]"#, false, false),
            (r#"{"a":true,"b":"a"}"#, false, false),
            ("[]", false, false),
            ("5", false, false),
            ("true", false, false),
            ("null", false, false),
        ] {
            let payload = format!("{{\"x\":{{\"roles\":{roles_claim}}},\"roles\":[\"a\",\"b\"]}}");
            let refused = || Err((ErrorKind::InsufficientRole, "/x/roles".to_owned()));
            let expected = |met: bool| if met { Ok(()) } else { refused() };
            assert_eq!(judge(&roles("/x/roles", ["a", "b"]), &payload), expected(all), "{roles_claim}");
            assert_eq!(judge(&any_role("/x/roles", ["a", "b"]), &payload), expected(any), "{roles_claim}");
        }
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_whatever_the_token() {
        for payload in ["{}", r#"{"roles":["a"]}"#] {
            let refused = |name: &str| Err((ErrorKind::Misconfigured, name.to_owned()));
            assert_eq!(judge(&roles::<_, &str>("/roles", []), payload), refused("roles"));
            assert_eq!(judge(&any_role::<_, &str>("/roles", []), payload), refused("any_role"));
        }
    }

    #[test]
    fn an_empty_name_is_no_role() {
        for roles_claim in ["\"\"", "[\"\"]"] {
            assert!(judge(&roles("/roles", [""]), &format!("{{\"roles\":{roles_claim}}}")).is_err());
        }
    }

    #[test]
    fn a_path_that_is_none_is_a_fault_of_the_programme_whatever_the_token() {
        for path in ["roles", "", "/a~"] {
            for payload in ["{}", r#"{"roles":["a"]}"#] {
                let expected = Err((ErrorKind::Misconfigured, path.to_owned()));
                assert_eq!(judge(&roles(path, ["a"]), payload), expected);
                assert_eq!(judge(&roles::<_, &str>(path, []), payload), expected);
                assert_eq!(judge(&any_role(path.to_owned(), ["a"]), payload), expected);
            }
        }
        assert_eq!(judge(&roles(ClaimPath::new("/roles").expect("a path"), ["a"]), r#"{"roles":"a"}"#), Ok(()));
    }
}
