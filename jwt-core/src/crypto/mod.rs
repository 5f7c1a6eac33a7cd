//! Cryptography: back ends, keys prepared for verification, and signing keys.
//!
//! You can choose a back end explicitly; otherwise it's the one that is compiled in. Nothing here is global to the
//! process. A key is parsed only once, when it's prepared. All back ends accept the same signatures.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod backend;
mod engine;
mod export;
mod import;
mod prepared;
#[cfg(feature = "remote-signer")]
mod remote;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;
mod signing;

pub use backend::Backend;
#[cfg(any(feature = "jsonwebtoken-11", feature = "jsonwebtoken-12"))]
pub(crate) use engine::{Engine, Verify};
pub use prepared::PreparedKey;
#[cfg(feature = "remote-signer")]
pub use remote::RemoteSigner;
pub use signing::SigningKey;
