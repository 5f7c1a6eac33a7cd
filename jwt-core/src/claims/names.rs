use std::borrow::Cow;
use std::fmt;

use arrayvec::ArrayVec;

use crate::json::{self, Value};

/// The claim `aud`: the audiences that a token is for. RFC 7519 section 4.1.3.
#[derive(Clone)]
pub struct Audience<'c>(Names<'c>);

/// The token's scopes: the claim `scope` or, if that is absent, `scp`.
///
/// The claim is a string, which is split at single spaces and nowhere else (RFC 6749 section 3.3), or an array, whose strings
/// are the scopes. A claim of any other type has no scopes.
#[derive(Clone, Copy)]
pub struct Scopes<'c>(pub(super) Option<Value<'c>>);

#[derive(Clone)]
enum Names<'c> {
    Few(ArrayVec<Cow<'c, str>, FEW>),
    /// The JSON of an array whose elements are all strings.
    Many(&'c str),
}

/// Longer arrays are not copied but searched: a token that isn't verified yet must not make us allocate memory.
const FEW: usize = 3;

impl Audience<'_> {
    /// Returns whether `name` is among the audiences. Names are compared exactly, by code points.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match &self.0 {
            Names::Few(names) => names.iter().any(|own| own == name),
            Names::Many(array) => any_string(array, |own| own == name),
        }
    }

    /// Returns the audiences, in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Names::Few(names) => names.iter().map(|name| name.clone().into_owned()).collect(),
            Names::Many(array) => strings(array),
        }
    }
}

impl<'c> Audience<'c> {
    /// Reads a string or an array of strings. `None` for any other value.
    pub(crate) fn from_value(value: Value<'c>) -> Option<Self> {
        let (mut names, mut all_strings, mut all_fit) = (ArrayVec::new(), true, true);
        let mut add = |value: Value<'c>| match value {
            Value::Text(name) if all_fit => all_fit = names.try_push(name.decode()).is_ok(),
            Value::Text(_) => {}
            _ => all_strings = false,
        };
        match value {
            Value::Array(array) => json::array(array, &mut add).ok()?,
            other => add(other),
        }
        let names = match value {
            Value::Array(array) if !all_fit => Names::Many(array),
            _ => Names::Few(names),
        };
        all_strings.then_some(Self(names))
    }
}

impl Scopes<'_> {
    /// Returns whether the token has the scope `name`. Names are compared exactly.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self.0 {
            Some(Value::Text(text)) => !name.is_empty() && text.decode().split(' ').any(|scope| scope == name),
            Some(Value::Array(array)) => !name.is_empty() && any_string(array, |scope| scope == name),
            _ => false,
        }
    }

    /// Returns the scopes, in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self.0 {
            Some(Value::Text(text)) => {
                text.decode().split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
            }
            Some(Value::Array(array)) => strings(array),
            _ => Vec::new(),
        }
    }
}

/// Whether a claim is this string, or an array that contains it. No claim contains the empty string.
pub(crate) fn is_or_contains(value: Value<'_>, string: &str) -> bool {
    match value {
        Value::Text(only) => !string.is_empty() && only.decode() == string,
        Value::Array(array) => !string.is_empty() && any_string(array, |element| element == string),
        _ => false,
    }
}

/// Whether any string in the array matches.
fn any_string(array: &str, mut matches: impl FnMut(&str) -> bool) -> bool {
    let mut found = false;
    // The array was already read as part of the payload. An error cannot occur, and would count as "not found".
    let _ = json::array(array, |element| found |= element.as_text().is_some_and(|text| matches(&text)));
    found
}

/// The array's strings, in order. Other elements are skipped.
fn strings(array: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let _ = json::array(array, |element| strings.extend(element.as_text().map(Cow::into_owned)));
    strings
}

// Claims are personal data, so Debug does not show their values.
impl fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").finish_non_exhaustive()
    }
}

impl fmt::Debug for Scopes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scopes").finish_non_exhaustive()
    }
}
