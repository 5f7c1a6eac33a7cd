//! Says why credentials cannot be a token.

use crate::http::request::RequestView;

/// Returns a sentence about the header `Authorization` of a request without a token, if there is one.
#[cold]
pub(crate) fn describe_absence(request: &dyn RequestView) -> Option<&'static str> {
    let mut sentence = None;
    request.header("authorization", &mut |value| {
        let is_token = !value.contains(&b' ') && value.iter().filter(|byte| **byte == b'.').count() == 2;
        sentence = Some(if is_token {
            "the header `Authorization` has a token without its scheme: the client must send `Authorization: Bearer …`"
        } else {
            "the header `Authorization` has another scheme: the client must send `Authorization: Bearer …`, or `TokenSources` must \
             name another place"
        });
    });
    sentence
}

/// Returns a sentence about bytes that are empty, or that have characters which no token has.
#[cold]
pub(crate) fn describe(token: &[u8]) -> &'static str {
    let quotes = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
    let has = |byte| memchr::memchr(byte, token).is_some();
    let scheme = token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "));
    if token.is_empty() {
        "the token is empty: the variable that should hold it is, or the header is written as `Bearer=…` or `Bearer: …`"
    } else if scheme {
        "the token begins with `Bearer`: the client writes it twice, or writes it in a header or cookie that takes only the token \
         (`TokenSources::bearer_header` takes both)"
    } else if quotes(token.first()) || quotes(token.last()) {
        "the token is in quotes: the client sends it as JSON or shell text instead of its characters alone"
    } else if matches!(token.first(), Some(b'{' | b'[' | b'<')) {
        "the client sends JSON, or a placeholder such as `<token>`, instead of a token: take the member `access_token`"
    } else if has(b'$') {
        "the client sends the name of a variable instead of its value, as a shell does between single quotes"
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
    use crate::testing::BareRequest;

    #[test]
    fn another_scheme_and_a_missing_one_are_told_apart() {
        let described = |value: &str| describe_absence(&BareRequest::new("GET", "/").header("authorization", value));
        assert!(described("eyJ.a.b").expect("a sentence").contains("without its scheme"));
        for other in ["Basic eDp5", "JWT eyJ.a.b", ""] {
            assert!(described(other).expect("a sentence").contains("another scheme"), "{other}");
        }
        assert_eq!(describe_absence(&BareRequest::new("GET", "/")), None);
    }

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
            (b"$TOKEN", "a variable"),
            (b"${token}", "a variable"),
            (b"a,b", "comma"),
            (b"a\nb", "white space"),
            (b"a\xff", "characters"),
        ] {
            assert!(describe(token).contains(word), "{}", token.escape_ascii());
        }
    }
}
