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
