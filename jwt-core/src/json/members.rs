use std::borrow::Cow;

use smallvec::SmallVec;

use super::scan;
use super::value::{Text, Value};

/// An index of an object's outermost members, which the reader found. With it, they can be read again without
/// parsing.
///
/// It's useless without the text that it belongs to. If a member does not fit into an [`Entry`], the index is unusable
/// and the text has to be parsed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    entries: SmallVec<[Entry; INLINE_MEMBERS]>,
    known: bool,
}

/// More members than this need an allocation.
const INLINE_MEMBERS: usize = 16;

/// The position of a member, in eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// Where the name begins, after its quote.
    name: u16,
    /// Where the value begins and ends, including the quotes of a string.
    value: u16,
    end: u16,
    /// The length of the name.
    length: u8,
    /// Whether the value is a string with escapes.
    escaped: bool,
}

impl Members {
    pub(super) fn begin(&mut self) {
        self.entries.clear();
        self.known = true;
    }

    #[inline]
    pub(super) fn add(&mut self, member: &Member<'_>) {
        match Entry::of(member) {
            Some(entry) => self.entries.push(entry),
            None => self.known = false,
        }
    }

    /// Returns the members of the indexed text in order. Their names have no escapes. Returns `None` if the text has
    /// to be parsed again.
    #[inline]
    pub(crate) fn of<'m, 'a>(
        &'m self,
        text: &'a str,
    ) -> Option<impl ExactSizeIterator<Item = Member<'a>> + use<'m, 'a>> {
        self.known.then(|| self.entries.iter().map(move |entry| entry.member(text)))
    }

    /// How many bytes it has allocated.
    pub(crate) fn spilled(&self) -> usize {
        if self.entries.spilled() { self.entries.capacity() * size_of::<Entry>() } else { 0 }
    }
}

impl Entry {
    #[inline]
    fn of(member: &Member<'_>) -> Option<Self> {
        let short = |at: usize| u16::try_from(at).ok();
        let Member { name, span, .. } = member;
        if name.escaped {
            return None;
        }
        Some(Self {
            name: short(name.start)?,
            value: short(span.start)?,
            end: short(span.end)?,
            length: u8::try_from(name.end - name.start).ok()?,
            escaped: span.escaped,
        })
    }

    #[inline]
    fn member(self, text: &str) -> Member<'_> {
        let start = usize::from(self.name);
        Member {
            text,
            name: NameSpan { start, end: start + usize::from(self.length), escaped: false },
            span: Span { start: self.value.into(), end: self.end.into(), escaped: self.escaped },
        }
    }
}

/// The position of a value, including the quotes of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it's a string with escapes.
    pub(super) escaped: bool,
}

/// The position of a member's name, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameSpan {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// A member of an object, as a part of the text.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(super) text: &'a str,
    pub(super) name: NameSpan,
    pub(super) span: Span,
}

impl<'a> Member<'a> {
    #[inline]
    pub(crate) fn name(&self) -> Cow<'a, str> {
        self.name.decode(self.text)
    }

    /// The name, for a member whose name has no escapes.
    #[inline]
    pub(super) fn plain_name(&self) -> &'a str {
        between(self.text, self.name.start, self.name.end)
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> Value<'a> {
        self.span.value(self.text)
    }

    /// The text of the value.
    #[inline]
    pub(super) fn json(&self) -> &'a str {
        between(self.text, self.span.start, self.span.end)
    }

    /// The value, if it's a string without escapes.
    #[inline]
    pub(super) fn plain(&self) -> Option<&'a str> {
        match self.value() {
            Value::Text(Text { raw, escaped: false }) => Some(raw),
            _ => None,
        }
    }
}

impl Span {
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

impl NameSpan {
    #[inline]
    pub(super) fn decode(self, text: &str) -> Cow<'_, str> {
        Text { raw: between(text, self.start, self.end), escaped: self.escaped }.decode()
    }

    /// Sets one of 64 bits: always the same for equal names, and mostly different for others.
    #[inline]
    pub(super) fn hash_bit(self, text: &str) -> u64 {
        let of = |text: &[u8], start: usize, end: usize| {
            let (first, last) = (scan::byte(text, start), scan::byte(text, end.wrapping_sub(1)));
            // With these factors, names that are often together rarely have the same bit.
            1 << (((end - start) * 41 + usize::from(first) * 3 + usize::from(last)) % 64)
        };
        if self.escaped {
            let name = self.decode(text);
            of(name.as_bytes(), 0, name.len())
        } else {
            of(text.as_bytes(), self.start, self.end)
        }
    }
}

/// Positions come from the reader, which finds them at ASCII characters. So the fallback is never used.
#[inline]
fn between(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{Unique, members, object};
    use super::*;

    fn seen(text: &str) -> Option<Vec<(String, String)>> {
        let mut found = Members::default();
        members(text, &mut found, |_| ()).expect("well-formed");
        found.of(text).map(|members| {
            members.map(|member| (member.name().into_owned(), format!("{:?}", member.value()))).collect()
        })
    }

    fn read(text: &str) -> Vec<(String, String)> {
        let mut read = Vec::new();
        object(text, Unique::Everywhere, |name, value| read.push((name.to_owned(), format!("{value:?}"))))
            .expect("well-formed");
        read
    }

    #[test]
    fn indexed_members_are_the_same_as_parsed_members() {
        let many: Vec<String> = (0..50).map(|number| format!("\"n{number}\":{number}")).collect();
        for text in [
            "{}",
            " { } ",
            r#"{"":""}"#,
            r#"{"a":"b","c":1.5e3,"d":[1,"x"],"e":{"f":null},"g":true,"h":false,"i":null,"é":"ü"}"#,
            " {\t\"a\" : \"\\u0062\\\"\" ,\n\"c\":-1 , \"d\" : [ ] , \"e\":{ } } ",
            &format!("{{{}}}", many.join(",")),
        ] {
            assert_eq!(seen(text), Some(read(text)), "{text}");
        }
    }

    #[test]
    fn a_text_with_a_member_that_does_not_fit_is_not_indexed() {
        let (long, vast) = ("n".repeat(256), "v".repeat(70_000));
        for (text, known) in [
            (format!(r#"{{"{}":1}}"#, &long[1..]), true),
            (format!(r#"{{"a":1,"{long}":1}}"#), false),
            (r#"{"a":1,"\u0062":2}"#.to_owned(), false),
            (format!(r#"{{"a":"{vast}","b":1}}"#), false),
            (format!(r#"{{"a":"{}"}}"#, &vast[..65_528]), true),
            (format!(r#"{{"a":"{}"}}"#, &vast[..65_529]), false),
        ] {
            assert_eq!(seen(&text), known.then(|| read(&text)), "{}", &text[..20.min(text.len())]);
        }
        assert!(Members::default().of("{}").is_none(), "nothing was read");
    }
}
