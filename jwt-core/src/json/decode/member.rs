use std::cell::Cell;

use serde::de::{Deserializer, Visitor};
use serde_json::Error;

use super::taking::{as_serde_json_does, hand_over, is_special, note, unusual};
use crate::json::place::Member;

/// A name without escapes.
pub(super) struct Name<'de, 'm> {
    pub(super) name: &'de str,
    pub(super) taken: &'m Cell<bool>,
}

/// Methods for which a name is a string whatever is asked for.
macro_rules! names_are_strings {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
                note(self.taken, visitor.visit_borrowed_str(self.name))
            }
        )+
    };
}

/// Methods by which names are decoded as something else.
macro_rules! names_are_unusual {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* _visitor: V) -> Result<V::Value, Error> {
                Err(unusual())
            }
        )+
    };
}

impl<'de> Deserializer<'de> for Name<'de, '_> {
    type Error = Error;

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if is_special(name) { Err(unusual()) } else { visitor.visit_newtype_struct(self) }
    }

    names_are_strings! { deserialize_any() deserialize_str() deserialize_string() deserialize_identifier() }

    names_are_unusual! {
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
pub(super) struct Worth<'de, 'm> {
    pub(super) member: Member<'de>,
    pub(super) taken: &'m Cell<bool>,
}

impl<'de> Worth<'de, '_> {
    #[inline]
    fn json(&self) -> &'de str {
        self.member.json()
    }
}

impl<'de> Deserializer<'de> for Worth<'de, '_> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let taken = match self.member.plain() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => hand_over(self.json(), |json| json.deserialize_any(visitor)),
        };
        note(self.taken, taken)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let taken = match self.member.plain() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => hand_over(self.json(), |json| json.deserialize_str(visitor)),
        };
        note(self.taken, taken)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.json() == "null" { note(self.taken, visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if is_special(name) { Err(unusual()) } else { visitor.visit_newtype_struct(self) }
    }

    /// The reader has looked at what nobody wants.
    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        note(self.taken, visitor.visit_unit())
    }

    as_serde_json_does! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32()
        deserialize_f64() deserialize_char() deserialize_bytes() deserialize_byte_buf() deserialize_unit()
        deserialize_unit_struct(name: &'static str) deserialize_seq() deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize) deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) deserialize_identifier()
    }
}
