use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::http::Headers;

type LineEdit = dyn for<'v> Fn(&str, &'v [u8]) -> Option<Cow<'v, [u8]>> + Send;

/// Changes to a request's headers and target.
pub(crate) struct Rewrite {
    line: Box<LineEdit>,
    headers: Vec<(String, String)>,
    target: Option<String>,
}

impl Rewrite {
    /// `line` returns the new value of a field line, borrowed if it stays the same, or `None` to remove it. `headers` are added.
    pub(crate) fn new(
        line: impl for<'v> Fn(&str, &'v [u8]) -> Option<Cow<'v, [u8]>> + Send + 'static,
        headers: Vec<(String, String)>,
        target: Option<String>,
    ) -> Self {
        Self { line: Box::new(line), headers, target }
    }

    /// Changes the headers, and returns the new path and query.
    pub(super) fn apply(self, headers: &mut dyn Headers) -> Option<String> {
        let mut changed = BTreeSet::new();
        headers.lines(&mut |name, value| {
            if !matches!((self.line)(name, value), Some(Cow::Borrowed(_))) && !changed.contains(name) {
                changed.insert(name.to_owned());
            }
        });
        let mut kept = Vec::new();
        headers.lines(&mut |name, value| {
            if let (Some(name), Some(value)) = (changed.get(name), (self.line)(name, value)) {
                kept.push((name, value.into_owned()));
            }
        });
        changed.iter().for_each(|name| headers.remove(name));
        kept.into_iter().for_each(|(name, value)| headers.append(name, value));
        self.headers.into_iter().for_each(|(name, value)| headers.append(&name, value.into_bytes()));
        self.target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_changed_removed_and_kept_in_their_order() {
        let mut headers: Vec<(String, Vec<u8>)> =
            [("a", "1"), ("b", "keep"), ("a", "drop"), ("c", "drop"), ("a", "2")].map(line).into();
        let added = vec![("a".to_owned(), "3".to_owned()), ("d".to_owned(), "4".to_owned())];
        let target = Rewrite::new(edit, added, Some("/".to_owned())).apply(&mut headers);
        assert_eq!(target.as_deref(), Some("/"));
        assert_eq!(headers, [("b", "keep"), ("a", "one"), ("a", "2"), ("a", "3"), ("d", "4")].map(line));
    }

    fn edit<'v>(name: &str, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        match (name, value) {
            ("b", _) => Some(Cow::Borrowed(value)),
            (_, b"drop") => None,
            (_, b"1") => Some(Cow::Owned(b"one".to_vec())),
            _ => Some(Cow::Owned(value.to_vec())),
        }
    }

    fn line((name, value): (&str, &str)) -> (String, Vec<u8>) {
        (name.to_owned(), value.as_bytes().to_vec())
    }
}
