//! Where tokens are, and the check of those in cookies.

use std::collections::HashSet;

use crate::error::{BuildError, BuildErrorKind};
use crate::http::csrf::Csrf;
use crate::http::token::{TokenSources, is_name};

use super::fields::{CsrfConfig, SourcesConfig, StringList};
use super::names::{Names, conflict, refused};

impl SourcesConfig {
    pub(super) fn token_sources(&self, names: &Names) -> Result<TokenSources, BuildError> {
        let authorization = self.authorization.unwrap_or(true);
        let mut sources = if authorization { TokenSources::new() } else { TokenSources::none() };
        type Add = fn(TokenSources, String) -> TokenSources;
        let places: [(&str, &Option<StringList>, Add); 4] = [
            ("sources.cookies", &self.cookies, TokenSources::cookie),
            ("sources.queries", &self.queries, TokenSources::query),
            ("sources.headers", &self.headers, TokenSources::header),
            ("sources.bearer_headers", &self.bearer_headers, TokenSources::bearer_header),
        ];
        let mut headers_so_far = HashSet::new();
        for (field, texts, add) in places {
            let headers = matches!(field, "sources.headers" | "sources.bearer_headers");
            let texts = texts.as_ref().map_or(&[][..], |texts| &texts.0);
            let mut earlier = HashSet::with_capacity(texts.len());
            for name in texts {
                let refuse = |kind, problem: &'static str| Err(refused(kind, names.verifier(field), problem));
                if name.is_empty() {
                    return refuse(BuildErrorKind::Invalid, "contains an empty name");
                }
                // Query parameters may have any name.
                if field != "sources.queries" && !is_name(name) {
                    return refuse(
                        BuildErrorKind::Invalid,
                        "contains a name with characters that no header or cookie has in its name; commas separate several names",
                    );
                }
                // A place that is searched twice would find one token twice, and two tokens are refused.
                if !earlier.insert(if headers { name.to_ascii_lowercase() } else { name.clone() }) {
                    return refuse(BuildErrorKind::Contradiction, "contains a name twice");
                }
                if headers && !headers_so_far.insert(name.to_ascii_lowercase()) {
                    return Err(conflict(names.verifier(field), &names.verifier("sources.headers")));
                }
                if headers && authorization && name.eq_ignore_ascii_case("authorization") {
                    return Err(conflict(names.verifier(field), &names.verifier("sources.authorization")));
                }
                sources = add(sources, name.clone());
            }
        }
        if self.websocket_protocol {
            sources = sources.websocket_protocol();
        }
        if self.dangerous_first_source_wins {
            sources = sources.dangerous_first_source_wins();
        }
        match (&self.csrf, self.dangerous_without_csrf_protection) {
            (Some(_), true) => {
                let path = names.verifier("sources.dangerous_without_csrf_protection");
                return Err(conflict(path, &names.verifier("sources.csrf")));
            }
            (Some(csrf), false) => sources = sources.csrf(csrf.check(names)?),
            (None, true) => sources = sources.dangerous_without_csrf_protection(),
            (None, false) => {}
        }
        if sources.is_empty() {
            let path = names.verifier("sources.authorization");
            return Err(refused(
                BuildErrorKind::Invalid,
                path,
                "leaves no place for a token: set it to true, or name a cookie, query or header",
            ));
        }
        Ok(sources)
    }
}

impl CsrfConfig {
    fn check(&self, names: &Names) -> Result<Csrf, BuildError> {
        let mut csrf = Csrf::new();
        for origin in self.allow_origin.iter().flat_map(|origins| &origins.0) {
            csrf = csrf.allow_origin(origin.as_str());
        }
        if let Some(name) = &self.header {
            csrf = csrf.header(name.as_str());
        }
        if let Some(name) = &self.form_field {
            csrf = csrf.form_field(name.as_str());
        }
        let methods = |methods: &StringList| methods.0.clone();
        csrf = match (&self.safe_methods, &self.dangerous_safe_methods) {
            (Some(_), Some(_)) => {
                let path = names.verifier("sources.csrf.dangerous_safe_methods");
                return Err(conflict(path, &names.verifier("sources.csrf.safe_methods")));
            }
            (Some(safe), None) => csrf.safe_methods(methods(safe)),
            (None, Some(safe)) => csrf.dangerous_safe_methods(methods(safe)),
            (None, None) => csrf,
        };
        let csrf = if self.require_claim { csrf.require_claim() } else { csrf };
        match csrf.problem() {
            None => Ok(csrf),
            Some(setting) => {
                let problem = match setting {
                    "allow_origin" => {
                        "must be origins as browsers write them, such as \"https://app.example\" without a slash at its end, or \
                         \"https://*.shop.example\" for one label of any name"
                    }
                    "form_field" => "is empty: name the field or remove it",
                    "safe_methods" => "may only be GET, HEAD, OPTIONS and TRACE: others need dangerous_safe_methods",
                    _ => "is no name of a header",
                };
                Err(refused(BuildErrorKind::Invalid, names.verifier(&format!("sources.csrf.{setting}")), problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::plain;
    use super::super::verifier::tests::builder;

    const ISSUER: &str =
        "[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\nsecret_env = 'SECRET'\nalgorithm = 'HS256'\n";

    #[test]
    fn an_error_of_the_csrf_check_names_its_path() {
        for (lines, message) in [
            ("csrf.allow_origin = 'https://app.example/'", "sources.csrf.allow_origin must be origins"),
            ("csrf.allow_origin = 'https://*.example'", "sources.csrf.allow_origin must be origins"),
            ("csrf.form_field = ''", "sources.csrf.form_field is empty"),
            ("csrf.header = 'a b'", "sources.csrf.header is no name"),
            ("csrf.safe_methods = ['GET', 'POST']", "sources.csrf.safe_methods may only be GET"),
            (
                "csrf.safe_methods = 'GET'\ncsrf.dangerous_safe_methods = 'POST'",
                "sources.csrf.dangerous_safe_methods conflicts with sources.csrf.safe_methods",
            ),
            (
                "dangerous_without_csrf_protection = true\ncsrf.require_claim = true",
                "sources.dangerous_without_csrf_protection conflicts with sources.csrf",
            ),
        ] {
            let error = builder(&format!("[sources]\ncookies = 't'\n{lines}\n{ISSUER}")).err();
            let error = plain(&error.unwrap_or_else(|| panic!("accepted: {lines}")));
            assert!(error.starts_with(message), "{error}");
        }
    }
}
