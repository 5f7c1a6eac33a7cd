use std::borrow::Cow;
use std::fmt;

use crate::json::{self, Unique, Value};

/// Who acts for a token's subject: the claim `act`. RFC 8693 section 4.1.
///
/// Only the outermost actor counts for access control. The [earlier](Self::earlier) ones tell how the delegation came about. The
/// chain has at most 31 actors, because JSON that is nested more deeply is refused.
///
/// `Debug` shows no names.
#[derive(Clone, Copy)]
pub struct Actor<'c> {
    object: &'c str,
}

impl<'c> Actor<'c> {
    /// Returns `None` if the claim isn't an object.
    pub(crate) fn from_value(value: Value<'c>) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self { object }),
            _ => None,
        }
    }

    /// Returns the actor's `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<Cow<'c, str>> {
        self.member("sub").and_then(Value::as_text)
    }

    /// Returns the actor's `iss`: the issuer that the subject is unique in. If it's absent, that is usually the token's.
    #[must_use]
    pub fn issuer(&self) -> Option<Cow<'c, str>> {
        self.member("iss").and_then(Value::as_text)
    }

    /// Returns the actor's `client_id`.
    #[must_use]
    pub fn client_id(&self) -> Option<Cow<'c, str>> {
        self.member("client_id").and_then(Value::as_text)
    }

    /// Returns the actor that acted before this one. It's informational: RFC 8693 section 4.1 excludes it from decisions.
    #[must_use]
    pub fn earlier(&self) -> Option<Self> {
        self.member("act").and_then(Self::from_value)
    }

    /// Returns the value of a member, unless it is `null`.
    pub(crate) fn member(&self, name: &str) -> Option<Value<'c>> {
        let mut found = None;
        let read = json::object(self.object, Unique::Outermost, |other, value| {
            if other == name && !matches!(value, Value::Null) {
                found = Some(value);
            }
        });
        found.filter(|_| read.is_ok())
    }
}

impl fmt::Debug for Actor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_actors_is_read_from_the_outside() {
        let json = r#"{"sub":"b","iss":"https://id.example","client_id":"c","act":{"sub":"a","act":5}}"#;
        let actor = Actor::from_value(Value::Object(json)).expect("an object");
        assert_eq!(actor.subject().as_deref(), Some("b"));
        assert_eq!((actor.issuer().as_deref(), actor.client_id().as_deref()), (Some("https://id.example"), Some("c")));
        let earlier = actor.earlier().expect("an earlier one");
        assert_eq!((earlier.subject().as_deref(), earlier.issuer()), (Some("a"), None));
        assert!(earlier.earlier().is_none());
        assert!(Actor::from_value(Value::Bool(true)).is_none());
        assert_eq!(format!("{actor:?}"), "Actor { .. }");
    }
}
