//! Conversions from and to the types of other crates.
//!
//! A crate that still changes has a feature named after its major version. Several of these features can be enabled
//! at the same time.

mod jsonwebtoken;

#[cfg(feature = "jsonwebtoken-11")]
pub use jsonwebtoken_11;
#[cfg(feature = "jsonwebtoken-12")]
pub use jsonwebtoken_12;
