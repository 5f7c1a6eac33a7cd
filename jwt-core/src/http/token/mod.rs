//! Where tokens hide in a request. RFC 6750 section 2.

mod cookies;
mod places;
mod raw;
mod source;
mod sources;
mod strip;

pub(crate) use cookies::Removal;
pub(crate) use raw::{NoToken, RawToken};
pub use source::{Found, Location, TokenPlace, TokenSource};
pub use sources::TokenSources;
pub(crate) use strip::{Kept, Strip};
