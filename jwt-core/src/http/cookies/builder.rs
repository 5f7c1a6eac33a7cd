use std::sync::Arc;

use super::SameSite;
use super::attributes::{Attributes, rejected_by_browsers};
use super::token_cookies::{Cookies, Settings};
use crate::error::{BuildError, BuildErrorKind};

/// Builds [`Cookies`]. Created by [`Cookies::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct CookiesBuilder {
    access_name: Option<String>,
    refresh_name: Option<String>,
    csrf_name: Option<String>,
    access_path: String,
    refresh_path: String,
    domain: Option<String>,
    same_site: Option<SameSite>,
    session_only: bool,
    partitioned: bool,
    keep_refused: bool,
    insecure: bool,
    earlier: Vec<Cookies>,
}

impl Cookies {
    /// Creates the default cookies, as in the table of [`Cookies`].
    #[must_use]
    pub fn new() -> Self {
        // A unit test builds them.
        Self::builder().build().expect("the defaults do not contradict each other")
    }

    /// Starts building cookies with other names or attributes.
    pub fn builder() -> CookiesBuilder {
        CookiesBuilder::new()
    }
}

impl CookiesBuilder {
    pub(super) fn new() -> Self {
        Self {
            access_name: None,
            refresh_name: None,
            csrf_name: None,
            access_path: "/".to_owned(),
            refresh_path: "/".to_owned(),
            domain: None,
            same_site: None,
            session_only: false,
            partitioned: false,
            keep_refused: false,
            insecure: false,
            earlier: Vec::new(),
        }
    }

    /// Sets the name of the access token's cookie. Default: `__Host-access`, or `__Secure-access` if there is a domain or the
    /// path isn't `/`.
    ///
    /// Use a prefix, so that attackers cannot plant a cookie: browsers accept a `__Host-` cookie only over TLS and only from the
    /// host itself, not from sibling domains. They accept a `__Secure-` cookie only over TLS.
    pub fn access_name(mut self, name: impl Into<String>) -> Self {
        self.access_name = Some(name.into());
        self
    }

    /// Sets the name of the refresh token's cookie. Default: `__Host-refresh`, or `__Secure-refresh` if there is a domain or the
    /// path isn't `/`.
    pub fn refresh_name(mut self, name: impl Into<String>) -> Self {
        self.refresh_name = Some(name.into());
        self
    }

    /// Sets the name of the cookie in which pages find the value of the claim `csrf`. Default: `__Host-csrf`, or `__Secure-csrf`
    /// if there is a domain or the path isn't `/`.
    pub fn csrf_name(mut self, name: impl Into<String>) -> Self {
        self.csrf_name = Some(name.into());
        self
    }

    /// Sets the path below which browsers send the access token and pages can read the claim `csrf`. Default: `/`.
    pub fn access_path(mut self, path: impl Into<String>) -> Self {
        self.access_path = path.into();
        self
    }

    /// Sets the path below which browsers send the refresh token. Default: `/`.
    ///
    /// With another path, the cookie cannot have the prefix `__Host-`. Then a page of a sibling domain can plant the refresh token
    /// of another user, and a visitor without a session is logged in as that user. In return, the token isn't sent to routes that
    /// don't need it. Don't set it if other people control sibling domains of your host.
    ///
    /// The path has to cover the refresh endpoint, and the logout endpoint if that takes refresh tokens. If it doesn't, the log says so
    /// at `WARN` with the first request that has no token.
    pub fn refresh_path(mut self, path: impl Into<String>) -> Self {
        self.refresh_path = path.into();
        self
    }

    /// Sends the cookies to all hosts of a domain. Default: only to the host that set them.
    ///
    /// Every one of these hosts can then use the tokens, and can plant cookies with the same names: it can log visitors in as
    /// another user. With a domain, setting a cookie also removes the one that was set without, so that no browser is left with
    /// both.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sets to which requests from other sites browsers attach the cookies. Default: [`SameSite::Lax`] for the access token, so
    /// that links from other sites work, and [`SameSite::Strict`] for the others.
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// Makes the cookies end with the browser session. Default: they end with their token.
    pub const fn session_only(mut self) -> Self {
        self.session_only = true;
        self
    }

    /// Gives the cookies the attribute `Partitioned`, so that a page which other sites embed has cookies of its own for each of
    /// them. Default: browsers that block third-party cookies don't send them from an embedded page.
    ///
    /// An embedded page also needs [`SameSite::None`]. Some browsers ignore the attribute. Setting a cookie also removes its copy
    /// without the attribute, so that no browser is left with both.
    pub const fn partitioned(mut self) -> Self {
        self.partitioned = true;
        self
    }

