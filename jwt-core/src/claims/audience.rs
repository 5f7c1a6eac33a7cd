use std::borrow::Cow;
use std::fmt;

use arrayvec::ArrayVec;

use super::text::{any_text, texts};
use crate::json::{self, Value};

/// The `aud` claim: one name or several. RFC 7519 section 4.1.3.
#[derive(Clone)]
pub struct Audience<'c>(Names<'c>);

#[derive(Clone)]
enum Names<'c> {
    Few(ArrayVec<Cow<'c, str>, FEW>),
    /// The text of an array whose elements are all strings.
    Many(&'c str),
}

/// More names than this are looked for in the array itself: what nobody has verified must not take memory.
const FEW: usize = 3;

impl Audience<'_> {
    /// Returns whether `name` is among the audiences: compared whole, code point by code point.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match &self.0 {
            Names::Few(names) => names.iter().any(|own| own == name),
            Names::Many(array) => any_text(array, |own| own == name),
        }
    }

    /// Returns the names in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Names::Few(names) => names.iter().map(|name| name.clone().into_owned()).collect(),
            Names::Many(array) => texts(array),
        }
    }
}

impl<'c> Audience<'c> {
    pub(crate) fn read(value: Value<'c>) -> Option<Self> {
        let (mut names, mut all_text, mut all_fit) = (ArrayVec::new(), true, true);
        let mut add = |value: Value<'c>| match value {
            Value::Text(name) if all_fit => all_fit = names.try_push(name.decode()).is_ok(),
            Value::Text(_) => {}
            _ => all_text = false,
        };
        match value {
            Value::Array(array) => json::array(array, &mut add).ok()?,
            other => add(other),
        }
        let names = match value {
            Value::Array(array) if !all_fit => Names::Many(array),
            _ => Names::Few(names),
        };
        all_text.then_some(Self(names))
    }
}

// Claims are personal data: Debug says that they are there, not what they are.
impl fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").finish_non_exhaustive()
    }
}
