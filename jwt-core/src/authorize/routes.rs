use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{BuildError, BuildErrorKind, Error, ErrorKind};
use crate::http::request::RequestView;
use crate::verified::Verified;

use super::{Requirement, all};

/// A table of an application's routes and their requirements. Routes that are not in the table are refused.
///
/// The adapters' layers and middleware take the table, and look for tokens only where it says so.
///
/// ```
/// use jwt_core::authorize::{Routes, any_role, scopes};
///
/// # fn main() -> Result<(), jwt_core::BuildError> {
/// let routes = Routes::new()
///     .public("/health")
///     .optional("GET /articles/{id}")
///     .require("PUT /articles/{id}", scopes(["articles:write"]))
///     .require("/me", ())
///     .require("/admin/users", any_role("/roles", ["admin"]))
///     .checked()?;
/// # Ok(())
/// # }
/// ```
///
/// A route is the pattern that the framework matched, for example `/reports/{id}`, including the prefixes that it's nested
/// under. It's compared exactly, and never with the path of the request, which clients can write in many ways. If an
/// actix-web resource has several patterns, use the first one; it counts for all of them.
///
/// You can put a method before the pattern. Such an entry takes precedence over the pattern without a method, and `GET`
/// includes `HEAD`.
///
/// A request to a route that isn't in the table fails with 401 if it has no token, as usual. With a valid token it fails with
/// 403 `undecided_route`, and the route is logged once. Requests that match no route fail in the same way, unless you set
/// [`fallback`](Self::fallback).
///
/// All routes of a table take tokens from the same places. If one takes them from elsewhere, for example a refresh from a cookie,
/// list it as [`public`](Self::public) and put a layer of its own around that route, with
/// [`Verifier::with_sources`](crate::Verifier::with_sources).
#[derive(Debug)]
#[must_use]
pub struct Routes {
    /// By pattern; the method is `None` in an entry for all methods.
    entries: HashMap<String, Vec<(Option<String>, Access)>>,
    fallback: Access,
    unlisted: Access,
    mistake: Option<BuildError>,
    logged: Mutex<HashSet<String>>,
}

