use smallvec::SmallVec;

use super::Value;
use super::value::Text;

/// Where the outermost members of a text stand: what the reader found, for whoever wants to see them again.
///
/// It says nothing without its text. Of a text in which a member cannot be told in so few bytes it knows nothing, and the
/// text has to be read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    places: SmallVec<[Place; MANY]>,
    known: bool,
}

/// More members than this take an allocation.
const MANY: usize = 16;

/// Where a member stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
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

/// A member as the reader finds it.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// Where the name begins and ends, without its quotes.
    pub(super) name: (usize, usize),
    pub(super) name_escaped: bool,
    /// Where the value begins and ends, with its quotes where it has some.
    pub(super) value: (usize, usize),
}

impl Members {
    pub(super) fn begin(&mut self) {
        self.places.clear();
        self.known = true;
    }

    #[inline]
    pub(super) fn add(&mut self, found: Found, value: Value<'_>) {
        match Place::of(found, value) {
            Some(place) => self.places.push(place),
            None => self.known = false,
        }
    }

    /// The places of all members, in order; `None` where the text has to be read.
    #[inline]
    pub(super) fn places(&self) -> Option<&[Place]> {
        self.known.then_some(&self.places)
    }

    /// The members of the text that was read, in order; `None` where it has to be read again.
    #[inline]
    pub(crate) fn of<'m, 'a>(
        &'m self,
        text: &'a str,
    ) -> Option<impl Iterator<Item = (&'a str, Value<'a>)> + use<'m, 'a>> {
        Some(self.places()?.iter().map(move |place| (place.name(text), place.value(text))))
    }

    /// How many bytes they take beyond their own.
    pub(crate) fn spilled(&self) -> usize {
        if self.places.spilled() { self.places.capacity() * size_of::<Place>() } else { 0 }
    }
}

impl Place {
    #[inline]
    fn of(found: Found, value: Value<'_>) -> Option<Self> {
        let short = |at: usize| u16::try_from(at).ok();
        if found.name_escaped {
            return None;
        }
        Some(Self {
            name: short(found.name.0)?,
            value: short(found.value.0)?,
            end: short(found.value.1)?,
            length: u8::try_from(found.name.1 - found.name.0).ok()?,
            escaped: matches!(value, Value::Text(Text { escaped: true, .. })),
        })
    }

    #[inline]
    pub(super) fn name<'a>(&self, text: &'a str) -> &'a str {
        let start = usize::from(self.name);
        text.get(start..start + usize::from(self.length)).unwrap_or_default()
    }

    /// The value as it stands.
    #[inline]
    pub(super) fn json<'a>(&self, text: &'a str) -> &'a str {
        text.get(usize::from(self.value)..usize::from(self.end)).unwrap_or_default()
    }

    /// The value of a string without escapes.
    #[inline]
    pub(super) fn plain<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (start, end) = (usize::from(self.value), usize::from(self.end));
        let quoted = !self.escaped && text.as_bytes().get(start) == Some(&b'"');
        if quoted { text.get(start + 1..end.checked_sub(1)?) } else { None }
    }

    #[inline]
    fn value<'a>(&self, text: &'a str) -> Value<'a> {
        let json = self.json(text);
        match json.as_bytes().first() {
            Some(b'"') => {
                let raw = json.get(1..json.len() - 1).unwrap_or_default();
                Value::Text(Text { raw, escaped: self.escaped })
            }
            Some(b'{') => Value::Object(json),
            Some(b'[') => Value::Array(json),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') | None => Value::Null,
            Some(_) => Value::Number(json),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Unique, members, object};
    use super::*;

    fn seen(text: &str) -> Option<Vec<(String, String)>> {
        let mut found = Members::default();
        members(text, &mut found, |_, _| ()).expect("well-formed");
        found.of(text).map(|members| members.map(|(name, value)| (name.to_owned(), format!("{value:?}"))).collect())
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
