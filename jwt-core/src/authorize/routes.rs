use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind};
use crate::http::request::RequestView;
use crate::verified::Verified;

use super::{Requirement, all};

/// What each route of an application asks for. A route that is not named here is refused.
///
/// A route is named by the pattern with which the framework matched it, character by character, for example
/// `/reports/{id}`, with the prefixes that it is nested under; never by the path of the request, which clients write in many
/// ways. A method may stand before it, and goes before the same pattern without one; `GET` stands for `HEAD` too. A resource
/// of several patterns, which actix-web has, is named by its first for all of them.
///
/// ```
/// use jwt_core::authorize::{Routes, any_role, scopes};
///
/// # fn main() -> Result<(), jwt_core::authorize::RoutesError> {
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
/// The adapters' layers take it, and look at tokens only where it says so. Whoever sends no token to a route that is not
/// named is answered 401 as elsewhere; whoever sends a good one 403 `undecided_route`, and the log names the route, once. The
/// same holds for requests that match no route, unless [`fallback`](Self::fallback) decides about them.
#[derive(Debug)]
#[must_use]
pub struct Routes {
    decided: HashMap<String, Vec<(Option<String>, Access)>>,
    fallback: Access,
    undecided: Access,
    mistake: Option<RoutesError>,
    told: Mutex<HashSet<String>>,
}

/// What a request needs.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Nothing; its credentials are not looked at.
    Public,
    /// No credentials, or good ones.
    Optional,
    /// A token that meets this.
    Requires(Arc<dyn Requirement>),
}

/// A mistake in a table of routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutesError {
    kind: RoutesErrorKind,
    route: String,
}

/// What is wrong with a route in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoutesErrorKind {
    /// It is neither a pattern that begins with `/` nor a method, a space and such a pattern.
    Illegible,
    /// It is decided twice.
    Duplicate,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// Decides about no route, so that all of them are refused.
    pub fn new() -> Self {
        let undecided = Access::Requires(Arc::new(Undecided));
        Self { decided: HashMap::new(), fallback: undecided.clone(), undecided, mistake: None, told: Mutex::default() }
    }

    /// Lets everybody use a route. Credentials are not looked at, so that bad ones do no harm, and the handler is told of
    /// none.
    pub fn public(self, route: impl Into<String>) -> Self {
        self.decide(route.into(), Access::Public)
    }

    /// Lets a route be used without credentials. Those that are there must be good, and the handler is told of them.
    pub fn optional(self, route: impl Into<String>) -> Self {
        self.decide(route.into(), Access::Optional)
    }

    /// Lets a route be used with a token that meets `requirement`, which is `()` where any good token will do.
    pub fn require(self, route: impl Into<String>, requirement: impl Requirement + 'static) -> Self {
        self.decide(route.into(), Access::Requires(Arc::new(requirement)))
    }

    /// Lets requests that match no route pass with a token that meets `requirement`, to whatever the framework does with
    /// them: usually to be answered 404. Default: they are refused.
    ///
    /// What is behind a service that routes by itself, such as those of axum's `nest_service`, has no pattern either; the
    /// prefix alone has one.
    pub fn fallback(mut self, requirement: impl Requirement + 'static) -> Self {
        self.fallback = Access::Requires(Arc::new(requirement));
        self
    }

    /// Makes sure that the table is right.
    ///
    /// Without this call mistakes are logged, and open no door: what cannot be read matches no route, and what is decided
    /// twice is undecided.
    ///
    /// # Errors
    ///
    /// The first mistake.
    pub fn checked(self) -> Result<Self, RoutesError> {
        match self.mistake {
            None => Ok(self),
            Some(mistake) => Err(mistake),
        }
    }

    fn decide(mut self, route: String, access: Access) -> Self {
        let Some((method, pattern)) = parse(&route) else {
            return self.mistaken(RoutesErrorKind::Illegible, route);
        };
        let methods = self.decided.entry(pattern.to_owned()).or_default();
        match methods.iter_mut().find(|(other, _)| other.as_deref() == method) {
            None => methods.push((method.map(str::to_owned), access)),
            Some((_, decided)) => {
                *decided = self.undecided.clone();
                return self.mistaken(RoutesErrorKind::Duplicate, route);
            }
        }
        self
    }

    fn mistaken(mut self, kind: RoutesErrorKind, route: String) -> Self {
        let mistake = RoutesError { kind, route };
        tracing::error!(error = %mistake, "mistake in a table of routes");
        self.mistake.get_or_insert(mistake);
        self
    }

    pub(crate) fn access(&self, request: &dyn RequestView) -> Access {
        let mut access: Option<Access> = None;
        request.route(&mut |pattern| {
            let found = pattern.map_or(&self.fallback, |pattern| self.find(request.method(), pattern));
            access = Some(match access.take() {
                None => found.clone(),
                Some(other) => other.and(found),
            });
        });
        access.unwrap_or_else(|| self.fallback.clone())
    }

    fn find(&self, method: &str, pattern: &str) -> &Access {
        let decided = self.decided.get(pattern).and_then(|methods| {
            let named = |wanted: Option<&str>| {
                let entry = methods.iter().find(|(method, _)| method.as_deref() == wanted);
                entry.map(|(_, access)| access)
            };
            // RFC 9110 section 9.3.2: `HEAD` is `GET` without the content.
            let head = || if method == "HEAD" { named(Some("GET")) } else { None };
            named(Some(method)).or_else(head).or_else(|| named(None))
        });
        decided.unwrap_or_else(|| {
            self.tell_once(pattern);
            &self.undecided
        })
    }

    fn tell_once(&self, pattern: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // The patterns are the application's, so that there is an end to them.
        if !told.contains(pattern) {
            told.insert(pattern.to_owned());
            tracing::warn!(route = pattern, "refused: no decision about this route, or not for this method");
        }
    }
}

