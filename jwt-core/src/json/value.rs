use std::borrow::Cow;

/// The text of a string between its quotes, which has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(super) raw: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// Decodes the string. It's borrowed unless it has escapes.
    #[inline]
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// A value, as a slice of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Text<'a>),
    Array(&'a str),
    Object(&'a str),
}

impl<'a> Value<'a> {
    /// Returns the string, or `None` for any other kind of value.
    pub(crate) fn as_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) => Some(text.decode()),
            _ => None,
        }
    }
}

/// Decodes the escapes of a string that the reader accepted. It would skip invalid ones, not refuse them.
#[cold]
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (kind, after) = (rest.as_bytes().get(at + 1), rest.get(at + 2..).unwrap_or_default());
        rest = after;
        match kind {
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'u') => {
                let high = unit_at(rest, 0);
                let low = if matches!(high, 0xd800..=0xdbff) { Some(unit_at(rest, 6)) } else { None };
                rest = rest.get(if low.is_some() { 10 } else { 4 }..).unwrap_or_default();
                out.extend(char::decode_utf16(std::iter::once(high).chain(low)).flatten());
            }
            Some(&other) => out.push(char::from(other)),
            None => {}
        }
    }
    out.push_str(rest);
    out
}

fn unit_at(text: &str, at: usize) -> u16 {
    text.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok()).unwrap_or_default()
}
