use std::borrow::Cow;

use smallvec::SmallVec;

use super::members::{Found, Members};
use super::value::{Text, Value};

/// The deepest nesting that is read; the outermost object is level one.
pub(crate) const MAX_DEPTH: usize = 32;

/// How far the rules reach that go beyond the grammar: unique names (RFC 7515 section 4, RFC 7519 section 4) and numbers
/// in range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unique {
    /// Every object in the text: headers, claims, one key.
    Everywhere,
    /// The outermost object alone: a key set, in which one bad key must not spoil the others.
    Outermost,
}

/// Why a text is not a JSON object of the kind that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// The text is not JSON.
    Syntax,
    /// The text is JSON, but its outermost value is no object.
    NotAnObject,
    /// Two members of one object have the same name.
    DuplicateName,
    /// Values are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A number is larger than any that readers agree on: those of IEEE 754 with 64 bits.
    OutOfRange,
}

impl JsonError {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Syntax => "not JSON",
            Self::NotAnObject => "not a JSON object",
            Self::DuplicateName => "two members of one object have the same name",
            Self::TooDeep => "nested too deeply",
            Self::OutOfRange => "a number is out of range",
        }
    }
}

/// Reads `text` as one JSON object and calls `member` for each of its members, in order.
///
/// The text is checked to its end before this returns `Ok`; members seen before an error are not to be used.
pub(crate) fn object<'a>(
    text: &'a str,
    unique: Unique,
    mut member: impl FnMut(&str, Value<'a>),
) -> Result<(), JsonError> {
    Reader::new(text, unique).whole(&mut |name, value, _| member(name, value))
}

