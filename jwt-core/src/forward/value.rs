//! Claims in the form that headers have.

use std::fmt::Write as _;

use crate::json::{self, Value};

/// `None` for what has no such form.
pub(super) fn header_value(claim: Value<'_>) -> Option<String> {
    let mut out = String::new();
    if let Value::Array(array) = claim {
        let mut sound = true;
        let mut first = true;
        json::array(array, |element| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            sound &= scalar(element, &mut out);
        })
        .ok()
        .filter(|()| sound)?;
    } else if !scalar(claim, &mut out) {
        return None;
    }
    Some(out).filter(|out| !out.is_empty())
}

fn scalar(value: Value<'_>, out: &mut String) -> bool {
    match value {
        Value::Text(text) => encode(&text.decode(), out),
        Value::Number(number) => out.push_str(number),
        Value::Bool(bool) => out.push_str(if bool { "true" } else { "false" }),
        Value::Null | Value::Array(_) | Value::Object(_) => return false,
    }
    true
}

fn encode(text: &str, out: &mut String) {
    let last = text.len().saturating_sub(1);
    for (place, byte) in text.bytes().enumerate() {
        let stays = match byte {
            b'%' | b',' => false,
            b' ' => place != 0 && place != last,
            _ => byte.is_ascii_graphic(),
        };
        if stays {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::ClaimPath;

    #[test]
    fn a_claim_becomes_a_header_that_is_one_line_and_reads_back() {
        for (claim, expected) in [
            (r#""Ada""#, Some("Ada")),
            (r#""Ada Lovelace""#, Some("Ada Lovelace")),
            (r#"" Ada ""#, Some("%20Ada%20")),
            (r#"" ""#, Some("%20")),
            (r#""a,b""#, Some("a%2Cb")),
            (r#""100%""#, Some("100%25")),
            (r#""a\r\nx-user: root""#, Some("a%0D%0Ax-user: root")),
            (r#""\u0000\u007f\t""#, Some("%00%7F%09")),
            (r#""Žižka""#, Some("%C5%BDi%C5%BEka")),
            (r#""\ud83d\ude00""#, Some("%F0%9F%98%80")),
            (r#""""#, None),
            ("5", Some("5")),
            ("-1.5e3", Some("-1.5e3")),
            ("true", Some("true")),
            ("false", Some("false")),
            ("null", None),
            (r#"["a", "b,c", 5, true]"#, Some("a,b%2Cc,5,true")),
            (r#"["admin"]"#, Some("admin")),
            ("[]", None),
            (r#"["a", null]"#, None),
            (r#"["a", ["b"]]"#, None),
            (r#"["a", {}]"#, None),
            (r#"{"a": 1}"#, None),
        ] {
            let payload = format!(r#"{{"claim": {claim}}}"#);
            let found = ClaimPath::new("/claim").expect("a path").claim_in(&payload);
            assert_eq!(found.and_then(header_value).as_deref(), expected, "{claim}");
        }
    }
}
