use std::borrow::Cow;
use std::fmt;

use super::text::{any_text, texts};
use crate::json::{self, Value};

/// The `aud` claim: one name or several. RFC 7519 section 4.1.3.
#[derive(Clone)]
pub struct Audience<'c>(AudienceForm<'c>);

#[derive(Clone)]
enum AudienceForm<'c> {
    One(Cow<'c, str>),
    /// The text of an array whose elements are all strings.
    Many(&'c str),
}

impl Audience<'_> {
    /// Returns whether `name` is among the audiences: compared whole, code point by code point.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match &self.0 {
            AudienceForm::One(only) => only == name,
            AudienceForm::Many(array) => any_text(array, |text| text == name),
        }
    }

    /// Returns the names in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            AudienceForm::One(only) => vec![only.to_string()],
            AudienceForm::Many(array) => texts(array),
        }
    }
}

impl<'c> Audience<'c> {
    pub(crate) fn read(value: Value<'c>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self(AudienceForm::One(text.decode()))),
            Value::Array(array) => {
                let mut all_text = true;
                json::array(array, |element| all_text &= matches!(element, Value::Text(_))).ok()?;
                all_text.then_some(Self(AudienceForm::Many(array)))
            }
            _ => None,
        }
    }
}

// Claims are personal data: Debug says that they are there, not what they are.
impl fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").finish_non_exhaustive()
    }
}
