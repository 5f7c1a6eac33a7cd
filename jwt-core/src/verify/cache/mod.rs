//! The cache of verified tokens.
//!
//! An entry says that these bytes carry a good signature of a key that is still in use, and which claims they contain. The times,
//! the keys, the revocation list and your requirements can change, so they are checked at each hit, as without a cache.

mod entry;
mod hot_copies;
mod settings;
mod shard;
mod store;

pub use settings::{TokenCacheSettings, TokenCacheStatus};

pub(super) use entry::{CachedClaims, Entry, NewEntry};
pub(super) use store::Store;
