//! Explains which part of a text does not fit a type. The explanation quotes nothing of the text but names that the type has too.

use std::fmt::{self, Write as _};

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Returns where `text` does not fit `T`, and the expected type there. `None` if that is unknown.
#[cold]
pub(crate) fn mismatch<T: DeserializeOwned>(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    T::deserialize(Place(&value)).err().map(|mismatch| mismatch.to_string())
}

/// The longest text of a type's own that is repeated, in characters.
const MAX_EXPECTED: usize = 120;

/// Names that a path shows although the type does not list its members, as with `#[serde(flatten)]`.
const COMMON: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "client_id",
    "scope",
    "scp",
    "sid",
    "roles",
    "groups",
    "email",
    "name",
    "auth_time",
    "acr",
    "amr",
    "permissions",
];

/// The place of a mismatch in a value, and the problem.
#[derive(Debug, Default)]
struct Mismatch {
    /// From the innermost step to the outermost.
    path: Vec<String>,
    problem: String,
}

impl Mismatch {
    fn new(problem: String) -> Self {
        Self { path: Vec::new(), problem }
    }

    fn below(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.problem);
        }
        f.write_char('`')?;
        self.path.iter().rev().try_for_each(|step| write!(f, "/{step}"))?;
        write!(f, "`: {}", self.problem)
    }
}

impl std::error::Error for Mismatch {}

impl Error for Mismatch {
    /// The text may quote a value, so it's dropped. Only the text of serde's derive for an untagged enum is known to be safe.
    fn custom<T: fmt::Display>(text: T) -> Self {
        let text = text.to_string();
        let untagged = text.strip_prefix("data did not match any variant of untagged enum ");
        Self::new(match untagged.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')) {
            Some(name) => format!("fits no variant of the untagged enum {}", short(name)),
            None => "the type's own check refuses the value".to_owned(),
        })
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", short(&expected.to_string()), kind(&unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {} that isn't one", short(&expected.to_string()), kind(&unexpected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {length} of them", short(&expected.to_string())))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", list(expected)))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("has a member that the type doesn't allow; allowed are {}", list(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is missing: make it an `Option`, or give it `#[serde(default)]`".to_owned()).below(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("is there twice, perhaps under an alias".to_owned()).below(field)
    }
}

/// Names the type of a value, without the value.
const fn kind(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "`null`",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "another value",
    }
}

fn short(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(MAX_EXPECTED).collect();
    if chars.next().is_some() { start + "…" } else { start }
}

fn list(names: &[&str]) -> String {
    const MAX_NAMES: usize = 10;
    let mut list: Vec<String> = names.iter().take(MAX_NAMES).map(|name| format!("`{}`", short(name))).collect();
    if names.len() > MAX_NAMES {
        list.push(format!("{} more", names.len() - MAX_NAMES));
    }
    if list.is_empty() { "nothing".to_owned() } else { list.join(", ") }
}

#[derive(Clone, Copy)]
struct Place<'de>(&'de Value);

impl<'de> Place<'de> {
    fn visit_object<V: Visitor<'de>>(
        members: &'de Map<String, Value>,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Members { rest: members.iter(), fields, value: None })
    }
}

impl<'de> Deserializer<'de> for Place<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(string) => visitor.visit_borrowed_str(string),
            Value::Array(items) => visitor.visit_seq(Items { rest: items.iter().enumerate() }),
            Value::Object(members) => Self::visit_object(members, &[], visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(members) => Self::visit_object(members, fields, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Value::Object(members) if members.len() == 1 => match members.iter().next() {
                Some((name, value)) => visitor.visit_enum(Variant { name, value, variants }),
                None => Err(Mismatch::default()),
            },
            _ => Err(Mismatch::new(format!("expected one of {}", list(variants)))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'de> {
    rest: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        let Some((index, item)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Place(item)).map(Some).map_err(|mismatch| mismatch.below(index.to_string()))
    }
}

struct Members<'de> {
    rest: serde_json::map::Iter<'de>,
    /// The names that the type has.
    fields: &'static [&'static str],
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, value));
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        let Some((name, value)) = self.value.take() else { return Err(Mismatch::default()) };
        // Other names may be data, as the keys of a map are.
        let shown = self.fields.iter().chain(&COMMON).find(|field| **field == name).copied().unwrap_or("*");
        seed.deserialize(Place(value)).map_err(|mismatch| mismatch.below(shown))
    }
}

struct Variant<'de> {
    name: &'de str,
    value: &'de Value,
    variants: &'static [&'static str],
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Mismatch> {
        let name: StrDeserializer<'_, Mismatch> = self.name.into_deserializer();
        seed.deserialize(name).map(|variant| (variant, self))
    }
}