/// A method, if there is one, and a pattern.
fn parse(route: &str) -> Option<(Option<&str>, &str)> {
    let (method, pattern) = match route.split_once(' ') {
        Some((method, pattern)) => (Some(method), pattern),
        None => (None, route),
    };
    let legible =
        method.is_none_or(|method| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()));
    (legible && pattern.starts_with('/') && !pattern.contains(' ')).then_some((method, pattern))
}

impl Access {
    /// Asks for what either asks for: which of them the request is for is not known yet.
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

/// What a route asks for that nobody decided about: more than any token has.
#[derive(Debug)]
struct Undecided;

impl Requirement for Undecided {
    fn check(&self, _verified: &Verified) -> Result<(), Error> {
        Err(ErrorKind::UndecidedRoute.into())
    }
}

impl RoutesError {
    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> RoutesErrorKind {
        self.kind
    }

    /// Returns the route, as it was given.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }
}

impl fmt::Display for RoutesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.kind {
            RoutesErrorKind::Illegible => "is neither `/path` nor `METHOD /path`",
            RoutesErrorKind::Duplicate => "is decided twice",
        };
        write!(f, "route `{}` {problem}", self.route)
    }
}

impl std::error::Error for RoutesError {}

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
    fn a_method_goes_before_all_of_them_and_what_is_not_named_is_undecided() {
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
    fn a_request_that_may_match_several_routes_must_be_allowed_by_all_of_them() {
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
    fn what_may_match_nothing_must_be_allowed_by_the_fallback_too() {
        struct Lent([Option<&'static str>; 2]);

        impl RequestView for Lent {
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
            assert_eq!(name(&routes.access(&Lent(patterns)), payload), expected, "{patterns:?} {payload}");
        }
    }

    #[test]
    fn what_matches_no_route_is_undecided_unless_the_fallback_decides() {
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
    fn a_mistake_is_reported_and_opens_no_door() {
        use RoutesErrorKind::{Duplicate, Illegible};
        for (routes, kind, route) in [
            (Routes::new().public("health"), Illegible, "health"),
            (Routes::new().public(""), Illegible, ""),
            (Routes::new().public("get /a"), Illegible, "get /a"),
            (Routes::new().public("GET  /a"), Illegible, "GET  /a"),
            (Routes::new().public(" /a"), Illegible, " /a"),
            (Routes::new().public("GET a"), Illegible, "GET a"),
            (Routes::new().public("/a ").public("x"), Illegible, "/a "),
            (Routes::new().require("/a", ()).public("/a"), Duplicate, "/a"),
            (Routes::new().public("GET /a").public("GET /a"), Duplicate, "GET /a"),
        ] {
            assert_eq!(access(&routes, "GET", "/a"), "undecided_route", "{route:?}");
            let error = routes.checked().expect_err(route);
            assert_eq!((error.kind(), error.route()), (kind, route));
        }
        assert!(Routes::new().public("/a").public("GET /a").require("/b", ()).checked().is_ok());
    }
}
