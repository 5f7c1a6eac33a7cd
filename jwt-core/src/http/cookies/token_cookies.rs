use std::sync::Arc;
use std::time::Duration;

use super::SetCookies;
use super::attributes::Attributes;
use crate::error::BuildError;
use crate::http::token::TokenSources;

/// The names and attributes of the cookies that contain an application's tokens.
///
/// | cookie | default | sent | readable by scripts |
/// | --- | --- | --- | --- |
/// | access token | `__Host-access; Path=/; SameSite=Lax; Secure; HttpOnly` | everywhere | no |
/// | refresh token | `__Host-refresh; Path=/; SameSite=Strict; Secure; HttpOnly` | everywhere, but only from pages of the same site | no |
/// | claim `csrf` | `__Host-csrf; Path=/; SameSite=Strict; Secure` | everywhere, but ignored by the server | yes |
///
/// Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::http::Cookies;
///
/// # fn main() -> Result<(), jwt_core::BuildError> {
/// let cookies = Cookies::new();
/// let login = cookies.set_access("a.b.c", Duration::from_secs(900))?;
/// assert_eq!(
///     login.values().next(),
///     Some("__Host-access=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=900"),
/// );
/// let logout = cookies.clear();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cookies(pub(super) Arc<Settings>);

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) access: Attributes,
    pub(super) refresh: Attributes,
    pub(super) csrf: Attributes,
    pub(super) keep_refused: bool,
    /// Whether the cookies are only for development on this machine.
    pub(super) loopback_only: bool,
}

impl Default for Cookies {
    fn default() -> Self {
        Self::new()
    }
}

impl Cookies {
    /// Returns the sources for access tokens: `Authorization: Bearer` and the access token's cookie, with the default
    /// [CSRF check](crate::http::Csrf).
    ///
    /// If the token from the cookie is refused, the response removes the cookie, because the browser would send it again with
    /// every request. [`CookiesBuilder::keep_refused`](super::CookiesBuilder::keep_refused) turns that off. Other rejections, such as a missing scope, a login
    /// that isn't strong enough or an outage, keep the cookie.
    #[must_use]
    pub fn sources(&self) -> TokenSources {
        self.with_cookie(TokenSources::new(), &self.0.access)
    }

    /// Returns the source for refresh tokens: only the refresh token's cookie, with the default [CSRF
    /// check](crate::http::Csrf).
    ///
    /// `Authorization` isn't included, because pages may send the access token there together with the cookie, and a request
    /// with two tokens is rejected. If clients without cookies also refresh here, add the header:
    ///
    /// ```
    /// use jwt_core::http::Cookies;
    ///
    /// let sources = Cookies::new().refresh_sources().authorization();
    /// ```
    #[must_use]
    pub fn refresh_sources(&self) -> TokenSources {
        self.with_cookie(TokenSources::none(), &self.0.refresh)
    }

    fn with_cookie(&self, sources: TokenSources, cookie: &Attributes) -> TokenSources {
        let removal = (!self.0.keep_refused).then(|| cookie.removal());
        sources.cookie_with_removal(&cookie.name, removal, self.0.loopback_only)
    }

    /// Sets the access token, which is valid for `life` from now on.
    ///
    /// # Errors
    ///
    /// Returns an error if the token is empty, is too large for a cookie, or has characters that no token has.
    pub fn set_access(&self, token: &str, life: Duration) -> Result<SetCookies, BuildError> {
        self.0.access.set(token, life, "set_access")
    }

    /// Sets the refresh token, which is valid for `life` from now on.
    ///
    /// # Errors
    ///
    /// The same as [`set_access`](Self::set_access).
    pub fn set_refresh(&self, token: &str, life: Duration) -> Result<SetCookies, BuildError> {
        self.0.refresh.set(token, life, "set_refresh")
    }

    /// Sets the value of the access token's claim `csrf`, so that scripts can read it and send it in the header
    /// `X-CSRF-Token`.
    ///
    /// # Errors
    ///
    /// The same as [`set_access`](Self::set_access).
    pub fn set_csrf(&self, value: &str, life: Duration) -> Result<SetCookies, BuildError> {
        self.0.csrf.set(value, life, "set_csrf")
    }

    /// Removes all cookies.
    pub fn clear(&self) -> SetCookies {
        SetCookies::all([&self.0.access, &self.0.refresh, &self.0.csrf].into_iter().flat_map(Attributes::removals))
    }

