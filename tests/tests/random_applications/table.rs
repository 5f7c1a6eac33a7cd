use std::cell::Cell;
use std::collections::BTreeMap;

use jwt_core::authorize::Routes;

use crate::random::Random;

/// The table's decision for a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Public,
    Optional,
    Required,
    Undecided,
}

impl Access {
    pub(crate) const fn needs_token(self) -> bool {
        matches!(self, Self::Required | Self::Undecided)
    }
}

/// A table of routes, with a second implementation of its meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    access: BTreeMap<String, Access>,
    gets: BTreeMap<String, Access>,
    pub(crate) fallback: bool,
}

impl Table {
    /// Decides about patterns. Each comes with whether a guard may reject requests for it. If `complete`, a
    /// token is enough for every route.
    pub(crate) fn random(random: &mut Random, patterns: &BTreeMap<String, bool>, complete: bool) -> Self {
        use Access::{Optional, Public, Required, Undecided};
        let mut table = Self { fallback: complete || random.percent(30), ..Self::default() };
        // A route starts with `/`.
        for (pattern, guarded) in patterns.iter().filter(|(pattern, _)| pattern.starts_with('/')) {
            let mut access = random.pick(&[Public, Public, Public, Optional, Required, Undecided]);
            if *guarded && !access.needs_token() {
                access = Required;
            }
            if complete && access == Undecided {
                access = Required;
            }
            table.access.insert(pattern.clone(), access);
            if !guarded && access.needs_token() && random.percent(20) {
                table.gets.insert(pattern.clone(), Public);
            }
        }
        table
    }

    /// Returns the decision for a request. The pattern is `None` for handlers of unmatched requests.
    pub(crate) fn access(&self, method: &str, pattern: Option<&str>) -> Access {
        let Some(pattern) = pattern else {
            return if self.fallback { Access::Required } else { Access::Undecided };
        };
        let get = if matches!(method, "GET" | "HEAD") { self.gets.get(pattern) } else { None };
        get.or_else(|| self.access.get(pattern)).copied().unwrap_or(Access::Undecided)
    }

    pub(crate) fn routes(&self) -> Routes {
        fn decide(routes: Routes, route: String, access: Access) -> Routes {
            match access {
                Access::Public => routes.public(route),
                Access::Optional => routes.optional(route),
                Access::Required => routes.require(route, ()),
                Access::Undecided => routes,
            }
        }
        let mut routes = Routes::new();
        for (pattern, access) in &self.access {
            routes = decide(routes, pattern.clone(), *access);
        }
        for (pattern, access) in &self.gets {
            routes = decide(routes, format!("GET {pattern}"), *access);
        }
        let routes = if self.fallback { routes.fallback(()) } else { routes };
        routes.checked().expect("a table")
    }
}

thread_local! {
    static REACHED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Called by every handler with its own number.
pub(crate) fn reach(handler: usize) {
    REACHED.set(Some(handler));
}

/// Returns the handler that ran since the last call.
pub(crate) fn reached() -> Option<usize> {
    REACHED.take()
}

/// Writes a path in another way that some routers treat as the same path.
pub(crate) fn rewrite(random: &mut Random, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..random.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        let slash = if slashes.is_empty() { 0 } else { random.pick(&slashes) };
        match random.below(10) {
            0..=2 => path.insert(slash, '/'),
            3 | 4 => path.push('/'),
            5 if path.len() > 1 => path = path.trim_end_matches('/').to_owned(),
            6 => {
                let letters: Vec<usize> =
                    path.match_indices(|c: char| c.is_ascii_lowercase()).map(|(at, _)| at).collect();
                if !letters.is_empty() {
                    let at = random.pick(&letters);
                    path.replace_range(at..=at, &format!("%{:02x}", path.as_bytes()[at]));
                }
            }
            7 => path.insert_str(slash, random.pick(&["/.", "/..", "/%2e", "/%2f", "%2f", "/%00", "/%ff"])),
            8 => path = path.to_ascii_uppercase(),
            _ => path.push_str(random.pick(&["/a", "/b", "/7", "?/a", ";a", "/a//b"])),
        }
    }
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// Counts of the requests that reached a handler.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: usize,
    without_table: usize,
    without_token: usize,
    with_token: usize,
}

impl Tally {
    /// Sends the same request without the table, with it but without a token, and with both, and compares which
    /// handlers ran.
    pub(crate) fn count(
        &mut self,
        without_table: Option<usize>,
        without_token: Option<usize>,
        with_token: Option<usize>,
        complete: bool,
        access: impl Fn(usize) -> Access,
        say: impl Fn() -> String,
    ) {
        self.requests += 1;
        self.without_table += usize::from(without_table.is_some());
        self.without_token += usize::from(without_token.is_some());
        self.with_token += usize::from(with_token.is_some());
        if let Some(handler) = without_token {
            assert_eq!(without_token, without_table, "another handler: {}", say());
            assert!(!access(handler).needs_token(), "handler {handler} without a token: {}", say());
        }
        if let Some(handler) = with_token {
            assert_eq!(with_token, without_table, "another handler: {}", say());
            assert_ne!(access(handler), Access::Undecided, "handler {handler} without a decision: {}", say());
        }
        if complete {
            assert_eq!(with_token, without_table, "not reached with a token: {}", say());
        }
    }

    /// Asserts that enough requests reached a handler for the comparison to mean something.
    pub(crate) fn finish(self) {
        println!("{self:?}");
        assert!(self.without_token > self.requests / 20, "{self:?}");
        assert!(self.with_token > self.without_token && self.without_table > self.with_token, "{self:?}");
    }
}
