//! Conversions from and to the types of other crates.
//!
//! The types of a crate that still changes are behind a feature that is named after its major version. Several of these
//! features can be on at the same time.

mod jsonwebtoken;

#[cfg(feature = "jsonwebtoken-11")]
pub use jsonwebtoken_11;
#[cfg(feature = "jsonwebtoken-12")]
pub use jsonwebtoken_12;
