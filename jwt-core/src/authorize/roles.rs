use std::fmt;
use std::sync::Arc;

use crate::claims::{ClaimPath, is_or_contains};
use crate::error::{BuildError, Error, ErrorKind};
use crate::json::{self, Unique, Value};
use crate::verified::Verified;

use super::Requirement;
use super::claim::PathSetting;
use super::requirement::{Misconfigured, ensure_configured};

/// Requires all of `names` among the roles at `path`: a [`ClaimPath`], or a string in its syntax.
///
/// The claim is a string, which is one role, or an array of strings. A string is split only [on
/// request](RequiredRoles::separated_by), and elements of other types are ignored. Names are compared exactly. If a role is missing, the request fails with 403 `insufficient_role`; the
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
pub fn roles<P, N: Into<String>>(path: P, names: impl IntoIterator<Item = N>) -> RequiredRoles
where
    P: TryInto<ClaimPath, Error: Into<BuildError>>,
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
pub fn any_role<P, N: Into<String>>(path: P, names: impl IntoIterator<Item = N>) -> RequiredRoles
where
    P: TryInto<ClaimPath, Error: Into<BuildError>>,
{
    RequiredRoles::new("any_role", path, names, true)
}

/// A requirement on roles. Created by [`roles`] and [`any_role`].
#[derive(Clone)]
pub struct RequiredRoles {
    path: PathSetting,
    names: Vec<String>,
    one_is_enough: bool,
    form: Form,
    mistake: Option<Misconfigured>,
}

/// How the claim names the roles.
#[derive(Clone, Copy)]
enum Form {
    /// A string, or the strings of an array.
    Strings,
    /// A string that is split, or the strings of an array.
    Split(char),
    /// The names of an object's members.
    Members,
}

impl fmt::Debug for RequiredRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = if self.one_is_enough { "any_role" } else { "roles" };
        f.debug_tuple(function).field(&self.path).field(&self.names).finish()
    }
}

impl RequiredRoles {
    fn new<P, N: Into<String>>(
        function: &'static str,
        path: P,
        names: impl IntoIterator<Item = N>,
        one_is_enough: bool,
    ) -> Self
    where
        P: TryInto<ClaimPath, Error: Into<BuildError>>,
    {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let mistake = Misconfigured::if_empty(function, names.is_empty());
        Self { path: PathSetting::new(path), names, one_is_enough, form: Form::Strings, mistake }
    }

    /// Reads the roles as the names of an object's members, as in Zitadel's `{"admin": {"1815": "shop.example"}}`. Default: a
    /// string, or an array of strings.
    ///
    /// A member whose value is `null` or `false` does not count. Any other value does. If the value matters, for example because it
    /// names the organization, check it separately.
    ///
    /// ```
    /// let requirement = jwt_core::authorize::roles("/urn:zitadel:iam:org:project:roles", ["admin"]).as_members();
    /// ```
    #[must_use]
    pub fn as_members(mut self) -> Self {
        self.form = Form::Members;
        self
    }

    /// Splits the string at this character, as in `"admin,auditor"`, and removes the spaces around each name. Default: a string is
    /// one role.
    ///
    /// The strings of an array stay whole.
    #[must_use]
    pub fn separated_by(mut self, separator: char) -> Self {
        self.form = Form::Split(separator);
        self
    }

    fn has(&self, value: Value<'_>, role: &str) -> bool {
        match (self.form, value) {
            (Form::Members, Value::Object(object)) => {
                let mut found = false;
                let read = json::object(object, Unique::Outermost, |name, value| {
                    found |= name == role && !matches!(value, Value::Null | Value::Bool(false));
                });
                read.is_ok() && found && !role.is_empty()
            }
            (Form::Members, _) => false,
            (Form::Split(separator), Value::Text(text)) => {
                !role.is_empty() && text.decode().split(separator).any(|name| name.trim_matches(' ') == role)
            }
            _ => is_or_contains(value, role),
        }
    }
}

impl Requirement for RequiredRoles {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let value = self.path.claim_of(verified)?.unwrap_or(Value::Null);
        ensure_configured(self.mistake.as_ref())?;
        let mut names = self.names.iter();
        let met = if self.one_is_enough {
            names.any(|name| self.has(value, name))
        } else {
            names.all(|name| self.has(value, name))
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
    fn the_names_of_members_and_the_parts_of_a_string_are_roles_only_on_request() {
        for (claim, as_members, split) in [
            (r#"{"a":{"1815":"shop.example"},"b":true}"#, true, false),
            (r#"{"a":"x","b":0,"c":1}"#, true, false),
            (r#"{"a":null,"b":true}"#, false, false),
            (r#"{"a":false,"b":true}"#, false, false),
            (r#"{"x":{"a":1,"b":1}}"#, false, false),
            (r#"{"A":1,"b":1}"#, false, false),
            (r#""a,b""#, false, true),
            (r#""b, a ,c""#, false, true),
            (r#""a b""#, false, false),
            (r#""ab""#, false, false),
            (r#"["a","b"]"#, false, true),
            (r#"["a,b"]"#, false, false),
        ] {
            let payload = format!("{{\"roles\":{claim}}}");
            let required = || roles("/roles", ["a", "b"]);
            assert_eq!(outcome(&required().as_members(), &payload).is_ok(), as_members, "{claim}");
            assert_eq!(outcome(&required().separated_by(','), &payload).is_ok(), split, "{claim}");
        }
        let spaces = r#"{"roles":"a  b"}"#;
        assert_eq!(outcome(&roles("/roles", ["a", "b"]).separated_by(' '), spaces), Ok(()));
        for payload in [r#"{"roles":{"":1}}"#, r#"{"roles":"a,,b"}"#] {
            assert!(outcome(&roles("/roles", [""]).as_members(), payload).is_err());
            assert!(outcome(&roles("/roles", [""]).separated_by(','), payload).is_err());
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
