//! JSON object signing: algorithms, keys, and the checks that every key passes.
//!
//! Everything that can be checked without cryptography is checked once, when a key is read: its type, use and
//! algorithm, and the length and encoding of its numbers. If you have a [`Key`], it passed.

pub(crate) mod algorithm;
mod certificate;
pub(crate) mod compact;
pub(crate) mod der;
pub(crate) mod export;
mod foreign;
pub(crate) mod header;
pub(crate) mod header_cache;
pub(crate) mod jwk;
mod jwk_members;
pub(crate) mod key;
pub(crate) mod key_error;
pub(crate) mod key_set;
pub(crate) mod malformed;
pub(crate) mod material;
pub(crate) mod pem;
#[cfg(test)]
mod pem_samples;
pub(crate) mod private;
pub(crate) mod private_jwk;
pub(crate) mod secret;
pub(crate) mod thumbprint;

pub use algorithm::Algorithm;
pub use key::Key;
pub use key_error::{KeyError, KeyErrorKind};
pub(crate) use key_set::IgnoredKey;
pub use key_set::KeySet;
