//! Arrays of strings.

use std::borrow::Cow;

use crate::json;

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
