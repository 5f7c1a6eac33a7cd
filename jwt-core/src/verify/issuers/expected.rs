use std::fmt::Write as _;
use std::sync::Arc;

use crate::claim_rules::{AudienceRule, ClaimRules, TypeRule};
use crate::jose::Algorithm;

/// The requirements for an issuer's tokens, in words. They are prepared when the verifier is built, so that refusals stay cheap.
pub(crate) struct Expected {
    pub(crate) audience: Arc<str>,
    pub(crate) types: Arc<str>,
    pub(crate) algorithms: Arc<str>,
}

impl Expected {
    pub(crate) fn of(policy: &ClaimRules, algorithms: &[Algorithm]) -> Self {
        let claim = policy.audience_claim.as_deref().unwrap_or("aud");
        let audience = match &policy.audience {
            AudienceRule::AllOf(names) if names.len() > 1 => format!("`{claim}` must name all of {}", quoted(names)),
            AudienceRule::AnyOf(names) | AudienceRule::AllOf(names) => format!("`{claim}` must name {}", quoted(names)),
            AudienceRule::Undecided | AudienceRule::Unchecked => String::new(),
        };
        let types = match &policy.types {
            TypeRule::Default => "the header's `typ` must be `JWT` or `at+jwt`, or missing".to_owned(),
            TypeRule::Only(types) => format!("the header's `typ` must be {}", quoted(types)),
            TypeRule::Spiffe => "the header's `typ` must be `JWT` or `JOSE`, or missing".to_owned(),
            TypeRule::Logout => "the header's `typ` must be `logout+jwt`, or missing".to_owned(),
        };
        let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
        let algorithms = format!("the header's `alg` must be {}", names.join(", "));
        Self { audience: audience.into(), types: types.into(), algorithms: algorithms.into() }
    }
}

/// Returns the names in a list, in backticks: a few of them, and each of a bounded length.
pub(super) fn quoted<N: AsRef<str>>(names: &[N]) -> String {
    const MAX_NAMES: usize = 5;
    const MAX_CHARS: usize = 100;
    let mut list = String::new();
    for (index, name) in names.iter().take(MAX_NAMES).enumerate() {
        let (mut chars, separator) = (name.as_ref().chars(), if index == 0 { "" } else { ", " });
        let start: String = chars.by_ref().take(MAX_CHARS).flat_map(char::escape_debug).collect();
        // Writing to a `String` cannot fail.
        let _ = write!(list, "{separator}`{start}{}`", if chars.next().is_some() { "…" } else { "" });
    }
    if names.len() > MAX_NAMES {
        let _ = write!(list, " and {} more", names.len() - MAX_NAMES);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_is_bounded() {
        assert_eq!(quoted(&["a", "b"]), "`a`, `b`");
        assert_eq!(quoted(&["a\n"]), "`a\\n`");
        let long = quoted(&vec!["x".repeat(500); 50]);
        assert!(long.len() < 600 && long.ends_with("…` and 45 more"), "{long}");
    }
}
