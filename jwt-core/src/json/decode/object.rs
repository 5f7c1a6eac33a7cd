use std::cell::Cell;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Error;

use super::member::{
    MemberName, MemberValue, decode_with_serde_json, delegate_to_serde_json, fall_back, is_serde_json_marker,
    record_use,
};
use crate::json::{Member, Members};

/// Decodes `text`, whose members are indexed, as `T`.
pub(crate) fn decode<T: DeserializeOwned>(text: &str, members: &Members) -> Result<T, Error> {
    let consumed = Cell::new(false);
    match T::deserialize(Object { text, members, consumed: &consumed }) {
        Ok(decoded) if consumed.get() => Ok(decoded),
        _ => serde_json::from_str(text),
    }
}

/// The outermost object.
struct Object<'de, 'm> {
    text: &'de str,
    members: &'m Members,
    /// Set once the object was decoded. If a type decodes without it, or ignores an error, `serde_json` might see
    /// another state, so it decodes the text again.
    consumed: &'m Cell<bool>,
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
        let consumed = Cell::new(false);
        let rest = self.members.of(self.text).ok_or_else(fall_back)?;
        let mut access = MembersAccess { rest, value: None, failed: false, consumed: &consumed };
        let value = visitor.visit_map(&mut access)?;
        if access.failed || access.value.is_some() || access.rest.len() > 0 {
            Err(fall_back())
        } else {
            record_use(self.consumed, Ok(value))
        }
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
        if is_serde_json_marker(name) { Err(fall_back()) } else { visitor.visit_newtype_struct(self) }
    }

    delegate_to_serde_json! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32()
        deserialize_f64() deserialize_char() deserialize_str() deserialize_string() deserialize_bytes()
        deserialize_byte_buf() deserialize_unit() deserialize_unit_struct(name: &'static str) deserialize_seq()
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) deserialize_identifier()
        deserialize_ignored_any()
    }
}

/// Iterates over the members.
struct MembersAccess<'de, 'm, I> {
    rest: I,
    /// The member whose name was read and whose value was not.
    value: Option<Member<'de>>,
    /// Whether a name or a value could not be read.
    failed: bool,
    consumed: &'m Cell<bool>,
}

impl<I> MembersAccess<'_, '_, I> {
    #[inline]
    fn track<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.failed |= result.is_err() | !self.consumed.replace(false);
        result
    }
}

impl<'de, I: Iterator<Item = Member<'de>>> MapAccess<'de> for MembersAccess<'de, '_, I> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.failed |= self.value.is_some();
        let Some(member) = self.rest.next() else { return Ok(None) };
        self.value = Some(member);
        let name = seed.deserialize(MemberName { name: member.plain_name(), consumed: self.consumed });
        self.track(name).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(member) = self.value.take() else {
            self.failed = true;
            return Err(fall_back());
        };
        let value = seed.deserialize(MemberValue { member, consumed: self.consumed });
        self.track(value)
    }
}

#[cfg(test)]
mod tests {
    #![expect(dead_code, reason = "decoded fields are only printed")]

    use std::borrow::Cow;
    use std::collections::BTreeMap;
    use std::fmt::{Debug, Formatter, Result as FmtResult};
    use std::marker::PhantomData;

    use serde::Deserialize;
    use serde::de::IgnoredAny;
    use serde_json::{Number, Value};

    use super::*;
    use crate::json::members;

    const TEXTS: &[&str] = &[
        "{}",
        " { } ",
        r#"{"a":"text"}"#,
        r#"{"a":"\u0061\n\"é"}"#,
        r#"{"\u0061":"text"}"#,
        r#"{"a":""}"#,
        r#"{"a":null}"#,
        r#"{"a":true}"#,
        r#"{"a":5}"#,
        r#"{"a":-5}"#,
        r#"{"a":-0}"#,
        r#"{"a":5.5}"#,
        r#"{"a":1e300}"#,
        r#"{"a":0.1234567890123456789}"#,
        r#"{"a":18446744073709551615}"#,
        r#"{"a":340282366920938463463374607431768211455}"#,
        r#"{"a":9223372036854775808,"b":"x","c":[1,"2",null],"d":{"e":"f"}}"#,
        r#"{"a":["x","y"],"b":"text","c":{"B":5}}"#,
        r#"{"a":[1,2],"b":7}"#,
        r#"{"a":{"e":"f","g":{"h":[]}}}"#,
        r#"{"b":"text","a":"x"}"#,
        r#"{"B":5}"#,
        r#"{"B":"x","a":"y"}"#,
        r#"{"1":"one","2":"two"}"#,
        r#"{"true":"x"}"#,
        r#"{"é":"ü","":"x"}"#,
        r#"{"kind":"One","a":"x"}"#,
        r#"{"kind":"Two","b":5}"#,
        "\t{\"a\" :\n\"text\" , \"b\" : 5 }\r\n",
        r#"{"$serde_json::private::Number":"5"}"#,
        r#"{"$serde_json::private::RawValue":"[5]"}"#,
    ];

    /// Decodes every text in both ways and compares the results.
    fn same<T: DeserializeOwned + Debug>() {
        same_of::<T>(TEXTS);
    }

    fn same_of<T: DeserializeOwned + Debug>(texts: &[&str]) {
        for text in texts {
            let mut places = Members::default();
            members(text, &mut places, |_| ()).expect("well-formed");
            let expected = serde_json::from_str::<T>(text).ok();
            let decoded = decode::<T>(text, &places).ok();
            assert_eq!(format!("{decoded:?}"), format!("{expected:?}"), "{text}");
        }
    }