    /// Removes all cookies if their session is over, unless `keep_refused` is set.
    #[cfg(feature = "issue")]
    pub(crate) fn clear_refused(&self) -> SetCookies {
        if self.0.keep_refused { SetCookies::default() } else { self.clear() }
    }

    /// Returns the name and the attributes of the access token's cookie.
    #[cfg(feature = "issue")]
    pub(crate) fn access_credential(&self) -> (&str, String) {
        (&self.0.access.name, self.0.access.attributes())
    }

    /// Returns the name and the path of the refresh token's cookie.
    #[cfg(feature = "issue")]
    pub(crate) fn refresh_place(&self) -> (&str, &str) {
        (&self.0.refresh.name, &self.0.refresh.path)
    }

    /// Returns whether browsers send the refresh token's cookie to this path.
    #[cfg(feature = "issue")]
    pub(crate) fn is_refresh_sent_to(&self, path: &str) -> bool {
        self.0.refresh.is_sent_to(path)
    }

    /// Returns whether a `Set-Cookie` value sets or removes the access token's cookie.
    #[cfg(feature = "issue")]
    pub(crate) fn is_access(&self, set_cookie: &[u8]) -> bool {
        let name = set_cookie.split(|&byte| byte == b'=').next().unwrap_or_default();
        name.trim_ascii() == self.0.access.name.as_bytes()
    }

    /// Removes the access token.
    pub fn clear_access(&self) -> SetCookies {
        SetCookies::all(self.0.access.removals())
    }

    /// Removes the refresh token.
    pub fn clear_refresh(&self) -> SetCookies {
        SetCookies::all(self.0.refresh.removals())
    }

