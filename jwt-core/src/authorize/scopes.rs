use crate::error::{Error, ErrorKind};
use crate::http::challenge::is_scope;
use crate::verified::Verified;

use super::Requirement;
use super::fault::{self, Fault};

/// The requirement that a token carries scopes; made by [`scopes`] and [`any_scope`].
#[derive(Clone, Debug)]
pub struct RequiredScopes {
    names: Vec<String>,
    one_is_enough: bool,
    names_all: bool,
    fault: Option<Fault>,
}

/// Requires every one of `names` among the token's scopes, from `scope` or, where that is absent, `scp`.
///
/// Names are compared whole. A refusal is 403 `insufficient_scope` and names the scopes that are missing (RFC 6750
/// section 3.1), or all of them where that is [asked for](RequiredScopes::naming_all). An empty list is logged and
/// answered 500 `misconfigured`: to accept any verified token, require `()`.
///
/// ```
/// let requirement = jwt_core::authorize::scopes(["reports:read"]);
/// ```
#[must_use]
pub fn scopes<N: Into<String>>(names: impl IntoIterator<Item = N>) -> RequiredScopes {
    RequiredScopes::new("scopes", names, false)
}

/// Requires one of `names` among the token's scopes, from `scope` or, where that is absent, `scp`.
///
/// Names are compared whole. A refusal is 403 `insufficient_scope` and names all of them. An empty list is
/// logged and answered 500 `misconfigured`.
///
/// ```
/// let requirement = jwt_core::authorize::any_scope(["reports:read", "reports:write"]);
/// ```
#[must_use]
pub fn any_scope<N: Into<String>>(names: impl IntoIterator<Item = N>) -> RequiredScopes {
    RequiredScopes::new("any_scope", names, true)
}

impl RequiredScopes {
    fn new<N: Into<String>>(function: &'static str, names: impl IntoIterator<Item = N>, one_is_enough: bool) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let fault = Fault::of_empty_list(function, names.is_empty());
        Self { names, one_is_enough, names_all: false, fault }
    }

    /// Has a refusal name every scope of the requirement, and not those alone that are missing. Default: off.
    ///
    /// For clients that ask for exactly the scopes that they are told, and would lose those that they have: those of the
    /// Model Context Protocol do.
    #[must_use]
    pub fn naming_all(mut self) -> Self {
        self.names_all = true;
        self
    }
}

impl Requirement for RequiredScopes {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        fault::check(self.fault.as_ref())?;
        let registered = verified.registered();
        let scopes = registered.scopes();
        let carries = |name: &String| scopes.contains(name);
        let met = if self.one_is_enough { self.names.iter().any(carries) } else { self.names.iter().all(carries) };
        if met {
            return Ok(());
        }
        let missing: Vec<&str> = self.names.iter().filter(|name| !carries(name)).map(String::as_str).collect();
        if !self.names_all {
            return Err(insufficient_scope(&missing));
        }
        let needed: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let error = insufficient_scope(&needed);
        Err(if error.scope().is_some() { error.with_detail(missing.join(" ")) } else { error })
    }
}

/// The refusal for want of these scopes.
pub(super) fn insufficient_scope(needed: &[&str]) -> Error {
    let error = Error::from(ErrorKind::InsufficientScope);
    // A name that is no scope-token cannot stand in a challenge; no token is ever asked to carry it.
    if needed.is_empty() || !needed.iter().all(|name| is_scope(name)) {
        return error;
    }
    let scope = needed.join(" ");
    error.with_detail(scope.as_str()).asking_for_scope(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(requirement: &RequiredScopes, payload: &str) -> Result<(), Option<[String; 2]>> {
        let outcome = requirement.check(&Verified::of_payload(payload));
        outcome.map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InsufficientScope);
            error.scope().map(|scope| [scope, error.detail().unwrap_or_default()].map(str::to_owned))
        })
    }

    #[test]
    fn the_scopes_that_are_missing_are_named_or_the_whole_choice_or_all_where_that_is_asked_for() {
        let named = |scope: &str, missing: &str| Err(Some([scope, missing].map(str::to_owned)));
        for (scope, all, naming_all, any) in [
            ("a b", Ok(()), Ok(()), Ok(())),
            ("b", named("a", "a"), named("a b", "a"), Ok(())),
            ("c", named("a b", "a b"), named("a b", "a b"), named("a b", "a b")),
            ("", named("a b", "a b"), named("a b", "a b"), named("a b", "a b")),
        ] {
            let payload = format!("{{\"scope\":\"{scope}\"}}");
            assert_eq!(judge(&scopes(["a", "b"]), &payload), all, "{scope}");
            assert_eq!(judge(&scopes(["a", "b"]).naming_all(), &payload), naming_all, "{scope}");
            assert_eq!(judge(&any_scope(["a", "b"]), &payload), any, "{scope}");
        }
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_whatever_the_token() {
        for (requirement, name) in [
            (scopes::<&str>([]), "scopes"),
            (scopes::<&str>([]).naming_all(), "scopes"),
            (any_scope::<&str>([]), "any_scope"),
        ] {
            for payload in ["{}", r#"{"scope":"a"}"#] {
                let error = requirement.check(&Verified::of_payload(payload)).expect_err("it can't be checked");
                assert_eq!((error.kind(), error.detail()), (ErrorKind::Misconfigured, Some(name)));
            }
        }
    }

    #[test]
    fn a_name_that_is_no_scope_is_never_met_and_in_no_challenge() {
        for name in ["", " ", "a b", "a\"b", "a\r\nx: y", "é"] {
            assert_eq!(judge(&scopes([name]), r#"{"scope":"a b"}"#), Err(None), "{name:?}");
        }
    }
}
