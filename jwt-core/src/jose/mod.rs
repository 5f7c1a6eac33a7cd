//! JSON object signing: algorithms, keys and what makes a key fit to be used.
//!
//! Everything a key can be asked before cryptography begins is asked here, once, when the key is read: its kind, its
//! purpose, its algorithm, the length and encoding of its numbers. A [`Key`] that exists has passed.

pub(crate) mod algorithm;
pub(crate) mod compact;
pub(crate) mod der;
pub(crate) mod header;
pub(crate) mod header_cache;
pub(crate) mod jwk;
pub(crate) mod key;
pub(crate) mod key_error;
pub(crate) mod key_set;
pub(crate) mod material;
pub(crate) mod pem;
pub(crate) mod private;
pub(crate) mod secret;
pub(crate) mod thumbprint;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use key::Key;
pub use key_error::{KeyError, KeyErrorKind};
pub use key_set::{IgnoredKey, KeySet};
