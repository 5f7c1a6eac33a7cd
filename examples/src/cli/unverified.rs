//! The contents of a token that nothing has verified, for showing them. No decision may depend on them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The parts of a token. A part that isn't a JSON object is `None`.
#[derive(Default)]
pub(super) struct Unverified {
    pub(super) bytes: usize,
    pub(super) segments: usize,
    pub(super) header: Option<Map<String, Value>>,
    pub(super) claims: Option<Map<String, Value>>,
}

impl Unverified {
    pub(super) fn read(token: &str) -> Self {
        let object = |segment: Option<&str>| -> Option<Map<String, Value>> {
            // Encoders that pad are common enough to show their text.
            let bytes = URL_SAFE_NO_PAD.decode(segment?.trim_end_matches('=')).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let mut segments = token.split('.');
        let (header, claims) = (object(segments.next()), object(segments.next()));
        Self { bytes: token.len(), segments: token.split('.').count(), header, claims }
    }

    pub(super) fn header(&self, name: &str) -> Option<&Value> {
        self.header.as_ref()?.get(name)
    }

    pub(super) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.as_ref()?.get(name)
    }

    /// Returns a claim that is a date, in seconds since 1970.
    pub(super) fn date(&self, name: &str) -> Option<i64> {
        let value = self.claim(name)?;
        #[expect(clippy::cast_possible_truncation, reason = "it's only shown")]
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }
}

/// Shows a value from an unverified token: as JSON, so that control characters can't change the terminal, and cut if it's long.
pub(super) fn shown(value: &Value) -> String {
    const MOST: usize = 200;
    // JSON escapes only the first 32 control characters.
    let text: String = value
        .to_string()
        .chars()
        .flat_map(|c| {
            let escaped: Vec<char> = if c.is_control() { c.escape_unicode().collect() } else { vec![c] };
            escaped
        })
        .collect();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Describes a value without telling it.
pub(super) fn redacted(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "(true or false)".to_owned(),
        Value::Number(_) => "(a number)".to_owned(),
        Value::String(text) => format!("(a string of {} characters)", text.chars().count()),
        Value::Array(items) => format!("(a list of {})", items.len()),
        Value::Object(members) => format!("(an object with {} members)", members.len()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_read_as_far_as_it_can_be() {
        let token = Unverified::read("eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjEuNX0=.");
        assert_eq!(token.header("alg"), Some(&json!("ES256")));
        assert_eq!((token.date("exp"), token.segments), (Some(1), 3));
        for text in ["", ".", "a.b.c", "é", "eyJhbGciOiJFUzI1NiJ9", "W10.W10.W10"] {
            assert!(Unverified::read(text).claims.is_none(), "{text}");
        }
    }

    #[test]
    fn control_characters_are_escaped_and_long_values_are_cut() {
        let text = shown(&json!("a\u{1b}[31m\u{9b}b"));
        assert!(!text.contains(char::is_control), "{text}");
        assert!(shown(&json!("é".repeat(1000))).chars().count() < 210);
    }

    #[test]
    fn a_redacted_value_tells_only_its_kind() {
        for value in [json!("secret-7"), json!(7), json!(["secret-7"]), json!({"secret-7": 7}), json!(true)] {
            assert!(!redacted(&value).contains("secret-7"), "{value}");
        }
    }
}
