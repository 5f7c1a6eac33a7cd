use std::cell::Cell;

use serde::de::{Deserializer, Error as _, Visitor};
use serde_json::Error;
use serde_json::de::StrRead;

use crate::json::Member;

/// Decodes a whole value with `serde_json`.
pub(super) fn decode_with_serde_json<'de, R>(
    json: &'de str,
    decode: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let value = decode(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Records whether the value was used without an error.
#[inline]
pub(super) fn record_use<T>(consumed: &Cell<bool>, result: Result<T, Error>) -> Result<T, Error> {
    consumed.set(result.is_ok());
    result
}

/// The error that makes [`decode`](super::decode) leave the whole text to `serde_json`.
pub(super) fn fall_back() -> Error {
    Error::custom("left to serde_json")
}

/// `serde_json` has types of its own, which it recognizes by these names.
pub(super) fn is_serde_json_marker(name: &str) -> bool {
    name.starts_with('$')
}

/// Methods that leave the value to `serde_json`, for a deserializer with a method `json`.
macro_rules! delegate_to_serde_json {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
                let consumed = self.consumed;
                record_use(consumed, decode_with_serde_json(self.json(), |json| json.$method($($argument,)* visitor)))
            }
        )+
    };
}
pub(super) use delegate_to_serde_json;

/// A member's name without escapes.
pub(super) struct MemberName<'de, 'm> {
    pub(super) name: &'de str,
    pub(super) consumed: &'m Cell<bool>,
}

/// Methods that decode a name as a string.
macro_rules! names_are_strings {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
                record_use(self.consumed, visitor.visit_borrowed_str(self.name))
            }
        )+
    };
}

/// Methods that a name does not support, so that `serde_json` decodes the whole text.
macro_rules! names_fall_back {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* _visitor: V) -> Result<V::Value, Error> {
                Err(fall_back())
            }
        )+
    };
}

impl<'de> Deserializer<'de> for MemberName<'de, '_> {
    type Error = Error;

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if is_serde_json_marker(name) { Err(fall_back()) } else { visitor.visit_newtype_struct(self) }
    }

    names_are_strings! { deserialize_any() deserialize_str() deserialize_string() deserialize_identifier() }

    names_fall_back! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32()
        deserialize_f64() deserialize_char() deserialize_bytes() deserialize_byte_buf() deserialize_unit()
        deserialize_unit_struct(_name: &'static str) deserialize_seq() deserialize_tuple(_len: usize)
        deserialize_tuple_struct(_name: &'static str, _len: usize) deserialize_map()
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str])
        deserialize_enum(_name: &'static str, _variants: &'static [&'static str]) deserialize_ignored_any()
    }
}

/// A member's value.
pub(super) struct MemberValue<'de, 'm> {
    pub(super) member: Member<'de>,
    pub(super) consumed: &'m Cell<bool>,
}

impl<'de> MemberValue<'de, '_> {
    #[inline]
    fn json(&self) -> &'de str {
        self.member.json()
    }
}

impl<'de> Deserializer<'de> for MemberValue<'de, '_> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let consumed = match self.member.plain() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => decode_with_serde_json(self.json(), |json| json.deserialize_any(visitor)),
        };
        record_use(self.consumed, consumed)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let consumed = match self.member.plain() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => decode_with_serde_json(self.json(), |json| json.deserialize_str(visitor)),
        };
        record_use(self.consumed, consumed)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.json() == "null" { record_use(self.consumed, visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if is_serde_json_marker(name) { Err(fall_back()) } else { visitor.visit_newtype_struct(self) }
    }

    /// The reader has already checked ignored values.
    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        record_use(self.consumed, visitor.visit_unit())
    }

    delegate_to_serde_json! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32()
        deserialize_f64() deserialize_char() deserialize_bytes() deserialize_byte_buf() deserialize_unit()
        deserialize_unit_struct(name: &'static str) deserialize_seq() deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize) deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) deserialize_identifier()
    }
}
