//! A strict reader of JSON objects: RFC 8259 grammar, unique member names, bounded depth.
//!
//! It checks the whole text in one pass and passes on the members of the outermost object as slices of that text, so
//! header and claims are read without an intermediate tree. It does not depend on how `serde_json` was compiled, so
//! the features that another crate enables cannot change which tokens are accepted.

mod compare;
mod decode;
mod members;
mod mismatch;
mod reader;
mod scan;
mod value;

pub(crate) use decode::decode;
pub(crate) use members::{Member, Members};
pub(crate) use mismatch::mismatch;
pub(crate) use reader::{JsonError, Unique, array, members, object};
pub(crate) use value::Value;