/// The access level of a route: which requests it allows.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Every request. Credentials are ignored.
    Public,
    /// Requests without credentials, or with a valid token.
    Optional,
    /// Requests with a token that meets this requirement.
    Requires(Arc<dyn Requirement>),
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// Creates an empty table, which refuses all routes.
    pub fn new() -> Self {
        let unlisted = Access::Requires(Arc::new(Unlisted));
        Self { entries: HashMap::new(), fallback: unlisted.clone(), unlisted, mistake: None, logged: Mutex::default() }
    }

    /// Allows every request to a route. Credentials are ignored, so an invalid token causes no error, and the handler sees no
    /// claims.
    pub fn public(self, route: impl Into<String>) -> Self {
        self.insert(route.into(), Access::Public)
    }

    /// Allows requests without credentials to a route. If a request has a token, it must be valid, and the handler sees its
    /// claims.
    pub fn optional(self, route: impl Into<String>) -> Self {
        self.insert(route.into(), Access::Optional)
    }

    /// Requires a token that meets `requirement` for a route. To accept any valid token, pass `()`.
    pub fn require(self, route: impl Into<String>, requirement: impl Requirement + 'static) -> Self {
        self.insert(route.into(), Access::Requires(Arc::new(requirement)))
    }

    /// Requires a token that meets `requirement` for requests that match no route. Default: they are refused.
    ///
    /// An allowed request goes to the framework, which usually responds with 404. Requests to a service that does its own
    /// routing, for example with axum's `nest_service`, also match no route: only the prefix itself has a pattern.
    pub fn fallback(mut self, requirement: impl Requirement + 'static) -> Self {
        self.fallback = Access::Requires(Arc::new(requirement));
        self
    }

    /// Checks the table for mistakes, so that your program can stop at startup.
    ///
    /// Without this call, mistakes are logged, and affected requests are refused: a malformed entry matches no route, and a
    /// route with two entries counts as not in the table.
    ///
    /// # Errors
    ///
    /// The first mistake, if the table has any.
    pub fn checked(self) -> Result<Self, BuildError> {
        match self.mistake {
            None => Ok(self),
            Some(mistake) => Err(mistake),
        }
    }

    fn insert(mut self, route: String, access: Access) -> Self {
        let Some((method, pattern)) = parse(&route) else {
            return self.with_mistake(BuildErrorKind::Invalid, route, "is neither `/path` nor `METHOD /path`");
        };
        if pattern.split('/').any(|segment| segment.starts_with([':', '*'])) {
            let problem = "has a parameter in an older form: write it as the router does, `{name}`";
            return self.with_mistake(BuildErrorKind::Invalid, route, problem);
        }
        let methods = self.entries.entry(pattern.to_owned()).or_default();
        match methods.iter_mut().find(|(other, _)| other.as_deref() == method) {
            None => methods.push((method.map(str::to_owned), access)),
            Some((_, access)) => {
                *access = self.unlisted.clone();
                return self.with_mistake(BuildErrorKind::Duplicate, route, "is in the table twice");
            }
        }
        self
    }

    fn with_mistake(mut self, kind: BuildErrorKind, route: String, problem: &'static str) -> Self {
        let mistake = BuildError::new(kind, "routes").at(route).because(problem);
        tracing::error!(error = %mistake, "mistake in the routes table");
        self.mistake.get_or_insert(mistake);
        self
    }

    /// Returns the access level of the route, or of each route that the request may match.
    pub(crate) fn access(&self, request: &dyn RequestView) -> Access {
        let mut access: Option<Access> = None;
        request.route(&mut |pattern| {
            let found = pattern.map_or(&self.fallback, |pattern| self.access_to(request.method(), pattern));
            access = Some(match access.take() {
                None => found.clone(),
                Some(other) => other.and(found),
            });
        });
        access.unwrap_or_else(|| self.fallback.clone())
    }

    fn access_to(&self, method: &str, pattern: &str) -> &Access {
        self.entry(method, pattern).unwrap_or_else(|| {
            self.log_once(pattern);
            &self.unlisted
        })
    }

    /// Returns the entry for requests with this method to this route.
    pub(super) fn entry(&self, method: &str, pattern: &str) -> Option<&Access> {
        let methods = self.entries.get(pattern)?;
        let entry = |wanted: Option<&str>| {
            let entry = methods.iter().find(|(method, _)| method.as_deref() == wanted);
            entry.map(|(_, access)| access)
        };
        // RFC 9110 section 9.3.2: `HEAD` is `GET` without the content.
        let head = || if method == "HEAD" { entry(Some("GET")) } else { None };
        entry(Some(method)).or_else(head).or_else(|| entry(None))
    }

    /// Returns all entries, sorted by pattern and method.
    pub(super) fn listed(&self) -> Vec<(Option<&str>, &str, &Access)> {
        let mut listed: Vec<_> = self
            .entries
            .iter()
            .flat_map(|(pattern, methods)| {
                methods.iter().map(|(method, access)| (method.as_deref(), &**pattern, access))
            })
            .collect();
        listed.sort_by_key(|(method, pattern, _)| (*pattern, *method));
        listed
    }

    /// Returns the access level of requests that match no route.
    pub(super) const fn other(&self) -> &Access {
        &self.fallback
    }

    /// Whether this is the access level of routes that are not in the table.
    pub(super) fn is_unlisted(&self, access: &Access) -> bool {
        matches!((access, &self.unlisted), (Access::Requires(one), Access::Requires(other)) if Arc::ptr_eq(one, other))
    }

    pub(super) const fn mistake(&self) -> Option<&BuildError> {
        self.mistake.as_ref()
    }

    fn log_once(&self, pattern: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        // Patterns come from the application's router, so a client cannot make this set grow without limit.
        if !logged.contains(pattern) {
            logged.insert(pattern.to_owned());
            tracing::warn!(
                route = pattern,
                "refused: the routes table has no entry for this route, or not for this method"
            );
        }
    }
}