/// As [`object`], with unique names everywhere, and puts down where the members stand.
pub(crate) fn members<'a>(
    text: &'a str,
    members: &mut Members,
    mut member: impl FnMut(&str, Value<'a>),
) -> Result<(), JsonError> {
    members.begin();
    Reader::new(text, Unique::Everywhere).whole(&mut |name, value, found| {
        members.add(found, value);
        member(name, value);
    })
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// Calls `element` for each element of an array that an earlier pass found well-formed.
pub(crate) fn array<'a>(text: &'a str, mut element: impl FnMut(Value<'a>)) -> Result<(), JsonError> {
    let mut reader = Reader { text, at: 0, unique: Unique::Outermost, simple: false, names: SmallVec::new() };
    reader.array(1, &mut element)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    unique: Unique,
    /// Whether every string ends at the next quote: nothing in the text is escaped or would have to be.
    simple: bool,
    /// The names of every object that is open, innermost last.
    names: SmallVec<[Text<'a>; FEW]>,
}

/// Objects of so many members are checked for duplicates as they are read; larger ones are sorted at their end, so that
/// a crafted text costs O(n log n).
const FEW: usize = 16;

impl<'a> Reader<'a> {
    fn new(text: &'a str, unique: Unique) -> Self {
        // All bytes are looked at, which takes fewer steps than looking for the first.
        let simple = text.bytes().fold(true, |simple, byte| simple & (byte >= 0x20) & (byte != b'\\'));
        Self { text, at: 0, unique, simple, names: SmallVec::new() }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no space.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    fn whole<F: FnMut(&str, Value<'a>, Found)>(mut self, member: &mut F) -> Result<(), JsonError> {
        match self.token() {
            Some(b'{') => self.object(1, member)?,
            // Tells "not JSON" from "JSON, but not an object" without reading on: both are refused alike.
            Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => return Err(JsonError::NotAnObject),
            _ => return Err(JsonError::Syntax),
        }
        if self.token().is_none() { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(JsonError::Syntax)
        }
    }

    #[inline(always)]
    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        match self.peek().ok_or(JsonError::Syntax)? {
            b'"' => self.string().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => {
                self.inner_object(depth)?;
                Ok(Value::Object(&self.text[start..self.at]))
            }
            b'[' => {
                self.inner_array(depth)?;
                Ok(Value::Array(&self.text[start..self.at]))
            }
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            _ => Err(JsonError::Syntax),
        }
    }

    #[inline(never)]
    fn inner_object(&mut self, depth: usize) -> Result<(), JsonError> {
        self.object(depth, &mut |_, _, _| ())
    }

    #[inline(never)]
    fn inner_array(&mut self, depth: usize) -> Result<(), JsonError> {
        self.array(depth, &mut |_| ())
    }

    #[inline]
    fn object<F: FnMut(&str, Value<'a>, Found)>(&mut self, depth: usize, member: &mut F) -> Result<(), JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        let check = self.unique == Unique::Everywhere || depth == 1;
        let first = self.names.len();
        let (mut seen, mut duplicate) = (0u64, false);
        self.expect(b'{')?;
        if self.token() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.token();
            let name_start = self.at + 1;
            let name = self.string()?;
            let name_end = self.at - 1;
            self.token();
            self.expect(b':')?;
            self.token();
            let start = self.at;
            let value = self.value(depth + 1)?;
            let found = Found { name: (name_start, name_end), name_escaped: name.escaped, value: (start, self.at) };
            let mark = if name.escaped {
                let name = name.decode();
                member(&name, value, found);
                mark(&name)
            } else {
                member(name.raw, value, found);
                mark(name.raw)
            };
            if check {
                // A name whose mark is new is new.
                duplicate |= seen & mark != 0 && self.names.len() - first < FEW && holds(&self.names[first..], name);
                seen |= mark;
                self.names.push(name);
            }
            match self.token() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                _ => return Err(JsonError::Syntax),
            }
        }
        if self.names.len() - first > FEW {
            let mut names: Vec<Cow<'_, str>> = self.names[first..].iter().map(|name| name.decode()).collect();
            names.sort_unstable();
            duplicate |= names.windows(2).any(|pair| pair[0] == pair[1]);
        }
        self.names.truncate(first);
        if duplicate { Err(JsonError::DuplicateName) } else { Ok(()) }
    }

    #[inline]
    fn array<F: FnMut(Value<'a>)>(&mut self, depth: usize, element: &mut F) -> Result<(), JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.expect(b'[')?;
        if self.token() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.token();
            element(self.value(depth + 1)?);
            match self.token() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(JsonError::Syntax),
            }
        }
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let (start, mut exponent) = (self.at, false);
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(JsonError::Syntax),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            exponent = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let number = &self.text[start..self.at];
        // RFC 8259 section 6 lets readers set limits. Short numbers without an exponent keep to this one.
        let in_range = |number: &str| number.parse::<f64>().is_ok_and(f64::is_finite);
        let strict = self.unique == Unique::Everywhere;
        if strict && (number.len() > 300 || exponent) && !in_range(number) {
            return Err(JsonError::OutOfRange);
        }
        Ok(Value::Number(number))
    }

    fn digits(&mut self) {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit());
        self.at += digits.count();
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(JsonError::Syntax) } else { Ok(()) }
    }

    /// RFC 8259 section 7; unpaired surrogates (section 8.2) are refused.
    #[inline(always)]
    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        self.expect(b'"')?;
        if !self.simple {
            return self.any_string();
        }
        let start = self.at;
        let end = start + before_quote(&self.text.as_bytes()[start..]);
        let raw = self.text.get(start..end).ok_or(JsonError::Syntax)?;
        self.at = end;
        self.expect(b'"')?;
        Ok(Text { raw, escaped: false })
    }

    #[inline(never)]
    fn any_string(&mut self) -> Result<Text<'a>, JsonError> {
        let (start, mut escaped) = (self.at, false);
        loop {
            self.at += plain(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Text { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                _ => return Err(JsonError::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek().ok_or(JsonError::Syntax)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(())
            }
            b'u' => {
                self.at += 1;
                match self.unit()? {
                    0xd800..=0xdbff => {
                        self.expect(b'\\')?;
                        self.expect(b'u')?;
                        if (0xdc00..=0xdfff).contains(&self.unit()?) { Ok(()) } else { Err(JsonError::Syntax) }
                    }
                    0xdc00..=0xdfff => Err(JsonError::Syntax),
                    _ => Ok(()),
                }
            }
            _ => Err(JsonError::Syntax),
        }
    }

    /// Four hexadecimal digits: one UTF-16 code unit.
    fn unit(&mut self) -> Result<u16, JsonError> {
        let mut unit = 0u16;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or(JsonError::Syntax)?;
            unit = unit << 4 | digit as u16;
            self.at += 1;
        }
        Ok(unit)
    }
}

