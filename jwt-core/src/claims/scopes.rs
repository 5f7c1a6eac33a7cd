use std::fmt;

use super::text::{any_text, texts};
use crate::json::Value;

/// The scopes that a token carries, from `scope` or, where that is absent, `scp`; each a string or an array.
///
/// A string is split at single spaces and nowhere else (RFC 6749 section 3.3); names are compared whole. A claim of any
/// other type carries no scopes.
#[derive(Clone, Copy)]
pub struct Scopes<'c>(pub(super) Option<Value<'c>>);

impl Scopes<'_> {
    /// Returns whether the token carries the scope `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self.0 {
            Some(Value::Text(text)) => !name.is_empty() && text.decode().split(' ').any(|scope| scope == name),
            Some(Value::Array(array)) => !name.is_empty() && any_text(array, |scope| scope == name),
            _ => false,
        }
    }

    /// Returns the scopes in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self.0 {
            Some(Value::Text(text)) => {
                text.decode().split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
            }
            Some(Value::Array(array)) => texts(array),
            _ => Vec::new(),
        }
    }
}

// Claims are personal data: Debug says that they are there, not what they are.
impl fmt::Debug for Scopes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scopes").finish_non_exhaustive()
    }
}
