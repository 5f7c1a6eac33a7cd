use std::sync::Arc;

use crate::claims::{ClaimPath, ClaimPathError, is_or_contains};
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::claim::PathSetting;
use super::requirement::{Misconfigured, ensure_configured};

/// Requires all of `names` among the roles at `path`: a [`ClaimPath`], or a string in its syntax.
///
/// The claim is a string, which is one role, or an array of strings. A string is never split, and elements of other types
/// are ignored. Names are compared exactly. If a role is missing, the request fails with 403 `insufficient_role`; the
/// challenge names neither roles nor scopes.
///
/// If the list is empty or `path` isn't a JSON pointer, the mistake is logged and the requirement fails every request with
/// 500 `misconfigured`. To accept any verified token, require `()`.
///
/// Every trusted issuer can put any role into its tokens. If your verifier trusts several, say whose roles count, with
/// [`of_issuer`](super::of_issuer).
///
/// ```
/// use jwt_core::authorize::roles;
///
/// let in_realm = roles("/realm_access/roles", ["reports-admin"]);
/// let permissions = roles("/permissions", ["reports:read", "reports:delete"]);
/// // `~1` is an escaped slash: the claim's name is a URL.
/// let url = roles("/https:~1~1api.example~1roles", ["auditor"]);
/// ```
#[must_use]
pub fn roles<P, N: Into<String>>(path: P, names: impl IntoIterator<Item = N>) -> impl Requirement + Clone + 'static
where
    P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
{
    RequiredRoles::new("roles", path, names, false)
}

/// Requires at least one of `names` among the roles at `path`.
///
/// The claim is read as by [`roles`], and the errors are the same.
///
/// ```
/// let requirement = jwt_core::authorize::any_role("/groups", ["auditors", "admins"]);
/// ```
#[must_use]
pub fn any_role<P, N: Into<String>>(path: P, names: impl IntoIterator<Item = N>) -> impl Requirement + Clone + 'static
where
    P: TryInto<ClaimPath, Error: Into<ClaimPathError>>,
{
    RequiredRoles::new("any_role", path, names, true)
}

#[derive(Clone, Debug)]
struct RequiredRoles {
    path: PathSetting,
    names: Vec<String>,
    one_is_enough: bool,
    mistake: Option<Misconfigured>,
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
        let mistake = Misconfigured::if_empty(function, names.is_empty());
        Self { path: PathSetting::new(path), names, one_is_enough, mistake }
    }
}

impl Requirement for RequiredRoles {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let value = self.path.claim_of(verified)?.unwrap_or(Value::Null);
        ensure_configured(self.mistake.as_ref())?;
        let mut names = self.names.iter();
        let met = if self.one_is_enough {
            names.any(|name| is_or_contains(value, name))
        } else {
            names.all(|name| is_or_contains(value, name))
        };
        let not_met = || Error::from(ErrorKind::InsufficientRole).with_unmet(Arc::clone(self.path.as_written()));
        if met { Ok(()) } else { Err(not_met()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(requirement: &dyn Requirement, payload: &str) -> Result<(), (ErrorKind, String)> {
        let checked = requirement.check(&Verified::of_payload(payload));
        checked.map_err(|error| (error.kind(), error.unmet().unwrap_or_default().to_owned()))
    }

    #[test]
    fn roles_are_a_string_or_an_array_of_strings_and_compared_exactly() {
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
            assert_eq!(outcome(&roles("/x/roles", ["a", "b"]), &payload), expected(all), "{roles_claim}");
            assert_eq!(outcome(&any_role("/x/roles", ["a", "b"]), &payload), expected(any), "{roles_claim}");
        }
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_for_every_token() {
        for payload in ["{}", r#"{"roles":["a"]}"#] {
            let refused = |name: &str| Err((ErrorKind::Misconfigured, name.to_owned()));
            assert_eq!(outcome(&roles::<_, &str>("/roles", []), payload), refused("roles"));
            assert_eq!(outcome(&any_role::<_, &str>("/roles", []), payload), refused("any_role"));
        }
    }

    #[test]
    fn an_empty_name_is_never_a_role() {
        for roles_claim in ["\"\"", "[\"\"]"] {
            assert!(outcome(&roles("/roles", [""]), &format!("{{\"roles\":{roles_claim}}}")).is_err());
        }
    }

    #[test]
    fn a_path_that_is_not_a_json_pointer_is_a_misconfiguration_for_every_token() {
        for path in ["roles", "", "/a~"] {
            for payload in ["{}", r#"{"roles":["a"]}"#] {
                let expected = Err((ErrorKind::Misconfigured, path.to_owned()));
                assert_eq!(outcome(&roles(path, ["a"]), payload), expected);
                assert_eq!(outcome(&roles::<_, &str>(path, []), payload), expected);
                assert_eq!(outcome(&any_role(path.to_owned(), ["a"]), payload), expected);
            }
        }
        assert_eq!(outcome(&roles(ClaimPath::new("/roles").expect("a path"), ["a"]), r#"{"roles":"a"}"#), Ok(()));
    }
}