fn holds(names: &[Text<'_>], name: Text<'_>) -> bool {
    names.iter().any(|other| {
        if name.escaped || other.escaped { name.decode() == other.decode() } else { name.raw == other.raw }
    })
}

/// One of 64 bits, the same for equal names and mostly different for others.
#[inline]
fn mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    1 << ((bytes.len() * 37 + end(bytes.first()) * 7 + end(bytes.last())) % 64)
}

/// How many bytes there are before the first quote.
#[inline(always)]
fn before_quote(bytes: &[u8]) -> usize {
    let (mut at, mut rest) = (0, bytes);
    while let Some((word, more)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word) ^ (ONES * 0x22);
        let found = word.wrapping_sub(ONES) & !word & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        (at, rest) = (at + 8, more);
    }
    at + rest.iter().take_while(|&&byte| byte != b'"').count()
}

/// How many of the bytes, from the first on, stand in a string for themselves: none below 0x20, no quote, no backslash.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // Eight bytes at a time: subtraction sets the high bit of a byte that is below the subtrahend, and borrows only
        // above such a byte, so the lowest that is found is right. With one bit flipped a quote, 0x22, comes right after
        // the control characters.
        let word = u64::from_le_bytes(*word);
        let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let found = (control_or_quote | backslash) & !word & HIGHS;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count();
    words.len() * 8 + plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Result<Vec<(String, String)>, JsonError> {
        let mut seen = Vec::new();
        object(text, Unique::Everywhere, |name, value| seen.push((name.to_owned(), format!("{value:?}"))))?;
        Ok(seen)
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
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
            // With a line end it is one of those in which strings are looked at byte by byte.
            assert_eq!(members(&format!("{text}\n")), Err(JsonError::Syntax), "{text}");
        }
        for text in ["[]", "\"a\"", "1", "-1", "null", "true", "false"] {
            assert_eq!(members(text), Err(JsonError::NotAnObject), "{text}");
        }
    }

    #[test]
    fn a_name_given_twice_is_refused_however_it_is_written() {
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
    fn a_number_that_readers_disagree_on_is_refused() {
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
    fn nesting_ends_at_the_limit_without_using_the_stack_up() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(members(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(members(&nested(MAX_DEPTH)), Err(JsonError::TooDeep));
        assert_eq!(members(&nested(200_000)), Err(JsonError::TooDeep));
    }

    #[test]
    fn a_string_ends_at_the_first_byte_that_does_not_stand_for_itself() {
        for length in 0..20 {
            for byte in 0..=u8::MAX {
                for fill in [b'a', b'!', 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![fill; 20];
                    bytes[length] = byte;
                    let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
                    assert_eq!(plain(&bytes), if ends { length } else { 20 }, "{byte:#x} at {length} in {fill:#x}");
                    let quote = if byte == b'"' { length } else { 20 };
                    assert_eq!(before_quote(&bytes), quote, "{byte:#x} at {length} in {fill:#x}");
                }
            }
        }
        assert_eq!((plain(b"\"\\"), before_quote(b"\"\"#")), (0, 0));
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them() {
        for raw in [r#""""#, r#""plain""#, r#""\"\\\/\b\f\n\r\t""#, r#""\u00e9\ud83d\ude00 é""#, r#""\u0000""#] {
            let text = format!("{{\"a\":{raw}}}");
            let expected: String = serde_json::from_str(raw).expect("valid JSON");
            let mut seen = None;
            object(&text, Unique::Everywhere, |_, value| seen = value.as_text().map(Cow::into_owned)).expect("valid");
            assert_eq!(seen, Some(expected), "{raw}");
        }
    }
}
