//! Decoding an object whose members were found before: `serde_json`'s answer, with less reading.
//!
//! Strings are handed out from where they stand; all other values go to `serde_json` one by one. Whatever is out of the
//! ordinary makes this fail, and then `serde_json` decides about the whole text: so this may refuse what it likes, and
//! must accept nothing that `serde_json` would not, or as something else.

mod member;
mod object;

pub(crate) use object::decode;
