use smallvec::SmallVec;

use super::members::{Member, Members, NameSpan, Span};
use super::scan;
use super::value::Value;

/// The deepest accepted nesting. The outermost object is level one.
pub(crate) const MAX_DEPTH: usize = 32;

/// The most members of an object in a key.
const MAX_MEMBERS: usize = 100;

/// Where the rules beyond the grammar apply: unique names (RFC 7515 section 4, RFC 7519 section 4) and numbers in
/// range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unique {
    /// To every object in the text: headers and claims.
    Everywhere,
    /// To every object in the text, each with at most [`MAX_MEMBERS`]: a key, which may come from a fetched set.
    EverywhereFew,
    /// Only to the outermost object: a key set, where one bad key must not spoil the others.
    Outermost,
}

/// Why a text isn't an acceptable JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// The text isn't JSON.
    Syntax,
    /// The text is JSON, but its outermost value isn't an object.
    NotAnObject,
    /// Two members of one object have the same name.
    DuplicateName,
    /// Values are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// An object in a key has more than [`MAX_MEMBERS`].
    TooManyMembers,
    /// A number is too large for 64-bit floating point, so parsers disagree about it.
    OutOfRange,
}

impl JsonError {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Syntax => "not JSON",
            Self::NotAnObject => "not a JSON object",
            Self::DuplicateName => "two members of one object have the same name",
            Self::TooDeep => "nested too deeply",
            Self::TooManyMembers => "an object has more than 100 members",
            Self::OutOfRange => "a number is out of range",
        }
    }
}

/// Reads `text` as a JSON object and calls `member` for each of its members, in order.
///
/// The text is checked to its end before this returns `Ok`. If it returns an error, don't use the members that were
/// passed on.
pub(crate) fn object<'a>(
    text: &'a str,
    unique: Unique,
    mut member: impl FnMut(&str, Value<'a>),
) -> Result<(), JsonError> {
    Reader::new(text, unique).whole(&mut |found: Member<'a>| member(&found.name(), found.value()))
}

/// Reads an object with unique names everywhere, like [`object`], and indexes its members.
pub(crate) fn members<'a>(
    text: &'a str,
    members: &mut Members,
    mut member: impl FnMut(&Member<'a>),
) -> Result<(), JsonError> {
    members.begin();
    let read = Reader::new(text, Unique::Everywhere).whole(&mut |found: Member<'a>| {
        members.add(&found);
        member(&found);
    });
    if read.is_err() {
        *members = Members::default();
    }
    read
}

/// Calls `element` for each element of an array that has already been checked.
pub(crate) fn array<'a>(text: &'a str, mut element: impl FnMut(Value<'a>)) -> Result<(), JsonError> {
    let mut reader = Reader::new(text, Unique::Outermost);
    reader.array(0, 1, &mut |span: Span| element(span.value(text))).map(drop)
}

struct Reader<'a> {
    text: &'a str,
    unique: Unique,
    simple: bool,
    /// The names of all open objects, innermost last.
    names: SmallVec<[NameSpan; SMALL_OBJECT]>,
}

/// Objects of up to this size are checked for duplicates as they are read. The names of larger ones are sorted at the
/// end, so that a crafted text costs O(n log n).
const SMALL_OBJECT: usize = 16;

impl<'a> Reader<'a> {
    fn new(text: &'a str, unique: Unique) -> Self {
        Self { text, unique, simple: scan::is_simple(text.as_bytes()), names: SmallVec::new() }
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        scan::byte(self.text.as_bytes(), at)
    }

    #[inline(always)]
    fn skip_space(&self, at: usize) -> usize {
        scan::skip_space(self.text.as_bytes(), at)
    }

