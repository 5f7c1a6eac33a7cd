use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::http::challenge::is_scope;
use crate::verified::Verified;

use super::Requirement;
use super::requirement::{Misconfigured, ensure_configured};

/// A requirement on the token's scopes. Created by [`scopes`] and [`any_scope`].
#[derive(Clone)]
pub struct RequiredScopes {
    names: Vec<String>,
    one_is_enough: bool,
    names_all: bool,
    mistake: Option<Misconfigured>,
}

/// Requires all of `names` among the token's scopes: the claim `scope` or, if that is absent, `scp`.
///
/// Names are compared exactly, and a scope also counts if the token has one that
/// [implies](crate::VerifierBuilder::scope_implies) it. If a scope is missing, the request fails with 403 `insufficient_scope`, and the challenge
/// names the missing scopes (RFC 6750 section 3.1), or all of them with [`naming_all`](RequiredScopes::naming_all).
///
/// If the list is empty, or a name is empty or contains a space, the mistake is logged and the requirement fails every request with
/// 500 `misconfigured`. To accept any verified token, require `()`.
///
/// ```
/// let requirement = jwt_core::authorize::scopes(["reports:read"]);
/// ```
#[must_use]
pub fn scopes<N: Into<String>>(names: impl IntoIterator<Item = N>) -> RequiredScopes {
    RequiredScopes::new("scopes", names, false)
}

/// Requires at least one of `names` among the token's scopes: the claim `scope` or, if that is absent, `scp`.
///
/// If the token has no such scope, the challenge names all of them. Otherwise this works like [`scopes`].
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
        let mistake = Misconfigured::if_empty(function, names.is_empty()).or_else(|| {
            let wrong = names.iter().find(|name| name.is_empty() || name.contains(' '))?;
            Some(Misconfigured::new(function, &format_args!("`{wrong}` is no scope: write one scope in each entry")))
        });
        Self { names, one_is_enough, names_all: false, mistake }
    }

    /// Makes the challenge name every scope of the requirement, not only the missing ones. Default: off.
    ///
    /// Use it for clients that request exactly the scopes in the challenge and so lose the scopes they have, for
    /// example clients of the Model Context Protocol.
    #[must_use]
    pub fn naming_all(mut self) -> Self {
        self.names_all = true;
        self
    }
}

impl Requirement for RequiredScopes {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        let registered = verified.registered();
        let has = |name: &String| verified.grants(registered.scopes(), name);
        let met = if self.one_is_enough { self.names.iter().any(has) } else { self.names.iter().all(has) };
        if met {
            return Ok(());
        }
        let missing: Vec<&str> = self.names.iter().filter(|name| !has(name)).map(String::as_str).collect();
        if !self.names_all {
            return Err(insufficient_scope(&missing));
        }
        let all: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let error = insufficient_scope(&all);
        Err(if error.scope().is_some() { error.with_unmet(missing.join(" ")) } else { error })
    }

    fn scope(&self) -> Option<String> {
        (!self.names.is_empty()).then(|| self.names.join(" "))
    }
}

// Requirements show themselves in the words that make them, because reports and logs print them.
impl fmt::Debug for RequiredScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = if self.one_is_enough { "any_scope" } else { "scopes" };
        f.debug_tuple(function).field(&self.names).finish()
    }
}

/// The error that asks for these scopes.
pub(super) fn insufficient_scope(names: &[&str]) -> Error {
    let error = Error::from(ErrorKind::InsufficientScope);
    // A challenge cannot contain a name that isn't a scope token, so it then names no scope.
    if names.is_empty() || !names.iter().all(|name| is_scope(name)) {
        return error;
    }
    let scope = names.join(" ");
    error.with_unmet(scope.as_str()).asking_for_scope(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(requirement: &RequiredScopes, payload: &str) -> Result<(), Option<[String; 2]>> {
        let checked = requirement.check(&Verified::of_payload(payload));
        checked.map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InsufficientScope);
            error.scope().map(|scope| [scope, error.unmet().unwrap_or_default()].map(str::to_owned))
        })
    }

    #[test]
    fn a_challenge_names_the_missing_scopes_or_all_alternatives_or_all_scopes_if_asked() {
        let named = |scope: &str, missing: &str| Err(Some([scope, missing].map(str::to_owned)));
        for (scope, all, naming_all, any) in [
            ("a b", Ok(()), Ok(()), Ok(())),
            ("b", named("a", "a"), named("a b", "a"), Ok(())),
            ("c", named("a b", "a b"), named("a b", "a b"), named("a b", "a b")),
            ("", named("a b", "a b"), named("a b", "a b"), named("a b", "a b")),
        ] {
            let payload = format!("{{\"scope\":\"{scope}\"}}");
            assert_eq!(outcome(&scopes(["a", "b"]), &payload), all, "{scope}");
            assert_eq!(outcome(&scopes(["a", "b"]).naming_all(), &payload), naming_all, "{scope}");
            assert_eq!(outcome(&any_scope(["a", "b"]), &payload), any, "{scope}");
        }
    }

    #[test]
    fn an_impossible_list_is_a_misconfiguration_for_every_token() {
        for (requirement, name) in [
            (scopes::<&str>([]), "scopes"),
            (scopes::<&str>([]).naming_all(), "scopes"),
            (any_scope::<&str>([]), "any_scope"),
            (scopes(["a b"]), "scopes"),
            (any_scope(["a", ""]), "any_scope"),
        ] {
            for payload in ["{}", r#"{"scope":"a"}"#] {
                let error = requirement.check(&Verified::of_payload(payload)).expect_err("it can't be checked");
                assert_eq!((error.kind(), error.unmet()), (ErrorKind::Misconfigured, Some(name)));
            }
        }
    }

    #[test]
    fn a_name_that_is_not_a_scope_token_is_never_met_and_never_in_a_challenge() {
        for name in ["a\"b", "a\r\nx:y", "é"] {
            assert_eq!(outcome(&scopes([name]), r#"{"scope":"a b"}"#), Err(None), "{name:?}");
        }
    }
}
