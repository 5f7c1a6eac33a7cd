use std::borrow::Cow;

use super::scan;
use super::value::{Text, Value};

/// Where a value stands: with its quotes, where it has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is a string with escapes.
    pub(super) escaped: bool,
}

/// Where a member's name stands, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// A member of an object, in the text in which it was found.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(super) text: &'a str,
    pub(super) name: Name,
    pub(super) place: Place,
}

impl<'a> Member<'a> {
    #[inline]
    pub(crate) fn name(&self) -> Cow<'a, str> {
        self.name.decode(self.text)
    }

    /// The name of one whose name has no escapes.
    #[inline]
    pub(super) fn plain_name(&self) -> &'a str {
        between(self.text, self.name.start, self.name.end)
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> Value<'a> {
        self.place.value(self.text)
    }

    /// The value as it stands.
    #[inline]
    pub(super) fn json(&self) -> &'a str {
        between(self.text, self.place.start, self.place.end)
    }

    /// The value of a string without escapes.
    #[inline]
    pub(super) fn plain(&self) -> Option<&'a str> {
        match self.value() {
            Value::Text(Text { raw, escaped: false }) => Some(raw),
            _ => None,
        }
    }
}

impl Place {
    #[inline(always)]
    pub(super) fn value(self, text: &str) -> Value<'_> {
        let Self { start, end, escaped } = self;
        match scan::byte(text.as_bytes(), start) {
            b'"' => Value::Text(Text { raw: between(text, start + 1, end - 1), escaped }),
            b'{' => Value::Object(between(text, start, end)),
            b'[' => Value::Array(between(text, start, end)),
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'-' | b'0'..=b'9' => Value::Number(between(text, start, end)),
            _ => Value::Null,
        }
    }
}

impl Name {
    #[inline]
    pub(super) fn decode(self, text: &str) -> Cow<'_, str> {
        Text { raw: between(text, self.start, self.end), escaped: self.escaped }.decode()
    }

    /// One of 64 bits, the same for equal names and mostly different for others.
    #[inline]
    pub(super) fn mark(self, text: &str) -> u64 {
        let of = |text: &[u8], start: usize, end: usize| {
            let (first, last) = (scan::byte(text, start), scan::byte(text, end.wrapping_sub(1)));
            1 << (((end - start) * 37 + usize::from(first) * 7 + usize::from(last)) % 64)
        };
        if self.escaped {
            let name = self.decode(text);
            of(name.as_bytes(), 0, name.len())
        } else {
            of(text.as_bytes(), self.start, self.end)
        }
    }
}

/// Places come from the reader, which finds them at ASCII characters: the fallback is never taken.
#[inline]
fn between(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}