    /// Removes the value of the claim `csrf`.
    pub fn clear_csrf(&self) -> SetCookies {
        SetCookies::all(self.0.csrf.removals())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::BuildErrorKind::{Contradiction, Duplicate, Empty, IllegalCharacters, TooLarge};
    use crate::error::ErrorKind;
    use crate::http::cookies::SameSite;
    use crate::testing::BareRequest;

    const LIFE: Duration = Duration::from_secs(900);

    fn all(cookies: &Cookies) -> Vec<String> {
        let access = cookies.set_access("a.b.c", LIFE).expect("legal");
        let refresh = cookies.set_refresh("d.e.f", LIFE).expect("legal");
        let csrf = cookies.set_csrf("g", LIFE).expect("legal");
        let all = access.and(refresh).and(csrf);
        all.values().filter(|value| !value.contains("=; ")).map(str::to_owned).collect()
    }

    #[test]
    fn the_documented_defaults_are_correct() {
        assert_eq!(
            all(&Cookies::new()),
            [
                "__Host-access=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=900",
                "__Host-refresh=d.e.f; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900",
                "__Host-csrf=g; SameSite=Strict; Secure; Path=/; Max-Age=900",
            ]
        );
    }

    #[test]
    fn every_setting_appears_in_the_set_cookie_values() {
        let cookies = Cookies::builder()
            .domain("example.com")
            .access_path("/api")
            .refresh_path("/api/auth")
            .same_site(SameSite::None)
            .partitioned()
            .session_only();
        assert_eq!(
            all(&cookies.clone().build().expect("legal")),
            [
                "__Secure-access=a.b.c; HttpOnly; SameSite=None; Partitioned; Secure; Path=/api; Domain=example.com",
                "__Secure-refresh=d.e.f; HttpOnly; SameSite=None; Partitioned; Secure; Path=/api/auth; Domain=example.com",
                "__Secure-csrf=g; SameSite=None; Partitioned; Secure; Path=/api; Domain=example.com",
            ]
        );
        let named = cookies.access_name("a").refresh_name("b").csrf_name("c").build().expect("legal");
        assert!(
            all(&named)[0].starts_with("a=") && all(&named)[1].starts_with("b=") && all(&named)[2].starts_with("c=")
        );
        let local = Cookies::builder().dangerous_insecure_localhost().build().expect("legal");
        assert_eq!(all(&local)[0], "access=a.b.c; HttpOnly; SameSite=Lax; Path=/; Max-Age=900");
    }

    /// Returns the parts that browsers compare: the name, and every attribute except the cookie's end.
    fn identity(set_cookie: &str) -> (&str, Vec<&str>) {
        let mut parts = set_cookie.split("; ");
        let name = parts.next().and_then(|pair| pair.split_once('=')).map_or("", |(name, _)| name);
        (name, parts.filter(|part| !part.starts_with("Max-Age") && !part.starts_with("Expires")).collect())
    }

    #[test]
    fn a_cookie_is_removed_with_the_attributes_it_was_set_with() {
        for builder in [
            Cookies::builder(),
            Cookies::builder().domain("example.com").access_path("/a").same_site(SameSite::None).session_only(),
            Cookies::builder().dangerous_insecure_localhost(),
        ] {
            let cookies = builder.build().expect("legal");
            let (set, cleared) = (all(&cookies), cookies.clear());
            let each = cookies.clear_access().and(cookies.clear_refresh()).and(cookies.clear_csrf());
            assert_eq!(each.values().collect::<Vec<_>>(), cleared.values().collect::<Vec<_>>());
            for set in &set {
                assert!(cleared.values().any(|cleared| identity(set) == identity(cleared)), "{set}");
            }
            for cleared in cleared.values() {
                assert!(cleared.contains("=; "), "{cleared}");
                assert!(cleared.ends_with("; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "{cleared}");
            }
        }
    }

    #[test]
    #[cfg(feature = "issue")]
    fn a_cookie_is_sent_to_its_path_and_the_ones_below() {
        for (path, request, expected) in [
            ("/", "/auth/refresh", true),
            ("/auth", "/auth", true),
            ("/auth", "/auth/refresh", true),
            ("/auth/", "/auth/refresh", true),
            ("/auth/", "/auth", false),
            ("/auth", "/authentic", false),
            ("/auth/refresh", "/auth", false),
            ("/refresh", "/auth/refresh", false),
            ("/Auth", "/auth", false),
        ] {
            let cookies = Cookies::builder().refresh_name("r").refresh_path(path).build().expect("cookies");
            assert_eq!(cookies.is_refresh_sent_to(request), expected, "{path} {request}");
        }
    }

    #[test]
    fn a_cookie_that_gets_a_domain_replaces_the_one_without() {
        let before = Cookies::builder().access_name("session").build().expect("legal");
        let after = Cookies::builder().access_name("session").domain("example.com").build().expect("legal");
        let values = |set: SetCookies| set.values().map(str::to_owned).collect::<Vec<_>>();
        let set = values(after.set_access("a.b.c", LIFE).expect("legal"));
        assert_eq!(set[..1], values(before.clear_access()));
        assert_eq!(set[1], "session=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=900");
        assert_eq!(values(before.set_access("a.b.c", LIFE).expect("legal")).len(), 1);
        assert_eq!(values(after.clear_access())[1..], values(before.clear_access()), "a logout removes it too");
        // By default, the names differ as well.
        let after = Cookies::builder().domain("example.com").build().expect("legal");
        assert_ne!(identity(&all(&Cookies::new())[1]).0, identity(&all(&after)[1]).0);
    }

    #[test]
    fn a_cookie_that_becomes_partitioned_replaces_the_one_that_was_not() {
        let [before, after] = [Cookies::builder(), Cookies::builder().partitioned()];
        let values = |set: SetCookies| set.values().map(str::to_owned).collect::<Vec<_>>();
        let before = before.build().expect("legal");
        let set = values(after.build().expect("legal").set_refresh("a.b.c", LIFE).expect("legal"));
        assert_eq!(set[..1], values(before.clear_refresh()));
        assert!(set[1].starts_with("__Host-refresh=a.b.c; ") && set[1].contains("; Partitioned; "), "{set:?}");
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn cookies_of_earlier_settings_are_removed_by_each_cookie_that_replaces_them() {
        let first = Cookies::builder().refresh_name("refresh").refresh_path("/auth").build().expect("legal");
        let second = Cookies::builder().domain("shop.example").replacing(&first).build().expect("legal");
        let third = Cookies::builder().replacing(&second).build().expect("legal");
        let values = |set: SetCookies| set.values().map(str::to_owned).collect::<Vec<_>>();
        let names = |set: SetCookies| {
            set.values()
                .map(|value| value.split("; HttpOnly").next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        let earlier = values(second.clear_refresh());
        assert_eq!(earlier[2..], values(first.clear_refresh()), "also the ones before");
        assert_eq!(values(third.clear_refresh())[1..], earlier);
        let set = third.set_refresh("a.b.c", LIFE).expect("legal");
        assert_eq!(names(set), ["__Secure-refresh=", "__Secure-refresh=", "refresh=", "__Host-refresh=a.b.c"]);
        // The second copy without a domain is the same cookie.
        let before = Cookies::builder().refresh_name("r").build().expect("legal");
        let after =
            Cookies::builder().refresh_name("r").domain("shop.example").replacing(&before).build().expect("legal");
        assert_eq!(values(after.clear_refresh())[1..], values(before.clear_refresh()));
        let renewed = Cookies::builder().session_only().replacing(&Cookies::new()).build().expect("legal");
        assert_eq!(
            names(renewed.set_refresh("a.b.c", LIFE).expect("legal")),
            ["__Host-refresh=a.b.c"],
            "the same cookie"
        );
        // The token's cookie is refused: the same ones are removed.
        let request = BareRequest::new("GET", "/").header("cookie", "__Host-refresh=a.b.c");
        let removal = third.refresh_sources().find_token(&request).expect("a token").removal.expect("known attributes");
        assert_eq!(*removal, values(third.clear_refresh()));
    }

    #[test]
    fn what_browsers_would_refuse_cannot_be_built() {
        let new = Cookies::builder;
        for (builder, expected) in [
            (new().access_name("__Host-a"), None),
            (new().access_name("__Host-a").domain("a.example"), Some((Contradiction, "access_name"))),
            (new().access_name("__host-a").access_path("/x"), Some((Contradiction, "access_name"))),
            (new().refresh_name("__Host-r"), None),
            (new().refresh_name("__Host-r").refresh_path("/auth"), Some((Contradiction, "refresh_name"))),
            (new().partitioned().same_site(SameSite::None), None),
            (new().dangerous_insecure_localhost().partitioned(), Some((Contradiction, "partitioned"))),
            (new().dangerous_insecure_localhost().csrf_name("__Secure-c"), Some((Contradiction, "csrf_name"))),
            (new().dangerous_insecure_localhost().access_name("__HOST-c"), Some((Contradiction, "access_name"))),
            (new().dangerous_insecure_localhost().same_site(SameSite::None), Some((Contradiction, "same_site"))),
            (
                new().dangerous_insecure_localhost().domain("localhost"),
                Some((Contradiction, "dangerous_insecure_localhost")),
            ),
            (new().access_name("x").refresh_name("x"), Some((Duplicate, "refresh_name"))),
            (new().refresh_name("x").csrf_name("x"), Some((Duplicate, "csrf_name"))),
            (new().access_name("x").csrf_name("x"), Some((Duplicate, "csrf_name"))),
            (new().access_name(""), Some((Empty, "access_name"))),
            (new().access_name("a;b"), Some((IllegalCharacters, "access_name"))),
            (new().refresh_path("auth"), Some((IllegalCharacters, "refresh_path"))),
            (new().refresh_path(""), Some((IllegalCharacters, "refresh_path"))),
            (new().access_path("/a; Domain=x"), Some((IllegalCharacters, "access_path"))),
            (new().domain(""), Some((Empty, "domain"))),
            (new().domain(".a.example"), Some((IllegalCharacters, "domain"))),
            (new().domain("a.example; x"), Some((IllegalCharacters, "domain"))),
        ] {
            let text = format!("{builder:?}");
            let error = builder.build().err();
            assert_eq!(error.as_ref().map(|error| (error.kind(), error.setting())), expected, "{text}");
        }
    }

    #[test]
    fn a_malformed_or_too_large_value_is_refused() {
        let cookies = Cookies::new();
        let error = |value: &str| cookies.set_access(value, LIFE).err().map(|error| error.kind());
        assert_eq!(error(""), Some(Empty));
        for value in ["a b", "a;b", "a,b", "a\"b", "a\\b", "a\r\nb", "é"] {
            assert_eq!(error(value), Some(IllegalCharacters), "{value:?}");
        }
        let longest = 4096 - "__Host-access".len();
        assert_eq!(error(&"a".repeat(longest)), None);
        assert_eq!(error(&"a".repeat(longest + 1)), Some(TooLarge));
        let shown = format!("{:?}", cookies.set_access("a.b.c", LIFE));
        assert!(shown.contains("__Host-access") && !shown.contains("a.b.c"), "{shown}");
    }

    #[test]
    fn a_token_is_found_where_it_was_set() {
        let cookies = Cookies::new();
        let request = BareRequest::new("GET", "/").header("cookie", "__Host-access=a.b.c; __Host-refresh=d.e.f");
        let found = |sources: &TokenSources| {
            let token = sources.find_token(&request).map_err(|refused| refused.kind)?;
            Ok::<_, ErrorKind>((token.text()?.to_owned(), token.removal.as_deref().map(<[_]>::to_vec)))
        };
        let removal = |set: SetCookies| Some(set.values().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found(&cookies.sources()), Ok(("a.b.c".to_owned(), removal(cookies.clear_access()))));
        assert_eq!(found(&cookies.refresh_sources()), Ok(("d.e.f".to_owned(), removal(cookies.clear_refresh()))));
        let kept = Cookies::builder().keep_refused().build().expect("legal");
        assert_eq!(found(&kept.sources()), Ok(("a.b.c".to_owned(), None)));
    }

    #[test]
    fn a_refresh_token_is_found_in_the_header_only_if_it_is_added() {
        let cookies = Cookies::new();
        let header = || BareRequest::new("GET", "/").header("authorization", "Bearer a.b.c");
        let both = || header().header("cookie", "__Host-refresh=d.e.f");
        let found = |sources: TokenSources, request: BareRequest| {
            let token = sources.find_token(&request).map_err(|refused| refused.kind)?;
            Ok::<_, ErrorKind>(token.text()?.to_owned())
        };
        assert_eq!(found(cookies.refresh_sources(), header()), Err(ErrorKind::NoCredentials));
        assert_eq!(found(cookies.refresh_sources(), both()), Ok("d.e.f".to_owned()));
        assert_eq!(found(cookies.refresh_sources().authorization(), header()), Ok("a.b.c".to_owned()));
        assert_eq!(found(cookies.refresh_sources().authorization(), both()), Err(ErrorKind::MultipleCredentials));
    }

    #[test]
    fn a_cookie_error_becomes_an_error_without_the_value() {
        let error = Cookies::new().set_access("s3cret;", LIFE).expect_err("an illegal character");
        let error = crate::Error::from(error);
        assert_eq!(error.code(), "issuing_failed");
        assert_eq!(error.to_string(), "token cannot be issued: `set_access` contains characters that aren't allowed");
    }

    #[test]
    fn two_cookies_of_one_name_are_both_removed() {
        let removals = |cookies: &Cookies, name: &str| {
            let request = BareRequest::new("GET", "/").header("host", "app.shop.example:8443");
            let request = request.header("cookie", format!("{name}=a; {name}=b"));
            let refused = cookies.sources().find_token(&request).err().expect("two tokens");
            assert_eq!(refused.kind, ErrorKind::MultipleCredentials);
            refused.removals
        };
        const REST: &str = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let own = format!("__Host-access=; HttpOnly; SameSite=Lax; Secure; Path=/; {REST}");
        let copies = ["", "; Partitioned"]
            .map(|partitioned| format!("__Host-access=; Path=/; SameSite=Lax; Secure{partitioned}; Max-Age=0"));
        assert_eq!(removals(&Cookies::new(), "__Host-access"), [&[own][..], &copies].concat());
        let cookies = Cookies::builder().access_name("session").access_path("/api").domain("shop.example");
        let cookies = cookies.build().expect("legal");
        let own = format!("session=; HttpOnly; SameSite=Lax; Secure; Path=/api; Domain=shop.example; {REST}");
        let copies = ["", "; Partitioned"].into_iter().flat_map(|partitioned| {
            ["/", "/api"].into_iter().flat_map(move |path| {
                let value = format!("session=; Path={path}; SameSite=Lax; Secure{partitioned}; Max-Age=0");
                ["", "; Domain=app.shop.example", "; Domain=shop.example"].map(|domain| format!("{value}{domain}"))
            })
        });
        let without_domain = own.replace("; Domain=shop.example", "");
        let expected = [own, without_domain].into_iter().chain(copies);
        assert_eq!(removals(&cookies, "session"), expected.collect::<Vec<_>>());
        let kept = Cookies::builder().keep_refused().build().expect("legal");
        assert!(removals(&kept, "__Host-access").is_empty());
    }

    #[test]
    fn cookies_for_development_are_ignored_beyond_loopback() {
        let sources = Cookies::builder().dangerous_insecure_localhost().build().expect("legal").sources();
        for (host, expected) in [
            ("localhost", Ok(())),
            ("localhost:8080", Ok(())),
            ("app.localhost:8080", Ok(())),
            ("127.0.0.1:8080", Ok(())),
            ("[::1]:8080", Ok(())),
            ("api.example", Err(ErrorKind::NoCredentials)),
            ("localhost.example", Err(ErrorKind::NoCredentials)),
            ("notlocalhost", Err(ErrorKind::NoCredentials)),
            ("10.0.0.1:8080", Err(ErrorKind::NoCredentials)),
            ("", Err(ErrorKind::NoCredentials)),
        ] {
            let request = BareRequest::new("GET", "/").header("host", host).header("cookie", "access=a.b.c");
            assert_eq!(sources.find_token(&request).map(|_| ()).map_err(|refused| refused.kind), expected, "{host}");
        }
    }
}
