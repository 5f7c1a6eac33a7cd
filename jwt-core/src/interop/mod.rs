//! Conversions from and to the types of other crates.
//!
//! The types of a crate that still changes are behind a feature that is named after its major version. Several of these
//! features can be on at the same time.
#![cfg_attr(feature = "jsonwebtoken-12", doc = "")]
#![cfg_attr(feature = "jsonwebtoken-12", doc = include_str!("../../doc/jsonwebtoken.md"))]

mod jsonwebtoken;

#[cfg(feature = "jsonwebtoken-11")]
pub use jsonwebtoken_11;
#[cfg(feature = "jsonwebtoken-12")]
pub use jsonwebtoken_12;