    fn whole<F: FnMut(Member<'a>)>(mut self, member: &mut F) -> Result<(), JsonError> {
        let start = self.skip_space(0);
        let end = match self.byte(start) {
            b'{' => self.object(start, 1, member)?,
            // This tells "not JSON" from "not an object" without reading on. The text is refused in both cases.
            b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9' => return Err(JsonError::NotAnObject),
            _ => return Err(JsonError::Syntax),
        };
        if self.skip_space(end) == self.text.len() { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// Returns the position after a value that begins at `start`, and whether it's a string with escapes.
    #[inline(always)]
    fn value(&mut self, start: usize, depth: usize) -> Result<(usize, bool), JsonError> {
        let end = match self.byte(start) {
            b'"' => {
                let (quote, escaped) = self.string(start + 1)?;
                return Ok((quote + 1, escaped));
            }
            b'-' | b'0'..=b'9' => self.number(start)?,
            b'{' => self.inner_object(start, depth)?,
            b'[' => self.inner_array(start, depth)?,
            b't' => self.literal(start, b"true")?,
            b'f' => self.literal(start, b"false")?,
            b'n' => self.literal(start, b"null")?,
            _ => return Err(JsonError::Syntax),
        };
        Ok((end, false))
    }

    #[inline(never)]
    fn inner_object(&mut self, start: usize, depth: usize) -> Result<usize, JsonError> {
        self.object(start, depth, &mut |_| ())
    }

    #[inline(never)]
    fn inner_array(&mut self, start: usize, depth: usize) -> Result<usize, JsonError> {
        self.array(start, depth, &mut |_| ())
    }

    fn literal(&self, start: usize, word: &[u8]) -> Result<usize, JsonError> {
        let here = self.text.as_bytes().get(start..).unwrap_or_default();
        if here.starts_with(word) { Ok(start + word.len()) } else { Err(JsonError::Syntax) }
    }

    /// Returns the position of the closing quote of a string whose first byte is at `start`, and whether it has
    /// escapes.
    #[inline(always)]
    fn string(&self, start: usize) -> Result<(usize, bool), JsonError> {
        let text = self.text.as_bytes();
        let end =
            if self.simple { scan::quote(text, start).map(|end| (end, false)) } else { scan::string(text, start) };
        end.ok_or(JsonError::Syntax)
    }

    #[inline(always)]
    fn number(&self, start: usize) -> Result<usize, JsonError> {
        let (end, exponent) = scan::number(self.text.as_bytes(), start).ok_or(JsonError::Syntax)?;
        // RFC 8259 section 6 allows limits. Short numbers without an exponent cannot exceed this one.
        let strict = self.unique != Unique::Outermost;
        if strict && (end - start > 300 || exponent) && !is_in_range(self.text.get(start..end)) {
            return Err(JsonError::OutOfRange);
        }
        Ok(end)
    }

    /// Returns the position after an object that begins at `start`.
    #[inline(always)]
    fn object<F: FnMut(Member<'a>)>(&mut self, start: usize, depth: usize, member: &mut F) -> Result<usize, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        let check = self.unique != Unique::Outermost || depth == 1;
        let first = self.names.len();
        let (mut seen, mut duplicate) = (0u64, false);
        let mut at = self.skip_space(start + 1);
        if self.byte(at) == b'}' {
            return Ok(at + 1);
        }
        loop {
            if self.byte(at) != b'"' {
                return Err(JsonError::Syntax);
            }
            let name = at + 1;
            let (name_end, name_escaped) = self.string(name)?;
            let name = NameSpan { start: name, end: name_end, escaped: name_escaped };
            at = self.skip_space(name_end + 1);
            if self.byte(at) != b':' {
                return Err(JsonError::Syntax);
            }
            let start = self.skip_space(at + 1);
            let (end, escaped) = self.value(start, depth + 1)?;
            member(Member { text: self.text, name, span: Span { start, end, escaped } });
            if check {
                // If the name's bit is new, so is the name.
                let bit = name.hash_bit(self.text);
                duplicate |= seen & bit != 0 && self.names.len() - first < SMALL_OBJECT && self.has(first, name);
                seen |= bit;
                self.names.push(name);
            }
            at = self.skip_space(end);
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b'}' => break,
                _ => return Err(JsonError::Syntax),
            }
        }
        if self.names.len() - first > SMALL_OBJECT {
            if self.unique == Unique::EverywhereFew && self.names.len() - first > MAX_MEMBERS {
                return Err(JsonError::TooManyMembers);
            }
            let mut names: Vec<_> = self.names[first..].iter().map(|name| name.decode(self.text)).collect();
            names.sort_unstable();
            duplicate |= names.windows(2).any(|pair| pair[0] == pair[1]);
        }
        self.names.truncate(first);
        if duplicate { Err(JsonError::DuplicateName) } else { Ok(at + 1) }
    }

    /// Whether one of the names from `first` on is equal to `name`.
    #[inline(never)]
    fn has(&self, first: usize, name: NameSpan) -> bool {
        self.names[first..].iter().any(|other| other.decode(self.text) == name.decode(self.text))
    }

    /// Returns the position after an array that begins at `start`.
    #[inline(always)]
    fn array<F: FnMut(Span)>(&mut self, start: usize, depth: usize, element: &mut F) -> Result<usize, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        if self.byte(start) != b'[' {
            return Err(JsonError::Syntax);
        }
        let mut at = self.skip_space(start + 1);
        if self.byte(at) == b']' {
            return Ok(at + 1);
        }
        loop {
            let start = at;
            let (end, escaped) = self.value(start, depth + 1)?;
            element(Span { start, end, escaped });
            at = self.skip_space(end);
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b']' => return Ok(at + 1),
                _ => return Err(JsonError::Syntax),
            }
        }
    }
}