    macro_rules! types {
        ($($item:item)+) => { $(#[derive(Debug, Deserialize)] $item)+ };
    }

    types! {
        struct Text { a: String }
        #[serde(deny_unknown_fields)] struct Only { a: Option<String>, b: Option<Value> }
        struct Wrapped(Text);
        struct Optional { a: Option<Name>, #[serde(default)] b: Number5, c: Option<Value> }
        struct Name(String);
        struct Flat { #[serde(flatten)] text: Option<Text>, #[serde(flatten)] rest: BTreeMap<String, Value> }
        struct Wide { a: u128 }
        struct Signed { a: i64 }
        struct Unsigned { a: u64, b: Option<IgnoredAny> }
        struct Real { a: f64 }
        struct Narrow { a: f32 }
        struct Pair { a: (Value, Value) }
        struct Triple(String, u64, Value);
        struct Letter { a: char }
        struct Bytes { a: Box<[u8]> }
        struct Nothing { a: () }
        struct Unit;
        struct Nested { a: BTreeMap<String, Value>, #[serde(rename = "é")] other: Option<String> }
        struct Owned { a: Cow<'static, str> }
        struct Counted { a: Box<str>, b: Option<Option<String>> }
        struct Chosen { c: Choice }
        enum Choice { A, B(u64) }
        #[serde(tag = "kind")] enum Tagged { One { a: String }, Two { b: u64 } }
        #[serde(untagged)] enum Either { Number { a: u64 }, Text { a: String }, Other(BTreeMap<String, Value>) }
        struct Exact { #[serde(deserialize_with = "borrowed")] a: String }
        struct Untouched { #[serde(deserialize_with = "nothing")] a: u8 }
        struct Swallowed { #[serde(deserialize_with = "whatever")] a: bool }
    }

    #[derive(Debug, Default, Deserialize)]
    struct Number5(#[expect(dead_code, reason = "only printed")] u8);

    #[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Key {
        #[serde(rename = "a")]
        A,
        B,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct KeyName(String);

    fn borrowed<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
        <&str>::deserialize(value).map(str::to_owned)
    }

    fn nothing<'de, D: Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
        Ok(5)
    }

    fn whatever<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
        Ok(u64::deserialize(value).is_ok())
    }

    #[test]
    fn every_type_is_decoded_as_in_serde_json() {
        same::<Text>();
        same::<Only>();
        same::<Wrapped>();
        same::<Optional>();
        same::<Flat>();
        same::<Wide>();
        same::<Signed>();
        same::<Unsigned>();
        same::<Real>();
        same::<Narrow>();
        same::<Pair>();
        same::<Triple>();
        same::<Letter>();
        same::<Bytes>();
        same::<Nothing>();
        same::<Unit>();
        same::<()>();
        same::<Nested>();
        same::<Owned>();
        same::<Counted>();
        same::<Chosen>();
        same::<Choice>();
        same::<Tagged>();
        same::<Either>();
        same::<Option<Text>>();
        same::<Option<Option<Flat>>>();
        same::<Value>();
        same::<Number>();
        same::<serde_json::Map<String, Value>>();
        same::<IgnoredAny>();
        same::<PhantomData<Text>>();
        same::<Vec<Value>>();
        same::<Vec<(String, Value)>>();
        same::<String>();
        same::<u64>();
        same::<bool>();
        same::<BTreeMap<String, Value>>();
        same::<BTreeMap<String, String>>();
        same::<BTreeMap<Option<String>, Value>>();
        same::<BTreeMap<KeyName, IgnoredAny>>();
        same::<BTreeMap<u64, String>>();
        same::<BTreeMap<i128, Value>>();
        // Only names that begin with an ASCII character: `serde_json` would split others.
        same_of::<BTreeMap<bool, String>>(&[r#"{"true":"x"}"#, r#"{"true":"x","a":"y"}"#, r#"{"false":5}"#]);
        same::<BTreeMap<char, Value>>();
        same::<BTreeMap<Key, Value>>();
        same::<BTreeMap<Box<str>, Option<KeyName>>>();
    }

    #[test]
    fn types_that_ignore_values_or_errors_are_left_to_serde_json() {
        same::<Exact>();
        same::<Untouched>();
        same::<Swallowed>();
        same::<Careless<0>>();
        same::<Careless<1>>();
        same::<Careless<2>>();
        same::<Careless<3>>();
        same::<Careless<4>>();
        same::<Careless<5>>();
        same::<Forgiving>();
    }

    /// Ignores every error.
    #[derive(Debug)]
    struct Forgiving;

    impl<'de> Deserialize<'de> for Forgiving {
        fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
            let _ = Only::deserialize(text);
            Ok(Self)
        }
    }

    /// Stops at some point, or continues after an error.
    #[derive(Debug)]
    struct Careless<const HOW: u8>;

    impl<'de, const HOW: u8> Deserialize<'de> for Careless<HOW> {
        fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
            if HOW == 0 { Ok(Self) } else { text.deserialize_map(Self) }
        }
    }

    impl<'de, const HOW: u8> Visitor<'de> for Careless<HOW> {
        type Value = Self;

        fn expecting(&self, f: &mut Formatter<'_>) -> FmtResult {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self, M::Error> {
            match HOW {
                1 => {}
                2 => drop(map.next_key::<String>()?),
                3 => drop(map.next_entry::<String, Value>()?),
                4 => while map.next_key::<IgnoredAny>()?.is_some() {},
                _ => {
                    while map.next_key::<String>()?.is_some() {
                        let _ = map.next_value::<u64>();
                    }
                }
            }
            Ok(self)
        }
    }
}