    /// Removes the cookies of earlier settings too, each time a cookie is set or removed. Default: only the ones without
    /// [`domain`](Self::domain) or [`partitioned`](Self::partitioned), if you have set that.
    ///
    /// A browser keeps a cookie if the next one has another name, path or domain, or isn't partitioned any more. If both are
    /// looked at, requests are answered 400 until they're removed. If only the new one is, a logout leaves the old one, and
    /// after a rollback the user is logged in again. So name the earlier settings until their refresh tokens have expired:
    ///
    /// ```
    /// use jwt_core::http::Cookies;
    ///
    /// # fn main() -> Result<(), jwt_core::BuildError> {
    /// let earlier = Cookies::builder().access_name("session").refresh_name("refresh").build()?;
    /// let cookies = Cookies::builder().replacing(&earlier).build()?;
    /// // Users who logged in before stay logged in.
    /// let access = cookies.sources().cookie("session");
    /// let refresh = cookies.refresh_sources().cookie("refresh");
    /// # Ok(()) }
    /// ```
    pub fn replacing(mut self, earlier: &Cookies) -> Self {
        self.earlier.push(earlier.clone());
        self
    }

    /// Keeps a cookie in the browser if its token was refused. Default: the response removes it.
    ///
    /// Two cookies with one name are kept too, so a browser that has both gets 400 until one of them has expired.
    pub const fn keep_refused(mut self) -> Self {
        self.keep_refused = true;
        self
    }

    /// Makes cookies that browsers accept without TLS, for development on `http://localhost`. Default: off.
    ///
    /// Try without it first: Chromium accepts `Secure` cookies on loopback hosts. Without TLS, cookies can be read and planted on
    /// the network, so they are ignored in requests for any other host. Building them logs a warning.
    pub const fn dangerous_insecure_localhost(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Builds the cookies.
    ///
    /// # Errors
    ///
    /// Returns the first setting that is illegal or contradicts another, including every one that makes browsers reject the
    /// cookie.
    pub fn build(self) -> Result<Cookies, BuildError> {
        if self.insecure && self.domain.is_some() {
            return Err(rejected_by_browsers("dangerous_insecure_localhost"));
        }
        let mut access = self.attributes(&self.access_name, "access", &self.access_path, SameSite::Lax, true);
        let mut refresh = self.attributes(&self.refresh_name, "refresh", &self.refresh_path, SameSite::Strict, true);
        let mut csrf = self.attributes(&self.csrf_name, "csrf", &self.access_path, SameSite::Strict, false);
        access.validate("access_name", "access_path")?;
        refresh.validate("refresh_name", "refresh_path")?;
        csrf.validate("csrf_name", "access_path")?;
        for (one, other, setting) in
            [(&access, &refresh, "refresh_name"), (&access, &csrf, "csrf_name"), (&refresh, &csrf, "csrf_name")]
        {
            if one.name == other.name {
                return Err(
                    BuildError::new(BuildErrorKind::Duplicate, setting).because("is also the name of another cookie")
                );
            }
        }
        access.replace(self.earlier.iter().map(|earlier| &earlier.0.access));
        refresh.replace(self.earlier.iter().map(|earlier| &earlier.0.refresh));
        csrf.replace(self.earlier.iter().map(|earlier| &earlier.0.csrf));
        if self.insecure {
            tracing::warn!("cookies without `Secure`: remove `dangerous_insecure_localhost` before you deploy");
        }
        Ok(Cookies(Arc::new(Settings {
            access,
            refresh,
            csrf,
            keep_refused: self.keep_refused,
            loopback_only: self.insecure,
        })))
    }

    fn attributes(
        &self,
        name: &Option<String>,
        default: &str,
        path: &str,
        same_site: SameSite,
        http_only: bool,
    ) -> Attributes {
        let prefix = match (self.insecure, &self.domain, path) {
            (true, ..) => "",
            (false, None, "/") => "__Host-",
            (false, ..) => "__Secure-",
        };
        Attributes {
            name: name.clone().unwrap_or_else(|| format!("{prefix}{default}")),
            path: path.to_owned(),
            domain: self.domain.clone(),
            same_site: self.same_site.unwrap_or(same_site),
            secure: !self.insecure,
            http_only,
            session_only: self.session_only,
            partitioned: self.partitioned,
            replaced: Vec::new(),
        }
    }
}
