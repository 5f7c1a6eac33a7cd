//! Decodes an object whose members are indexed: the same result as `serde_json`, with less parsing.
//!
//! Strings are borrowed from the text, and each other value is decoded by `serde_json`. Anything unusual makes this
//! fail, and then `serde_json` decodes the whole text. So this may refuse anything, but must not accept more than
//! `serde_json`, or decode it differently.

mod member;
mod object;

pub(crate) use object::decode;
