use std::collections::BTreeSet;
use std::fmt;

use super::Routes;
use super::routes::Access;

impl Routes {
    /// Returns the scopes that the requirements of the table name, sorted, each once.
    ///
    /// Pass them to [`ResourceMetadata::scopes`](crate::gate::ProtectedResource::scopes), so that clients find them in the
    /// metadata of your API (RFC 9728). They are those of [`Requirement::scope`](super::Requirement::scope).
    ///
    /// ```
    /// use jwt_core::authorize::{Routes, any_scope, scopes};
    ///
    /// let routes = Routes::new()
    ///     .require("GET /reports", any_scope(["reports:read", "reports:write"]))
    ///     .require("POST /reports", scopes(["reports:write"]));
    /// assert_eq!(routes.scopes(), ["reports:read", "reports:write"]);
    /// ```
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        for (_, _, access) in self.listed() {
            if let Access::Requires(requirement) = access {
                let scopes = requirement.scope().unwrap_or_default();
                names.extend(scopes.split(' ').filter(|name| !name.is_empty()).map(str::to_owned));
            }
        }
        names.into_iter().collect()
    }
}

/// A report of all routes with their access levels, one a line, sorted: for a review, or for a test that compares it with a
/// file, so that no change goes unseen.
///
/// The text is for people, and may change between versions.
///
/// ```
/// use jwt_core::authorize::{Routes, scopes};
///
/// let routes = Routes::new().public("/health").require("/me", ()).require("PUT /articles/{id}", scopes(["articles:write"]));
/// let report = "\
/// PUT /articles/{id}  requires scopes([\"articles:write\"])
/// /health             public
/// /me                 requires a valid token
/// any other           refused
/// ";
/// assert_eq!(routes.to_string(), report);
/// ```
impl fmt::Display for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(String, String)> = Vec::new();
        for (method, pattern, access) in self.listed() {
            let route = method.map_or_else(|| pattern.to_owned(), |method| format!("{method} {pattern}"));
            lines.push((route, self.describe(access)));
        }
        lines.push(("any other".to_owned(), self.describe(self.other())));
        let width = lines.iter().map(|(route, _)| route.chars().count()).max().unwrap_or_default();
        lines.iter().try_for_each(|(route, access)| writeln!(f, "{route:width$}  {access}"))
    }
}

impl Routes {
    fn describe(&self, access: &Access) -> String {
        match access {
            Access::Public => "public".to_owned(),
            Access::Optional => "token optional".to_owned(),
            Access::Requires(_) if self.is_unlisted(access) => "refused".to_owned(),
            Access::Requires(requirement) => match format!("{requirement:?}").as_str() {
                "()" => "requires a valid token".to_owned(),
                words => format!("requires {words}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::authorize::{
        acr, acted_by, all, any, any_role, any_scope, authorization_detail, check, check_async, claim, fresh,
        max_auth_age, named, no_delegation, not, of_issuer, roles, scopes,
    };

    #[test]
    fn a_report_shows_each_requirement_in_the_words_that_make_it_and_no_expected_value() {
        let routes = Routes::new()
            .require("/01", all((scopes(["a", "b"]), any_scope(["c"]))))
            .require("/02", any((roles("/roles", ["x"]), any_role("/roles", ["y"]))))
            .require("/03", claim("/email").equals("ada@example.com"))
            .require("/04", acr(["phr"]).max_auth_age(Duration::from_secs(300)))
            .require("/05", all((fresh(), max_auth_age(Duration::from_secs(60)))))
            .require("/06", named("audit", not(of_issuer("https://id.example", ()))))
            .require("/07", check("weekday", |_| true))
            .require("/08", check_async("member", |_| async { Ok(true) }))
            .require("/09", all((acted_by(["desk"]), authorization_detail("payment", |_| true))))
            .require("/10", no_delegation());
        let expected = r#"/01        requires all([scopes(["a", "b"]), any_scope(["c"])])
/02        requires any([roles("/roles", ["x"]), any_role("/roles", ["y"])])
/03        requires claim("/email")
/04        requires acr(["phr"]).max_auth_age(300s)
/05        requires all([fresh(), max_auth_age(60s)])
/06        requires named("audit", not(of_issuer("https://id.example", ())))
/07        requires check("weekday")
/08        requires check_async("member")
/09        requires all([acted_by(["desk"]), authorization_detail("payment")])
/10        requires no_delegation()
any other  refused
"#;
        assert_eq!(routes.to_string(), expected);
    }

    #[test]
    fn a_report_shows_the_effect_of_mistakes_and_of_the_fallback() {
        let routes = Routes::new()
            .public("/a")
            .public("/a")
            .optional("GET /b")
            .require("/b", ())
            .public("no path")
            .fallback(scopes(["f"]));
        let expected = "/a         refused\n/b         requires a valid token\nGET /b     token optional\n\
                        any other  requires scopes([\"f\"])\n";
        assert_eq!(routes.to_string(), expected);
    }

    #[test]
    fn scopes_are_those_that_the_challenges_name() {
        let routes = Routes::new()
            .public("/public")
            .require("/one", all((scopes(["b", "a"]), roles("/roles", ["admin"]))))
            .require("GET /two", scopes(["b"]))
            .require("/three", any((scopes(["hidden"]), roles("/roles", ["admin"]))))
            .require("/four", scopes::<&str>([]));
        assert_eq!(routes.scopes(), ["a", "b"]);
        assert_eq!(Routes::new().scopes(), Vec::<String>::new());
    }
}
