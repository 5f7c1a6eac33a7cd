use std::borrow::Cow;
use std::fmt;

use arrayvec::ArrayVec;

use crate::json::{self, Value};

/// The `aud` claim: one name or several. RFC 7519 section 4.1.3.
#[derive(Clone)]
pub struct Audience<'c>(Names<'c>);

#[derive(Clone)]
enum Names<'c> {
    Few(ArrayVec<Cow<'c, str>, 3>),
    Many(Vec<Cow<'c, str>>),
}

impl<'c> Names<'c> {
    fn add(&mut self, name: Cow<'c, str>) {
        match self {
            Self::Few(names) if names.is_full() => {
                let mut names: Vec<_> = names.take().into_iter().collect();
                names.push(name);
                *self = Self::Many(names);
            }
            Self::Few(names) => names.push(name),
            Self::Many(names) => names.push(name),
        }
    }

    fn all(&self) -> &[Cow<'c, str>] {
        match self {
            Self::Few(names) => names,
            Self::Many(names) => names,
        }
    }
}

impl Audience<'_> {
    /// Returns whether `name` is among the audiences: compared whole, code point by code point.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.all().iter().any(|own| own == name)
    }

    /// Returns the names in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.all().iter().map(|name| name.clone().into_owned()).collect()
    }
}

impl<'c> Audience<'c> {
    pub(crate) fn read(value: Value<'c>) -> Option<Self> {
        let (mut names, mut all_text) = (Names::Few(ArrayVec::new()), true);
        let mut add = |value: Value<'c>| match value.as_text() {
            Some(name) => names.add(name),
            None => all_text = false,
        };
        match value {
            Value::Array(array) => json::array(array, add).ok()?,
            other => add(other),
        }
        all_text.then_some(Self(names))
    }
}

// Claims are personal data: Debug says that they are there, not what they are.
impl fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").finish_non_exhaustive()
    }
}
