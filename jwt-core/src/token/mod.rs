//! Where tokens hide in a request. RFC 6750 section 2.

mod places;
mod source;
mod sources;
mod strip;

pub use source::{Found, Location, Place, TokenSource};
pub use sources::TokenSources;
pub(crate) use strip::{Kept, Strip};
