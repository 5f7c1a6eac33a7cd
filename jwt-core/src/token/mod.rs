//! Where tokens hide in a request. RFC 6750 section 2.

mod places;
mod source;
mod sources;

pub use source::{Found, Location, TokenSource};
pub use sources::TokenSources;
