//! Extracts tokens from requests. RFC 6750 section 2.

mod cookies;
mod found;
mod malformed;
mod removal;
mod search;
mod source;
mod sources;
mod strip;
mod websocket;

pub use found::{Found, Location};
pub(crate) use found::{NoToken, RawToken};
pub(crate) use malformed::{describe as describe_malformed, describe_absence};
pub(crate) use removal::Removal;
pub use source::TokenSource;
pub use sources::TokenSources;
#[cfg(feature = "config")]
pub(crate) use sources::is_name;
pub(crate) use strip::{Kept, Strip};
pub(crate) use websocket::{BEARER as WEBSOCKET_BEARER, offers_bearer};
