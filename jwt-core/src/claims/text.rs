//! Strings, and arrays of them.

use std::borrow::Cow;

use crate::json::{self, Value};

/// Whether a claim is this text, or an array with it among its elements. Compared whole; the empty text is in none.
pub(crate) fn is_or_holds(value: Value<'_>, text: &str) -> bool {
    match value {
        Value::Text(only) => !text.is_empty() && only.decode() == text,
        Value::Array(array) => !text.is_empty() && any_text(array, |element| element == text),
        _ => false,
    }
}

/// Whether any of the array's strings is the one that is sought.
pub(super) fn any_text(array: &str, mut is_it: impl FnMut(&str) -> bool) -> bool {
    let mut found = false;
    // The array was read before, as part of the payload; an error cannot occur and would count as "not found".
    let _ = json::array(array, |element| found |= element.as_text().is_some_and(|text| is_it(&text)));
    found
}

/// The array's strings, in their order.
pub(super) fn texts(array: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let _ = json::array(array, |element| texts.extend(element.as_text().map(Cow::into_owned)));
    texts
}