/// Splits a route into its method, if it has one, and its pattern.
fn parse(route: &str) -> Option<(Option<&str>, &str)> {
    let (method, pattern) = match route.split_once(' ') {
        Some((method, pattern)) => (Some(method), pattern),
        None => (None, route),
    };
    let valid = method.is_none_or(|method| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()));
    (valid && pattern.starts_with('/') && !pattern.contains(' ')).then_some((method, pattern))
}

impl Access {
    /// Combines the levels of two routes that a request may match: both must allow it.
    fn and(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Public, other) => other.clone(),
            (this, Self::Public) => this,
            (Self::Optional, other) => other.clone(),
            (this, Self::Optional) => this,
            (Self::Requires(first), Self::Requires(second)) if Arc::ptr_eq(&first, second) => Self::Requires(first),
            (Self::Requires(first), Self::Requires(second)) => {
                Self::Requires(Arc::new(all((first, Arc::clone(second)))))
            }
        }
    }
}

/// The requirement of a route that isn't in the table. No token meets it.
#[derive(Debug)]
struct Unlisted;

impl Requirement for Unlisted {
    fn check(&self, _verified: &Verified) -> Result<(), Error> {
        Err(ErrorKind::UndecidedRoute.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::scopes;
    use crate::testing::BareRequest;

    fn access(routes: &Routes, method: &str, route: &str) -> &'static str {
        name(&routes.access(&BareRequest::new(method, "/x").route(route)), "{}")
    }

    fn name(access: &Access, payload: &str) -> &'static str {
        match access {
            Access::Public => "public",
            Access::Optional => "optional",
            Access::Requires(requirement) => match requirement.check(&Verified::of_payload(payload)) {
                Ok(()) => "required",
                Err(error) => error.code(),
            },
        }
    }

    #[test]
    fn an_entry_with_a_method_takes_precedence_and_other_routes_are_refused() {
        let routes = Routes::new().public("/a").require("POST /a", ()).optional("GET /b/{id}").require("HEAD /c", ());
        for (method, route, expected) in [
            ("GET", "/a", "public"),
            ("DELETE", "/a", "public"),
            ("POST", "/a", "required"),
            ("post", "/a", "public"),
            ("GET", "/b/{id}", "optional"),
            ("HEAD", "/b/{id}", "optional"),
            ("POST", "/b/{id}", "undecided_route"),
            ("get", "/b/{id}", "undecided_route"),
            ("GET", "/b/1", "undecided_route"),
            ("GET", "/b/{id}/", "undecided_route"),
            ("GET", "/A", "undecided_route"),
            ("HEAD", "/c", "required"),
            ("GET", "/c", "undecided_route"),
        ] {
            assert_eq!(access(&routes, method, route), expected, "{method} {route}");
        }
    }

