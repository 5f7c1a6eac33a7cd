//! Broken set-ups, and whether the first line of the log, the error of the builder and the tool `jwt` name cause
//! and cure.
//!
//! Each test is a table: a mistake, and words that its explanation must have.

mod checks;
mod claims;
mod connections;
mod doctor;
mod fetches;
mod requests;
mod settings;
mod tokens;
mod tool;
mod tool_keys;

/// Asserts that a text has every word.
#[track_caller]
fn assert_words(name: &str, text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{name}: {word:?} is missing: {text}");
    }
}
