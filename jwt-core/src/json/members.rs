use std::borrow::Cow;

use smallvec::SmallVec;

use super::scan;
use super::value::{Text, Value};

/// Where the outermost members of a text stand: what the reader found, for whoever wants to see them again.
///
/// It says nothing without its text. Of a text in which a member cannot be told in so few bytes it knows nothing, and the
/// text has to be read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    entries: SmallVec<[Entry; MANY]>,
    known: bool,
}

/// More members than this take an allocation.
const MANY: usize = 16;

/// A member, in few bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// Where the name begins, after its quote.
    name: u16,
    /// Where the value begins and ends, with its quotes where it has some.
    value: u16,
    end: u16,
    /// How long the name is.
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

    /// The members of the text that was read, in order, none of whose names has escapes; `None` where it has to be read
    /// again.
    #[inline]
    pub(crate) fn of<'m, 'a>(
        &'m self,
        text: &'a str,
    ) -> Option<impl ExactSizeIterator<Item = Member<'a>> + use<'m, 'a>> {
        self.known.then(|| self.entries.iter().map(move |entry| entry.member(text)))
    }

    /// How many bytes they take beyond their own.
    pub(crate) fn spilled(&self) -> usize {
        if self.entries.spilled() { self.entries.capacity() * size_of::<Entry>() } else { 0 }
    }
}

impl Entry {
    #[inline]
    fn of(member: &Member<'_>) -> Option<Self> {
        let short = |at: usize| u16::try_from(at).ok();
        let Member { name, value_span, .. } = member;
        if name.escaped {
            return None;
        }
        Some(Self {
            name: short(name.start)?,
            value: short(value_span.start)?,
            end: short(value_span.end)?,
            length: u8::try_from(name.end - name.start).ok()?,
            escaped: value_span.escaped,
        })
    }

    #[inline]
    fn member(self, text: &str) -> Member<'_> {
        let start = usize::from(self.name);
        Member {
            text,
            name: NameSpan { start, end: start + usize::from(self.length), escaped: false },
            value_span: Span { start: self.value.into(), end: self.end.into(), escaped: self.escaped },
        }
    }
}

/// Where a value stands: with its quotes, where it has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is a string with escapes.
    pub(super) escaped: bool,
}

/// Where a member's name stands, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameSpan {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// A member of an object, in the text in which it was found.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(super) text: &'a str,
    pub(super) name: NameSpan,
    pub(super) value_span: Span,
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
        self.value_span.value(self.text)
    }

    /// The value as it stands.
    #[inline]
    pub(super) fn json(&self) -> &'a str {
        between(self.text, self.value_span.start, self.value_span.end)
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
    fn members_are_seen_again_as_they_were_read() {
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
    fn what_cannot_be_told_in_few_bytes_is_not_known() {
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
