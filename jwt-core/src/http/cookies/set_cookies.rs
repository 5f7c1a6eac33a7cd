use std::fmt;

use crate::http::Headers;

/// `Set-Cookie` values, one for each header line, in order.
///
/// The adapters add them to responses. They contain tokens, so `Debug` shows only their names, and caches must not store the
/// response.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "the cookies are set only if you add these header lines to a response"]
pub struct SetCookies {
    values: Vec<String>,
    /// Another header, which belongs to the cookies.
    header: Option<(&'static str, String)>,
}

impl SetCookies {
    pub(super) fn all(values: impl IntoIterator<Item = String>) -> Self {
        Self { values: values.into_iter().collect(), header: None }
    }

    #[cfg(feature = "issue")]
    pub(crate) fn with_header(self, header: Option<(&'static str, String)>) -> Self {
        Self { header, ..self }
    }

    #[cfg(feature = "issue")]
    pub(crate) const fn header(&self) -> Option<&(&'static str, String)> {
        self.header.as_ref()
    }

    /// Appends `others`.
    pub fn and(mut self, others: Self) -> Self {
        self.values.extend(others.values);
        self.header = self.header.or(others.header);
        self
    }

    /// Adds the cookies to a response, unless there are none. Shared caches must not store it, because cookies may contain tokens:
    /// `Cache-Control` becomes `no-store`, unless [`may_be_shared`] says that it already excludes shared caches.
    pub fn apply(self, response: &mut dyn Headers) {
        if self.values.is_empty() {
            return;
        }
        if let Some((name, value)) = self.header {
            response.append(name, value.into_bytes());
        }
        self.values.into_iter().for_each(|value| response.append("set-cookie", value.into_bytes()));
        if may_be_shared(response.values("cache-control").iter().map(Vec::as_slice)) {
            response.remove("cache-control");
            response.append("cache-control", b"no-store".to_vec());
        }
    }

    /// Returns the values, which have only visible ASCII and spaces.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }
}

impl IntoIterator for SetCookies {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.into_iter()
    }
}

impl fmt::Debug for SetCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.values().map(|value| value.split_once('=').map_or("", |(name, _)| name));
        f.debug_list().entries(names).finish()
    }
}

/// Returns whether shared caches may store a response with these `Cache-Control` values. RFC 9111 sections 3 and 5.2.2.
///
/// They may unless the response is `private` or `no-store`, and neither `public` nor `s-maxage` contradicts it. Without
/// `Cache-Control` they may too. A response whose cookies contain tokens must not be stored by a shared cache.
///
/// ```
/// use jwt_core::http::may_be_shared;
///
/// assert!(may_be_shared([&b"max-age=60"[..]]));
/// assert!(!may_be_shared([&b"private, max-age=60"[..]]));
/// ```
#[must_use]
pub fn may_be_shared<'h>(cache_control: impl IntoIterator<Item = &'h [u8]>) -> bool {
    let mut is_private = false;
    for value in cache_control {
        // A quoted string may contain commas, and `private="a"` applies only to the header `a`.
        if value.contains(&b'"') {
            return true;
        }
        for directive in value.split(|&byte| byte == b',') {
            let name = directive.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
            let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
            if is("public") || is("s-maxage") {
                return true;
            }
            is_private |= (is("private") || is("no-store")) && name.len() == directive.trim_ascii().len();
        }
    }
    !is_private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_and_no_store_keep_a_response_out_of_shared_caches() {
        for (values, expected) in [
            (&[][..], true),
            (&[""], true),
            (&["max-age=60"], true),
            (&["no-cache, must-revalidate"], true),
            (&["private"], false),
            (&["PRIVATE , max-age=60"], false),
            (&["max-age=60,no-store"], false),
            (&["max-age=60", "private"], false),
            (&["private", "max-age=60, PUBLIC"], true),
            (&["no-store, s-maxage=60"], true),
            (&["private=\"x-one\""], true),
            (&["private=x-one"], true),
            (&["other=\"a, private, b\""], true),
            (&["not-private, xno-store"], true),
        ] {
            assert_eq!(may_be_shared(values.iter().map(|value| value.as_bytes())), expected, "{values:?}");
        }
    }
}
