use std::fmt;

/// Values of `Set-Cookie`, one for each header line, in their order.
///
/// Adapters add them to responses. They hold tokens, so `Debug` shows their names alone, and a response that has them must
/// not be stored by caches.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "cookies are set by a response that has these header lines"]
pub struct SetCookies(Vec<String>);

impl SetCookies {
    pub(super) fn one(value: String) -> Self {
        Self(vec![value])
    }

    pub(super) fn all(values: impl IntoIterator<Item = String>) -> Self {
        Self(values.into_iter().collect())
    }

    /// Adds others to these.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Returns the values, of visible ASCII and spaces.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl IntoIterator for SetCookies {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for SetCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.values().map(|value| value.split_once('=').map_or("", |(name, _)| name));
        f.debug_list().entries(names).finish()
    }
}

/// Returns whether a response with these values of `Cache-Control` may be stored by caches that others share: unless it
/// is `private` or `no-store`, and says nothing to the contrary. RFC 9111 sections 3 and 5.2.2.
///
/// Responses with cookies that hold tokens must not be: without `Cache-Control`, too, a cache may store them.
///
/// ```
/// use jwt_core::http::may_be_shared;
///
/// assert!(may_be_shared([&b"max-age=60"[..]]));
/// assert!(!may_be_shared([&b"private, max-age=60"[..]]));
/// ```
#[must_use]
pub fn may_be_shared<'h>(cache_control: impl IntoIterator<Item = &'h [u8]>) -> bool {
    let mut is_kept_back = false;
    for value in cache_control {
        // What is quoted may hold commas, and `private="a"` is about the header `a` alone.
        if value.contains(&b'"') {
            return true;
        }
        for directive in value.split(|&byte| byte == b',') {
            let name = directive.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
            let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
            if is("public") || is("s-maxage") {
                return true;
            }
            is_kept_back |= (is("private") || is("no-store")) && name.len() == directive.trim_ascii().len();
        }
    }
    !is_kept_back
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_private_or_not_to_be_stored_is_kept_from_shared_caches() {
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
