use std::fmt::Write as _;
use std::time::Duration;

use super::SetCookies;
use crate::error::{BuildError, BuildErrorKind};
use crate::http::request::is_tchar;
use crate::http::token::Removal;

/// How many bytes name and value may have together. Browsers drop larger cookies. RFC 6265 section 6.1.
const MAX_BYTES: usize = 4096;

/// To which requests from other sites browsers attach a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SameSite {
    /// To no request from another site.
    Strict,
    /// Only if the user follows a link to the application.
    Lax,
    /// To all of them. Browsers then require the cookie to be `Secure`.
    None,
}

impl SameSite {
    const fn attribute(self) -> &'static str {
        match self {
            Self::Strict => "SameSite=Strict",
            Self::Lax => "SameSite=Lax",
            Self::None => "SameSite=None",
        }
    }
}

/// A cookie's name and attributes.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) same_site: SameSite,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    /// Whether the cookie ends with the browser session, no matter how long its token is valid.
    pub(super) session_only: bool,
    pub(super) partitioned: bool,
    /// The cookie as other settings may have set it. A browser keeps these apart and sends them too.
    pub(super) replaced: Vec<Self>,
}

impl Attributes {
    /// Returns the `Set-Cookie` values that set the cookie. `setting` is the caller's name, for errors.
    pub(super) fn set(&self, value: &str, life: Duration, setting: &'static str) -> Result<SetCookies, BuildError> {
        if value.is_empty() {
            return Err(BuildError::new(BuildErrorKind::Empty, setting));
        }
        if !value.bytes().all(is_value_byte) {
            return Err(BuildError::new(BuildErrorKind::IllegalCharacters, setting));
        }
        if self.name.len() + value.len() > MAX_BYTES {
            return Err(BuildError::new(BuildErrorKind::TooLarge, setting)
                .because("does not fit into a cookie: name and value may have 4096 bytes together"));
        }
        let mut cookie = self.line(value);
        if !self.session_only {
            // More does not fit into the integers that browsers use.
            let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
            // Writing to a `String` cannot fail.
            let _ = write!(cookie, "; Max-Age={seconds}");
        }
        Ok(SetCookies::all(self.replaced.iter().map(Self::clear).chain([cookie])))
    }

    /// Returns the `Set-Cookie` values that remove the cookie and the ones that it replaces.
    pub(super) fn removals(&self) -> impl Iterator<Item = String> {
        std::iter::once(self).chain(&self.replaced).map(Self::clear)
    }

    /// Replaces the cookie without `Domain`, the cookie without `Partitioned`, and these.
    pub(super) fn replace<'a>(&mut self, earlier: impl Iterator<Item = &'a Self>) {
        let others = [Self { domain: None, ..self.clone() }, Self { partitioned: false, ..self.clone() }];
        let earlier = earlier.flat_map(|one| std::iter::once(one).chain(&one.replaced));
        for other in others.iter().chain(earlier) {
            if !self.is_same_cookie(other) && !self.replaced.iter().any(|known| known.is_same_cookie(other)) {
                self.replaced.push(Self { replaced: Vec::new(), ..other.clone() });
            }
        }
    }

    /// Whether a browser would replace one by the other.
    fn is_same_cookie(&self, other: &Self) -> bool {
        (&self.name, &self.path, &self.domain, self.partitioned)
            == (&other.name, &other.path, &other.domain, other.partitioned)
    }

    /// Returns the `Set-Cookie` value that removes the cookie. Browsers match name, path and domain.
    fn clear(&self) -> String {
        self.line("") + "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    }

    /// Returns the attributes as `Set-Cookie` has them, without the end of the cookie's life.
    #[cfg(feature = "issue")]
    pub(super) fn attributes(&self) -> String {
        let line = self.line("");
        line.split_once("; ").map_or_else(String::new, |(_, attributes)| attributes.to_owned())
    }

    /// Returns whether browsers send the cookie to this path. RFC 6265 section 5.1.4.
    #[cfg(feature = "issue")]
    pub(super) fn is_sent_to(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&*self.path);
        rest.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
    }

    /// Returns how to remove this cookie, and others with its name.
    pub(super) fn removal(&self) -> Removal {
        let secure = if self.secure { "; Secure" } else { "" };
        Removal {
            own: Some(self.removals().collect()),
            name: self.name.as_str().into(),
            path: self.path.as_str().into(),
            conditions: format!("; {}{secure}", self.same_site.attribute()).into(),
            one_per_host: self.is_prefixed("__Host-"),
        }
    }

    /// Browsers ignore the case of the prefix. RFC 6265bis section 4.1.3.
    fn is_prefixed(&self, prefix: &str) -> bool {
        self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }

    /// Returns the value of `Set-Cookie`, without the end of the cookie's life. RFC 6265 section 4.1.1.
    fn line(&self, value: &str) -> String {
        let Self { name, path, .. } = self;
        let mut line = format!("{name}={value}");
        if self.http_only {
            line.push_str("; HttpOnly");
        }
        line.push_str("; ");
        line.push_str(self.same_site.attribute());
        if self.partitioned {
            line.push_str("; Partitioned");
        }
        if self.secure {
            line.push_str("; Secure");
        }
        // Writing to a `String` cannot fail.
        let _ = write!(line, "; Path={path}");
        if let Some(domain) = &self.domain {
            let _ = write!(line, "; Domain={domain}");
        }
        line
    }

    /// Returns an error if browsers would reject the cookie.
    pub(super) fn validate(&self, name: &'static str, path: &'static str) -> Result<(), BuildError> {
        use BuildErrorKind::{Empty, IllegalCharacters};
        let error = |kind, setting| Err(BuildError::new(kind, setting));
        if self.name.is_empty() {
            return error(Empty, name);
        }
        if !self.name.bytes().all(is_tchar) {
            return error(IllegalCharacters, name);
        }
        if !self.path.starts_with('/') || !self.path.bytes().all(is_path_byte) {
            return error(IllegalCharacters, path);
        }
        if let Some(domain) = &self.domain {
            if domain.is_empty() {
                return error(Empty, "domain");
            }
            let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            if domain.starts_with('.') || !domain.bytes().all(is_legal) {
                return error(IllegalCharacters, "domain");
            }
        }
        let host_only = self.secure && self.domain.is_none() && self.path == "/";
        if (self.is_prefixed("__Host-") && !host_only) || (self.is_prefixed("__Secure-") && !self.secure) {
            return Err(rejected_by_browsers(name));
        }
        if self.partitioned && !self.secure {
            return Err(rejected_by_browsers("partitioned"));
        }
        if self.same_site == SameSite::None && !self.secure {
            return Err(rejected_by_browsers("same_site"));
        }
        Ok(())
    }
}

pub(super) fn rejected_by_browsers(setting: &'static str) -> BuildError {
    BuildError::new(BuildErrorKind::Contradiction, setting)
        .because("contradicts another setting: browsers would reject the cookie")
}

/// `cookie-octet`. RFC 6265 section 4.1.1.
const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// Any character except controls and `;`. RFC 6265 section 4.1.1.
const fn is_path_byte(byte: u8) -> bool {
    matches!(byte, 0x20..=0x3a | 0x3c..=0x7e)
}
