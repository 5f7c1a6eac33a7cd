//! Decoding an object whose members were found before: `serde_json`'s answer, with less reading.
//!
//! Strings are handed out from where they stand; all other values go to `serde_json` one by one. Whatever is out of the
//! ordinary makes this fail, and then `serde_json` decides about the whole text: so this may refuse what it likes, and
//! must accept nothing that `serde_json` would not, or as something else.

use std::cell::Cell;
use std::slice::Iter;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Error;
use serde_json::de::StrRead;

use super::Members;
use super::members::Place;

/// Decodes the text, in which these members were found, as `T`.
pub(crate) fn decode<T: DeserializeOwned>(text: &str, members: &Members) -> Result<T, Error> {
    if let Some(places) = members.places() {
        let untouched = Cell::new(true);
        let decoded = T::deserialize(Object { text, places, untouched: &untouched });
        if let Ok(decoded) = decoded
            && !untouched.get()
        {
            return Ok(decoded);
        }
    }
    serde_json::from_str(text)
}

/// Has `serde_json` decode a value as a whole.
fn hand_over<'de, R>(
    json: &'de str,
    decode: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let value = decode(&mut json)?;
    json.end()?;
    Ok(value)
}

fn unusual() -> Error {
    Error::custom("unusual")
}

/// `serde_json` has types of its own that it tells by such names.
fn is_special(name: &str) -> bool {
    name.starts_with('$')
}

/// Methods that hand the value to `serde_json`, for a deserializer that can give it as `self.json()`.
macro_rules! as_serde_json_does {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
                self.untouched.set(false);
                hand_over(self.json(), |json| json.$method($($argument,)* visitor))
            }
        )+
    };
}

/// The outermost object.
struct Object<'de, 'm> {
    text: &'de str,
    places: &'m [Place],
    /// Until something is taken from here: what is decoded from nothing, `serde_json` refuses.
    untouched: &'m Cell<bool>,
}

impl<'de> Object<'de, '_> {
    fn json(&self) -> &'de str {
        self.text
    }
}

impl<'de> Deserializer<'de> for Object<'de, '_> {
    type Error = Error;

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.untouched.set(false);
        let mut walk = Walk {
            text: self.text,
            rest: self.places.iter(),
            value: None,
            failed: false,
            untouched: Cell::new(true),
        };
        let value = visitor.visit_map(&mut walk)?;
        if walk.failed || walk.value.is_some() || walk.rest.len() > 0 { Err(unusual()) } else { Ok(value) }
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if is_special(name) { Err(unusual()) } else { visitor.visit_newtype_struct(self) }
    }

    as_serde_json_does! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32()
        deserialize_f64() deserialize_char() deserialize_str() deserialize_string() deserialize_bytes()
        deserialize_byte_buf() deserialize_unit() deserialize_unit_struct(name: &'static str) deserialize_seq()
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) deserialize_identifier()
        deserialize_ignored_any()
    }
}

/// The members, one after the other.
struct Walk<'de, 'm> {
    text: &'de str,
    rest: Iter<'m, Place>,
    /// The member whose name was taken, and whose value was not.
    value: Option<&'m Place>,
    /// Whoever goes on after an error is where `serde_json` would not be.
    failed: bool,
    untouched: Cell<bool>,
}

impl Walk<'_, '_> {
    #[inline]
    fn settle<T>(&mut self, taken: Result<T, Error>) -> Result<T, Error> {
        self.failed |= taken.is_err() | self.untouched.get();
        taken
    }
}

impl<'de> MapAccess<'de> for Walk<'de, '_> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.failed |= self.value.is_some();
        let Some(place) = self.rest.next() else { return Ok(None) };
        self.value = Some(place);
        self.untouched.set(true);
        let name = seed.deserialize(Name { name: place.name(self.text), untouched: &self.untouched });
        self.settle(name).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(place) = self.value.take() else {
            self.failed = true;
            return Err(unusual());
        };
        self.untouched.set(true);
        let value = seed.deserialize(Member { text: self.text, place, untouched: &self.untouched });
        self.settle(value)
    }
}

/// A name without escapes.
struct Name<'de, 'm> {
    name: &'de str,
    untouched: &'m Cell<bool>,
}

/// Methods for which a name is a string whatever is asked for.
macro_rules! names_are_strings {
    ($($method:ident($($argument:ident: $type:ty),*))+) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
                self.untouched.set(false);
                visitor.visit_borrowed_str(self.name)
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
struct Member<'de, 'm> {
    text: &'de str,
    place: &'m Place,
    untouched: &'m Cell<bool>,
}

impl<'de> Member<'de, '_> {
    #[inline]
    fn json(&self) -> &'de str {
        self.place.json(self.text)
    }
}

impl<'de> Deserializer<'de> for Member<'de, '_> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.untouched.set(false);
        match self.place.plain(self.text) {
            Some(text) => visitor.visit_borrowed_str(text),
            None => hand_over(self.json(), |json| json.deserialize_any(visitor)),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.untouched.set(false);
        match self.place.plain(self.text) {
            Some(text) => visitor.visit_borrowed_str(text),
            None => hand_over(self.json(), |json| json.deserialize_str(visitor)),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.json() == "null" {
            self.untouched.set(false);
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if is_special(name) { Err(unusual()) } else { visitor.visit_newtype_struct(self) }
    }

    /// The reader has looked at what nobody wants.
    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.untouched.set(false);
        visitor.visit_unit()
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
