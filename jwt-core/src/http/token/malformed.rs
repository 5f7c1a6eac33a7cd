//! Says why credentials can't be a token.

/// Returns a sentence about bytes that are empty, or that have characters which no token has.
#[cold]
pub(crate) fn describe(token: &[u8]) -> &'static str {
    let quotes = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
    let has = |byte| memchr::memchr(byte, token).is_some();
    let scheme = token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "));
    if token.is_empty() {
        "the token is empty: the variable that should hold it is, or the header is written as `Bearer=…`"
    } else if scheme {
        "`Bearer` is written twice: the client adds it to a value that already begins with it"
    } else if quotes(token.first()) || quotes(token.last()) {
        "the token is in quotes: the client sends it as JSON or shell text instead of its characters alone"
    } else if matches!(token.first(), Some(b'{' | b'[' | b'<')) {
        "the client sends JSON, or a placeholder such as `<token>`, instead of a token: take the member `access_token`"
    } else if has(b'%') {
        "the token is percent-encoded: decode it before it's sent, or don't encode it at all"
    } else if has(b',') {
        "several values are joined by a comma: a proxy or the client sends more than one token"
    } else if token.iter().any(|byte| byte.is_ascii_whitespace()) {
        "there is white space in the token: it was copied with a line break, or something follows it"
    } else {
        "there are characters that no token has (RFC 6750 section 2.1)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_named() {
        for (token, word) in [
            (&b""[..], "empty"),
            (b"Bearer eyJ", "twice"),
            (b"bearer a b", "twice"),
            (b"\"eyJ.a.b\"", "quotes"),
            (b"eyJ.a.b'", "quotes"),
            (b"{\"access_token\":\"a\"}", "JSON"),
            (b"<token>", "placeholder"),
            (b"eyJ%3D", "percent-encoded"),
            (b"a,b", "comma"),
            (b"a\nb", "white space"),
            (b"a\xff", "characters"),
        ] {
            assert!(describe(token).contains(word), "{}", token.escape_ascii());
        }
    }
}