impl<'de> Variant<'de> {
    fn below(&self) -> impl Fn(Mismatch) -> Mismatch + use<> {
        let name = self.variants.iter().copied().find(|variant| *variant == self.name).unwrap_or("*");
        move |mismatch| mismatch.below(name)
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        if self.value.is_null() { Ok(()) } else { Err(self.below()(Mismatch::new("expected no content".to_owned()))) }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mismatch> {
        seed.deserialize(Place(self.value)).map_err(self.below())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        Place(self.value).deserialize_any(visitor).map_err(self.below())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        Place(self.value).deserialize_struct("", fields, visitor).map_err(self.below())
    }
}

#[cfg(test)]
mod tests {
    #![expect(dead_code, reason = "only decoded")]

    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Plan {
        Free,
        Paid { seats: u8 },
        Trial(u32),
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        List(Vec<u64>),
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Address {
        zip: u32,
    }

    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Checked;

    impl TryFrom<String> for Checked {
        type Error = String;

        fn try_from(value: String) -> Result<Self, String> {
            Err(format!("bad: {value}"))
        }
    }

    #[derive(Deserialize)]
    struct User {
        sub: u64,
        age: Option<u8>,
        plan: Option<Plan>,
        address: Option<Address>,
        either: Option<Either>,
        checked: Option<Checked>,
        tags: Option<Vec<String>>,
        limits: Option<BTreeMap<String, u32>>,
        pair: Option<(u8, u8)>,
    }

    #[derive(Deserialize)]
    struct Flat {
        sub: u64,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[test]
    fn the_place_and_the_expectation_are_named_and_no_value_is() {
        for (members, expected) in [
            (r#""sub":"evil""#, "`/sub`: expected u64, found a string"),
            (r#""sub":-5"#, "`/sub`: expected u64, found an integer that isn't one"),
            (r#""sub":1.5"#, "`/sub`: expected u64, found a number with a fraction"),
            (r#""sub":null"#, "`/sub`: expected u64, found `null`"),
            (r#""sb":1"#, "`/sub`: is missing: make it an `Option`, or give it `#[serde(default)]`"),
            (r#""sub":1,"age":777"#, "`/age`: expected u8, found an integer that isn't one"),
            (r#""sub":1,"plan":"evil""#, "`/plan`: expected one of `free`, `paid`, `trial`"),
            (r#""sub":1,"plan":5"#, "`/plan`: expected one of `free`, `paid`, `trial`"),
            (r#""sub":1,"plan":{"evil":5}"#, "`/plan`: expected one of `free`, `paid`, `trial`"),
            (r#""sub":1,"plan":{"trial":"evil"}"#, "`/plan/trial`: expected u32, found a string"),
            (r#""sub":1,"plan":{"paid":{"seats":"evil"}}"#, "`/plan/paid/seats`: expected u8, found a string"),
            (r#""sub":1,"address":{"zip":"evil"}"#, "`/address/zip`: expected u32, found a string"),
            (
                r#""sub":1,"address":{"zip":1,"evil":2}"#,
                "`/address`: has a member that the type doesn't allow; allowed are `zip`",
            ),
            (r#""sub":1,"either":"evil""#, "`/either`: fits no variant of the untagged enum Either"),
            (r#""sub":1,"checked":"evil""#, "`/checked`: the type's own check refuses the value"),
            (r#""sub":1,"tags":["a",{"evil":1}]"#, "`/tags/1`: expected a string, found an object"),
            (r#""sub":1,"tags":"evil""#, "`/tags`: expected a sequence, found a string"),
            (r#""sub":1,"limits":{"evil":"evil"}"#, "`/limits/*`: expected u32, found a string"),
            (r#""sub":1,"pair":[1]"#, "`/pair`: expected a tuple of size 2, found 1 of them"),
        ] {
            assert_eq!(mismatch::<User>(&format!("{{{members}}}")).as_deref(), Some(expected), "{members}");
        }
        assert_eq!(mismatch::<Flat>(r#"{"sub":"evil"}"#).as_deref(), Some("`/sub`: expected u64, found a string"));
        assert_eq!(mismatch::<u64>("{}").as_deref(), Some("expected u64, found an object"));
    }

    #[test]
    fn a_text_that_fits_has_no_mismatch() {
        for members in [r#""sub":1"#, r#""sub":1,"plan":"free","either":[1],"pair":[1,2],"limits":{"a":1},"x":[{}]"#] {
            assert_eq!(mismatch::<User>(&format!("{{{members}}}")), None, "{members}");
        }
        for plan in [r#"{"paid":{"seats":1}}"#, r#"{"trial":1}"#, r#"{"free":null}"#] {
            assert_eq!(mismatch::<Plan>(plan), None, "{plan}");
        }
        assert_eq!(mismatch::<User>("no JSON"), None);
    }
}
