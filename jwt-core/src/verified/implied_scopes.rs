use std::collections::{HashMap, HashSet};

/// The scopes that imply others.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImpliedScopes {
    /// By scope: every other scope that implies it, directly or through others.
    implying: HashMap<String, Vec<String>>,
}

impl ImpliedScopes {
    /// How many implications there may be at most.
    const MOST: usize = 1_000;

    /// Creates the table from pairs: the first scope implies the second. Scopes that imply each other are equal. `None` if there
    /// are too many pairs.
    pub(crate) fn new(pairs: &[(String, String)]) -> Option<Self> {
        if pairs.len() > Self::MOST {
            return None;
        }
        let mut directly: HashMap<&str, Vec<&str>> = HashMap::new();
        for (scope, implied) in pairs {
            directly.entry(implied).or_default().push(scope);
        }
        let mut implying = HashMap::with_capacity(directly.len());
        for &implied in directly.keys() {
            let (mut found, mut open) = (HashSet::new(), vec![implied]);
            while let Some(next) = open.pop() {
                let above = directly.get(next).into_iter().flatten().copied();
                open.extend(above.filter(|scope| *scope != implied && found.insert(*scope)));
            }
            let mut scopes: Vec<String> = found.into_iter().map(str::to_owned).collect();
            scopes.sort_unstable();
            implying.insert(implied.to_owned(), scopes);
        }
        Some(Self { implying })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.implying.is_empty()
    }

    /// Returns the scopes that imply `scope`.
    pub(super) fn implying(&self, scope: &str) -> &[String] {
        self.implying.get(scope).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pairs: &[(&str, &str)]) -> ImpliedScopes {
        let pairs: Vec<_> = pairs.iter().map(|(scope, implied)| ((*scope).to_owned(), (*implied).to_owned())).collect();
        ImpliedScopes::new(&pairs).expect("few pairs")
    }

    #[test]
    fn implications_are_followed_through_others_and_around_circles() {
        let table =
            table(&[("admin", "write"), ("write", "read"), ("audit", "read"), ("a", "b"), ("b", "a"), ("x", "x")]);
        for (scope, implying) in [
            ("read", &["admin", "audit", "write"][..]),
            ("write", &["admin"]),
            ("admin", &[]),
            ("a", &["b"]),
            ("b", &["a"]),
            ("x", &[]),
            ("other", &[]),
        ] {
            assert_eq!(table.implying(scope), implying, "{scope}");
        }
    }

    #[test]
    fn the_number_of_implications_is_limited() {
        let pairs = |number: usize| {
            let pairs = (0..number).map(|at| (at.to_string(), (at + 1).to_string()));
            ImpliedScopes::new(&pairs.collect::<Vec<_>>())
        };
        let chain = pairs(ImpliedScopes::MOST).expect("as many as allowed");
        assert_eq!(chain.implying(&ImpliedScopes::MOST.to_string()).len(), ImpliedScopes::MOST);
        assert!(pairs(ImpliedScopes::MOST + 1).is_none());
    }
}
