//! Finds where strings and numbers end. It works on bytes, and positions are byte offsets.

/// Returns the byte at a position. Past the end it's NUL, which is invalid everywhere in JSON.
#[inline(always)]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// Returns the position of the next byte that isn't white space.
#[inline(always)]
pub(super) fn skip_space(text: &[u8], at: usize) -> usize {
    if byte(text, at) > b' ' { at } else { skip_some(text, at) }
}

#[inline(never)]
fn skip_some(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// Whether every string in the text ends at the next quote, because there is no backslash and no control character.
///
/// It looks at all bytes, which is faster than stopping at the first.
pub(super) fn is_simple(text: &[u8]) -> bool {
    text.iter().fold(true, |simple, &byte| simple & (byte >= 0x20) & (byte != b'\\'))
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// Returns the position of the next quote.
#[inline(always)]
pub(super) fn quote(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word) ^ (ONES * 0x22);
        let found = word.wrapping_sub(ONES) & !word & HIGHS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    rest.iter().position(|&byte| byte == b'"').map(|found| at + found)
}

/// Returns the position of the closing quote of a string whose first byte is at `at`, and whether it has escapes. RFC
/// 8259 section 7; unpaired surrogates (section 8.2) are refused.
#[inline(never)]
pub(super) fn string(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at += plain(text.get(at..)?);
        match byte(text, at) {
            b'"' => return Some((at, escaped)),
            b'\\' => {
                escaped = true;
                at = escape(text, at + 1)?;
            }
            _ => return None,
        }
    }
}

/// Counts the leading bytes that need no escape in a string: not below 0x20, no quote, no backslash.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // Eight bytes at a time. Subtraction sets the high bit of a byte that is smaller than the subtrahend. It only
        // borrows above such a byte, so the lowest one is right. With one bit flipped, the quote (0x22) comes right
        // after the control characters.
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

/// Returns the position after an escape whose backslash was read.
fn escape(text: &[u8], at: usize) -> Option<usize> {
    match byte(text, at) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => match unit(text, at + 1)? {
            0xd800..=0xdbff => {
                let low = text.get(at + 5..)?.starts_with(b"\\u") && (0xdc00..=0xdfff).contains(&unit(text, at + 7)?);
                low.then_some(at + 11)
            }
            0xdc00..=0xdfff => None,
            _ => Some(at + 5),
        },
        _ => None,
    }
}

/// Reads four hexadecimal digits: a UTF-16 code unit.
fn unit(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, &byte| Some(unit << 4 | char::from(byte).to_digit(16)?))
}

/// Returns the position after a number, and whether it has an exponent. RFC 8259 section 6.
#[inline(always)]
pub(super) fn number(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    if byte(text, at) == b'-' {
        at += 1;
    }
    at = match byte(text, at) {
        b'0' => at + 1,
        b'1'..=b'9' => digits(text, at)?,
        _ => return None,
    };
    if byte(text, at) == b'.' {
        at = digits(text, at + 1)?;
    }
    let exponent = matches!(byte(text, at), b'e' | b'E');
    if exponent {
        at += 1;
        if matches!(byte(text, at), b'+' | b'-') {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Some((at, exponent))
}

/// Returns the position after one or more digits.
#[inline(always)]
fn digits(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    (at > start).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_control_characters_are_found_at_every_position() {
        for length in 0..20 {
            for byte in 0..=u8::MAX {
                for fill in [b'a', b'!', 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![fill; 20];
                    bytes[length] = byte;
                    let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
                    assert_eq!(plain(&bytes), if ends { length } else { 20 }, "{byte:#x} at {length} in {fill:#x}");
                    let expected = (byte == b'"').then_some(length);
                    assert_eq!(quote(&bytes, 0), expected, "{byte:#x} at {length} in {fill:#x}");
                    assert_eq!(is_simple(&bytes), byte >= 0x20 && byte != b'\\' && fill != b'\\');
                }
            }
        }
        assert_eq!(
            (plain(b"\"\\"), quote(b"\"\"#", 0), quote(b"\"\"#", 1), quote(b"\"\"#", 2)),
            (0, Some(0), Some(1), None)
        );
        assert_eq!((quote(b"", 0), quote(b"\"", 1), quote(b"\"", 2)), (None, None, None));
    }
}
