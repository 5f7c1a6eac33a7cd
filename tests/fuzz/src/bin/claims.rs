//! Compares `Verified::claims` with `serde_json` on the same payload, for many types.
//!
//! Both must return the same value, or both must fail. A model decides which payloads are accepted at all.

#![no_main]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use jwt_core::Verified;
use jwt_fuzz::forge::NOW;
use jwt_fuzz::model::Claims;
use jwt_fuzz::{Input, forge, json};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Number, Value};

const NAMES: [&str; 18] = [
    "a", "b", "c", "d", "kind", "é", "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "cnf", "events", "A",
    "1",
];

fuzz_target!(|data: &[u8]| {
    // An input that starts like JSON is a payload itself, too.
    if let (true, Ok(text)) = (data.starts_with(b"{"), std::str::from_utf8(data)) {
        check(text);
    }
    check(&json::write_object(&mut Input::new(data), &NAMES, &[]));
});

fn check(payload: &str) {
    let is_good = |claims: &Claims| !claims.is_for_something_else() && claims.is_timely(NOW as f64);
    let expected = Claims::read(payload).filter(is_good);
    let token = forge::token(payload);
    if token.len() > 16 * 1024 {
        return;
    }
    let verified = forge::verify(&forge::LAX, &token).ok();
    assert_eq!(verified.is_some(), expected.is_some(), "whether the claims are well-formed: {payload}");
    let (Some(verified), Some(expected)) = (verified, expected) else { return };
    assert_eq!(verified.payload(), payload);

    let registered = verified.registered();
    assert_eq!(registered.issuer(), expected.text("iss"));
    assert_eq!(registered.subject(), expected.text("sub"));
    assert_eq!(registered.token_id(), expected.text("jti"));
    assert_eq!(registered.audience().map(|names| names.names()).unwrap_or_default(), expected.audience);
    let seconds = |date: Option<f64>| date.map(|date| date.floor() as i64);
    assert_eq!(registered.expires_at().map(|date| date.seconds()), seconds(expected.expires_at));
    assert_eq!(registered.not_before().map(|date| date.seconds()), seconds(expected.not_before));
    assert_eq!(registered.issued_at().map(|date| date.seconds()), seconds(expected.issued_at));

    for same in TYPES {
        same(&verified);
    }
}

fn same<T: DeserializeOwned + Debug + Send + Sync + 'static>(verified: &Verified) {
    let show = |claims: Option<&T>| format!("{claims:?}");
    let theirs = show(serde_json::from_str::<T>(verified.payload()).ok().as_ref());
    let name = std::any::type_name::<T>();
    assert_eq!(show(verified.claims::<T>().ok().as_ref()), theirs, "{name} of {}", verified.payload());
    // The second call may get the value of the first.
    for _ in 0..2 {
        assert_eq!(show(verified.shared_claims::<T>().ok().as_deref()), theirs, "{name} of {}", verified.payload());
    }
}

const TYPES: &[fn(&Verified)] = &[
    same::<Text>,
    same::<Only>,
    same::<Wrapped>,
    same::<Optional>,
    same::<Flat>,
    same::<Numbers>,
    same::<Wide>,
    same::<Real>,
    same::<Pair>,
    same::<Triple>,
    same::<Letter>,
    same::<Bytes>,
    same::<Nothing>,
    same::<Nested>,
    same::<Owned>,
    same::<Chosen>,
    same::<Choice>,
    same::<Tagged>,
    same::<Adjacent>,
    same::<Either>,
    same::<Ignoring>,
    same::<Swallowing>,
    same::<Forgiving>,
    same::<Careless<1>>,
    same::<Careless<2>>,
    same::<Careless<3>>,
    same::<Careless<4>>,
    same::<Value>,
    same::<Map<String, Value>>,
    same::<BTreeMap<String, String>>,
    same::<BTreeMap<u64, Value>>,
    same::<Vec<Value>>,
    same::<Option<Flat>>,
    same::<IgnoredAny>,
    same::<()>,
];

