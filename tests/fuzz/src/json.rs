//! Writes JSON that is valid or nearly so, and reads it with `serde_json` and strict rules.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::Input;

/// The deepest nesting that tokens may have.
const MAX_DEPTH: usize = 32;

/// A value as `serde_json` reads it. An object keeps duplicate members.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Reads an object with unique names at every depth and at most 32 levels.
    #[must_use]
    pub fn object(text: &str) -> Option<Self> {
        Self::read(text).filter(|json| matches!(json, Self::Object(_)) && json.depth() <= MAX_DEPTH && json.is_unique())
    }

    /// Returns whether names are unique in every object.
    fn is_unique(&self) -> bool {
        match self {
            Self::Array(elements) => elements.iter().all(Self::is_unique),
            Self::Object(members) => self.names_are_unique() && members.iter().all(|(_, value)| value.is_unique()),
            _ => true,
        }
    }

    /// Returns whether this is an object with unique names. Objects inside are not checked.
    #[must_use]
    pub fn names_are_unique(&self) -> bool {
        let Self::Object(members) = self else { return false };
        let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.len() == members.len()
    }

    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the elements if all are strings.
    #[must_use]
    pub fn texts(&self) -> Option<Vec<&str>> {
        if let Self::Array(elements) = self { elements.iter().map(Self::text).collect() } else { None }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Number(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Number(value.into()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
                serde_json::Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("infinite"))
            }

            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Json, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = array.next_element()? {
                    elements.push(element);
                }
                Ok(Json::Array(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
                let mut members: Vec<(String, Json)> = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Writes an object with the `written` members, followed by members that the input chooses.
pub fn write_object(input: &mut Input<'_>, names: &[&str], written: &[(String, String)]) -> String {
    let mut out = String::new();
    space(input, &mut out);
    let mut writer = Writer { input, out, names };
    writer.object(1, written);
    let Writer { input, mut out, .. } = writer;
    space(input, &mut out);
    if input.once_in(100) {
        out.push_str(&input.text(4));
    }
    out
}

/// Writes a string, sometimes with every character escaped.
#[must_use]
pub fn quote(input: &mut Input<'_>, text: &str) -> String {
    if input.once_in(8) {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        return format!("\"{units}\"");
    }
    serde_json::Value::from(text).to_string()
}

/// Writes a value that is valid or nearly so.
pub fn write_value(input: &mut Input<'_>, names: &[&str]) -> String {
    let mut writer = Writer { input, out: String::new(), names };
    writer.value(1);
    writer.out
}

struct Writer<'w, 'i> {
    input: &'w mut Input<'i>,
    out: String,
    names: &'w [&'w str],
}

const NUMBERS: [&str; 27] = [
    "0",
    "-0",
    "1",
    "-1",
    "5",
    "7",
    "255",
    "256",
    "-129",
    "65536",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "1.5",
    "-0.5",
    "-2.25e3",
    "0.1234567890123456789",
    "1e308",
    "1e309",
    "5e-324",
    "1e-400",
    "3.5e38",
];

const TEXTS: [&str; 16] = [
    "",
    "a",
    "b",
    "true",
    "1",
    "-5",
    "1.5",
    "null",
    "é",
    "\\n",
    "\\u0061",
    "\\ud83d\\ude00",
    "\\ud800",
    "😀",
    "One",
    "$serde_json::private::Number",
];

impl Writer<'_, '_> {
    fn object(&mut self, depth: usize, written: &[(String, String)]) {
        self.out.push('{');
        let mut first = true;
        let mut separate = |out: &mut String| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
        };
        for (name, value) in written {
            separate(&mut self.out);
            space(self.input, &mut self.out);
            let name = quote(self.input, name);
            self.out.push_str(&name);
            space(self.input, &mut self.out);
            self.out.push(':');
            self.out.push_str(value);
        }
        let most = if depth == 1 { 12 } else { 4 };
        for _ in 0..self.input.below(most) {
            separate(&mut self.out);
            space(self.input, &mut self.out);
            self.name();
            space(self.input, &mut self.out);
            self.out.push(':');
            self.value(depth + 1);
        }
        self.out.push('}');
    }

    fn name(&mut self) {
        if self.names.is_empty() || self.input.once_in(4) {
            self.text();
        } else {
            let name = self.input.pick(self.names);
            let name = quote(self.input, name);
            self.out.push_str(&name);
        }
    }

    fn text(&mut self) {
        self.out.push('"');
        for _ in 0..self.input.below(4) {
            let part = self.input.pick(&TEXTS);
            self.out.push_str(part);
        }
        if self.input.once_in(16) {
            let part = self.input.text(8);
            self.out.push_str(&part);
        }
        self.out.push('"');
    }

    fn value(&mut self, depth: usize) {
        space(self.input, &mut self.out);
        let kinds = if depth > 5 { 6 } else { 9 };
        match self.input.below(kinds) {
            0 | 1 => self.text(),
            2 => {
                let number = self.input.pick(&NUMBERS);
                self.out.push_str(number);
            }
            3 => self.out.push_str("null"),
            4 => self.out.push_str(if self.input.once_in(2) { "true" } else { "false" }),
            5 => {
                let number = i32::from_le_bytes([0; 4].map(|_: u8| self.input.byte()));
                self.out.push_str(&number.to_string());
                match self.input.below(16) {
                    13 => self.out.push_str(".5"),
                    14 => self.out.push_str("e2"),
                    15 => {
                        let part = self.input.text(3);
                        self.out.push_str(&part);
                    }
                    _ => {}
                }
            }
            6 => {
                self.out.push('[');
                for index in 0..self.input.below(4) {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.value(depth + 1);
                }
                self.out.push(']');
            }
            7 => self.object(depth + 1, &[]),
            _ => {
                let deep = if self.input.once_in(8) { self.input.below(48) } else { 1 };
                self.out.push_str(&"[".repeat(deep));
                self.value(depth + 1);
                self.out.push_str(&"]".repeat(deep));
            }
        }
        space(self.input, &mut self.out);
    }
}

fn space(input: &mut Input<'_>, out: &mut String) {
    match input.below(64) {
        60 => out.push(' '),
        61 => out.push_str("\r\n"),
        62 => out.push('\t'),
        63 => out.push_str(&input.text(2)),
        _ => {}
    }
}
