//! Cryptography: back ends, keys prepared for verification, and keys that sign.
//!
//! A back end is chosen explicitly or by what is compiled in; nothing here is global to the process. A key is parsed
//! once, when it is prepared. All back ends accept the same signatures.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod backend;
mod prepared;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;
mod signing;

pub use backend::Backend;
#[cfg(any(feature = "jsonwebtoken-11", feature = "jsonwebtoken-12"))]
pub(crate) use backend::{Engine, Verify};
pub use prepared::PreparedKey;
pub use signing::SigningKey;