macro_rules! types {
    ($($item:item)+) => {
        $(
            #[derive(Debug, Deserialize)]
            #[expect(dead_code, reason = "what is decoded is shown, which doesn't count")]
            $item
        )+
    };
}

types! {
    struct Text { a: String }
    #[serde(deny_unknown_fields)] struct Only { a: Option<String>, b: Option<Value> }
    struct Wrapped(Text);
    struct Optional { a: Option<Name>, #[serde(default)] b: u8, c: Option<Value>, d: Option<Option<bool>> }
    struct Name(String);
    struct Flat { #[serde(flatten)] text: Option<Text>, #[serde(flatten)] rest: BTreeMap<String, Value> }
    struct Numbers { a: Option<i64>, b: Option<u64>, c: Option<i8>, d: Option<Number> }
    struct Wide { a: u128, b: Option<i128> }
    struct Real { a: f64, b: Option<f32> }
    struct Pair { a: (Value, Value) }
    struct Triple(String, u64, Value);
    struct Letter { a: char }
    struct Bytes { a: Box<[u8]> }
    struct Nothing { a: () }
    struct Nested { a: BTreeMap<String, Value>, #[serde(rename = "é", alias = "b")] other: Option<Box<str>> }
    struct Owned { a: Cow<'static, str>, b: Option<Vec<String>> }
    struct Chosen { a: Choice }
    enum Choice { #[serde(rename = "a")] A, #[serde(alias = "b")] One(u64), #[serde(rename = "c")] C { a: bool } }
    #[serde(tag = "kind")] enum Tagged { One { a: String }, #[serde(rename = "a")] Two { b: u64 } }
    #[serde(tag = "kind", content = "a")] enum Adjacent { One(String), #[serde(rename = "a")] Two(Vec<u64>) }
    #[serde(untagged)] enum Either { Number { a: u64 }, Text { a: String }, Other(BTreeMap<String, Value>) }
    struct Swallowing { #[serde(deserialize_with = "whether")] a: bool, b: Option<Value> }
    struct Ignoring { a: IgnoredAny, #[serde(deserialize_with = "borrowed", default)] b: String }
}

/// Accepts only strings without escapes.
fn borrowed<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    <&str>::deserialize(value).map(str::to_owned)
}

/// Swallows an error.
fn whether<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    Ok(u64::deserialize(value).is_ok())
}

/// Continues after any error.
#[derive(Debug)]
#[expect(dead_code, reason = "what is decoded is shown, which doesn't count")]
struct Forgiving(bool);

impl<'de> Deserialize<'de> for Forgiving {
    fn deserialize<D: Deserializer<'de>>(claims: D) -> Result<Self, D::Error> {
        Ok(Self(Only::deserialize(claims).is_ok()))
    }
}

/// Stops after one member or one name, or continues after an error.
#[derive(Debug)]
struct Careless<const HOW: u8>(usize);

impl<'de, const HOW: u8> Deserialize<'de> for Careless<HOW> {
    fn deserialize<D: Deserializer<'de>>(claims: D) -> Result<Self, D::Error> {
        claims.deserialize_map(Self(0))
    }
}

impl<'de, const HOW: u8> Visitor<'de> for Careless<HOW> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut claims: M) -> Result<Self, M::Error> {
        match HOW {
            1 => self.0 += usize::from(claims.next_entry::<String, Value>()?.is_some()),
            2 => self.0 += usize::from(claims.next_key::<String>()?.is_some()),
            3 => {
                while claims.next_key::<String>()?.is_some() {
                    self.0 += usize::from(claims.next_value::<u64>().is_ok());
                }
            }
            _ => {
                while let Ok(Some(_)) = claims.next_key::<&str>() {
                    self.0 += usize::from(claims.next_value::<IgnoredAny>().is_ok());
                }
            }
        }
        Ok(self)
    }
}
