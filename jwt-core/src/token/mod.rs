//! Where tokens hide in a request. RFC 6750 section 2.

mod csrf;
mod places;
mod source;
mod sources;

pub use csrf::Csrf;
pub(crate) use csrf::Proof;
pub use source::{Found, Location, TokenSource};
pub(crate) use sources::NoToken;
pub use sources::TokenSources;