#[cold]
fn is_in_range(number: Option<&str>) -> bool {
    number.is_some_and(|number| number.parse::<f64>().is_ok_and(f64::is_finite))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn members(text: &str) -> Result<Vec<(String, String)>, JsonError> {
        let mut seen = Vec::new();
        object(text, Unique::Everywhere, |name, value| seen.push((name.to_owned(), format!("{value:?}"))))?;
        Ok(seen)
    }

    #[test]
    fn a_text_that_is_not_one_json_object_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "{}{}",
            "{} x",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "{\"a\":1.}",
            "{\"a\":1e}",
            "{\"a\":-}",
            "{\"a\":0x1}",
            "{\"a\":NaN}",
            "{\"a\":tru}",
            "{'a':1}",
            "{a:1}",
            "{\"a\":1 /*c*/}",
            "\u{feff}{}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"a\":\"\\ud800\\u0041\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":[1,]}",
            "{\"a\":[1 2]}",
            "{\"a\":\"",
        ] {
            assert_eq!(members(text), Err(JsonError::Syntax), "{text}");
            // The line end makes the reader look at strings byte by byte.
            assert_eq!(members(&format!("{text}\n")), Err(JsonError::Syntax), "{text}");
        }
        for text in ["[]", "\"a\"", "1", "-1", "null", "true", "false"] {
            assert_eq!(members(text), Err(JsonError::NotAnObject), "{text}");
        }
    }

    #[test]
    fn any_one_byte_change_is_accepted_only_if_serde_json_accepts_it() {
        let compare = |text: &[u8]| {
            let Ok(text) = std::str::from_utf8(text) else { return };
            let own = object(text, Unique::Everywhere, |_, _| ());
            let is_object = serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok();
            // `serde_json` uses the last of several members with the same name; nothing else may differ.
            assert!(own.is_ok() == is_object || (is_object && own == Err(JsonError::DuplicateName)), "{text} {own:?}");
        };
        for text in [
            r#"{"a":"b","cd":[1,-2.5e+3,true,false,null,{"e":{}}],"f":"long enough for a word"}"#,
            " {\"a\\u00e9\\ud83d\\ude00\" :\t\"\\\"\\\\\\n é\" ,\r\n\"b\": [ ] , \"c\" : 0.10 } ",
        ] {
            for at in 0..=text.len() {
                for byte in b"\0\t \"\\{}[]:,+-.019aeEnrtuz\x7f\xc3" {
                    let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at..]);
                    compare(&[before, &[*byte], after].concat());
                    compare(&[before, &[*byte], after.get(1..).unwrap_or_default()].concat());
                    compare(&[before, after.get(1..).unwrap_or_default()].concat());
                }
            }
        }
    }

    #[test]
    fn a_duplicate_name_is_refused_even_if_it_is_escaped() {
        for text in
            [r#"{"a":1,"a":1}"#, r#"{"sub":1,"\u0073ub":2}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[{"a":1,"a":2}]}"#]
        {
            assert_eq!(members(text), Err(JsonError::DuplicateName), "{text}");
        }
        let many = |last: &str| {
            let names: Vec<String> = (0..40).map(|n| format!("\"n{n}\":{{\"n{n}\":0}}")).collect();
            format!("{{{},\"{last}\":1}}", names.join(","))
        };
        assert!(members(&many("fresh")).is_ok());
        assert_eq!(members(&many("n7")), Err(JsonError::DuplicateName));
        assert!(object(r#"{"keys":[{"a":1,"a":2}]}"#, Unique::Outermost, |_, _| ()).is_ok());
        assert!(object(r#"{"keys":[],"keys":[]}"#, Unique::Outermost, |_, _| ()).is_err());
    }

    #[test]
    fn a_number_beyond_64_bit_floating_point_is_refused() {
        let long = "9".repeat(400);
        for (number, expected) in [
            ("1e308", Ok(())),
            ("1e-400", Ok(())),
            ("123456789012345678901234567890", Ok(())),
            ("1e309", Err(JsonError::OutOfRange)),
            ("-1E400", Err(JsonError::OutOfRange)),
            (long.as_str(), Err(JsonError::OutOfRange)),
        ] {
            assert_eq!(members(&format!("{{\"a\":[{number}]}}")).map(drop), expected, "{number}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_stack_overflow() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(members(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(members(&nested(MAX_DEPTH)), Err(JsonError::TooDeep));
        assert_eq!(members(&nested(200_000)), Err(JsonError::TooDeep));
    }

    #[test]
    fn strings_are_decoded_as_in_serde_json() {
        for raw in [r#""""#, r#""plain""#, r#""\"\\\/\b\f\n\r\t""#, r#""\u00e9\ud83d\ude00 é""#, r#""\u0000""#] {
            let text = format!("{{\"a\":{raw}}}");
            let expected: String = serde_json::from_str(raw).expect("valid JSON");
            let mut seen = None;
            object(&text, Unique::Everywhere, |_, value| seen = value.as_text().map(Cow::into_owned)).expect("valid");
            assert_eq!(seen, Some(expected), "{raw}");
        }
    }
}
