use smallvec::SmallVec;

use super::place::{Member, Name, Place};

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
        let Member { name, place, .. } = member;
        if name.escaped {
            return None;
        }
        Some(Self {
            name: short(name.start)?,
            value: short(place.start)?,
            end: short(place.end)?,
            length: u8::try_from(name.end - name.start).ok()?,
            escaped: place.escaped,
        })
    }

    #[inline]
    fn member(self, text: &str) -> Member<'_> {
        let start = usize::from(self.name);
        Member {
            text,
            name: Name { start, end: start + usize::from(self.length), escaped: false },
            place: Place { start: self.value.into(), end: self.end.into(), escaped: self.escaped },
        }
    }
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