    #[test]
    fn a_request_that_may_match_several_routes_must_be_allowed_by_each() {
        let scoped = |scope: &str| scopes([scope]);
        let routes = Routes::new().public("/p").optional("/o").require("/a", scoped("a")).require("/b", scoped("b"));
        for (patterns, payload, expected) in [
            (["/p", "/p"], "{}", "public"),
            (["/p", "/o"], "{}", "optional"),
            (["/o", "/p"], "{}", "optional"),
            (["/p", "/a"], "{}", "insufficient_scope"),
            (["/a", "/p"], "{}", "insufficient_scope"),
            (["/a", "/o"], r#"{"scope":"a"}"#, "required"),
            (["/a", "/a"], r#"{"scope":"a"}"#, "required"),
            (["/a", "/b"], r#"{"scope":"a"}"#, "insufficient_scope"),
            (["/b", "/a"], r#"{"scope":"a"}"#, "insufficient_scope"),
            (["/a", "/b"], r#"{"scope":"a b"}"#, "required"),
            (["/p", "/unnamed"], r#"{"scope":"a b"}"#, "undecided_route"),
            (["/unnamed", "/p"], r#"{"scope":"a b"}"#, "undecided_route"),
        ] {
            let request =
                patterns.iter().fold(BareRequest::new("GET", "/"), |request, pattern| request.route(*pattern));
            assert_eq!(name(&routes.access(&request), payload), expected, "{patterns:?} {payload}");
        }
    }

    #[test]
    fn a_request_that_may_match_no_route_must_also_be_allowed_by_the_fallback() {
        struct Patterns([Option<&'static str>; 2]);

        impl RequestView for Patterns {
            fn method(&self) -> &str {
                "GET"
            }

            fn target(&self) -> &str {
                "/"
            }

            fn header<'r>(&'r self, _name: &str, _each: &mut dyn FnMut(&'r [u8])) {}

            fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
                self.0.iter().for_each(|pattern| each(*pattern));
            }
        }

        let routes = || Routes::new().public("/p").require("/a", scopes(["a"]));
        let fallback = || routes().fallback(scopes(["f"]));
        for (routes, patterns, payload, expected) in [
            (routes(), [Some("/p"), Some("/p")], "{}", "public"),
            (routes(), [None, None], "{}", "undecided_route"),
            (routes(), [Some("/p"), None], "{}", "undecided_route"),
            (routes(), [None, Some("/p")], "{}", "undecided_route"),
            (fallback(), [Some("/p"), None], "{}", "insufficient_scope"),
            (fallback(), [None, Some("/p")], r#"{"scope":"f"}"#, "required"),
            (fallback(), [Some("/a"), None], r#"{"scope":"f"}"#, "insufficient_scope"),
            (fallback(), [None, Some("/a")], r#"{"scope":"a f"}"#, "required"),
        ] {
            assert_eq!(name(&routes.access(&Patterns(patterns)), payload), expected, "{patterns:?} {payload}");
        }
    }

    #[test]
    fn a_request_that_matches_no_route_is_refused_unless_there_is_a_fallback() {
        let request = BareRequest::new("GET", "/a");
        let verified = Verified::of_payload("{}");
        for (routes, expected) in
            [(Routes::new().public("/a"), Err(ErrorKind::UndecidedRoute)), (Routes::new().fallback(()), Ok(()))]
        {
            let Access::Requires(requirement) = routes.access(&request) else { panic!("{routes:?}") };
            assert_eq!(requirement.check(&verified).map_err(|error| error.kind()), expected);
        }
    }

    #[test]
    fn a_mistake_is_reported_and_its_route_is_refused() {
        use BuildErrorKind::{Duplicate, Invalid};
        for (routes, kind, route) in [
            (Routes::new().public("health"), Invalid, "health"),
            (Routes::new().public(""), Invalid, ""),
            (Routes::new().public("get /a"), Invalid, "get /a"),
            (Routes::new().public("GET  /a"), Invalid, "GET  /a"),
            (Routes::new().public(" /a"), Invalid, " /a"),
            (Routes::new().public("GET a"), Invalid, "GET a"),
            (Routes::new().public("/a ").public("x"), Invalid, "/a "),
            (Routes::new().public("GET /b/:id"), Invalid, "GET /b/:id"),
            (Routes::new().public("/b/*rest"), Invalid, "/b/*rest"),
            (Routes::new().require("/a", ()).public("/a"), Duplicate, "/a"),
            (Routes::new().public("GET /a").public("GET /a"), Duplicate, "GET /a"),
        ] {
            assert_eq!(access(&routes, "GET", "/a"), "undecided_route", "{route:?}");
            let error = routes.checked().expect_err(route);
            assert_eq!((error.kind(), error.setting()), (kind, route));
        }
        assert!(Routes::new().public("/a").public("GET /a").require("/b", ()).checked().is_ok());
    }
}
