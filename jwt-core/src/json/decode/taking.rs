use std::cell::Cell;

use serde::de::Error as _;
use serde_json::Error;
use serde_json::de::StrRead;

/// Has `serde_json` decode a value as a whole.
pub(super) fn hand_over<'de, R>(
    json: &'de str,
    decode: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let value = decode(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Takes note that something was taken, and no error made of it.
#[inline]
pub(super) fn note<T>(taken: &Cell<bool>, asked: Result<T, Error>) -> Result<T, Error> {
    taken.set(asked.is_ok());
    asked
}

pub(super) fn unusual() -> Error {
    Error::custom("unusual")
}

/// `serde_json` has types of its own that it tells by such names.
pub(super) fn is_special(name: &str) -> bool {
    name.starts_with('$')
}

/// Methods that hand the value to `serde_json`, for a deserializer that can give it as `self.json()`.
macro_rules! as_serde_json_does {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
                let taken = self.taken;
                note(taken, hand_over(self.json(), |json| json.$method($($argument,)* visitor)))
            }
        )+
    };
}
pub(super) use as_serde_json_does;
