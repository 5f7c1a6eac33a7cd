//! The cache of verified tokens.
//!
//! An entry says that these bytes carry a good signature of a key that is still in use, and which claims they contain. What can
//! change is checked at each hit, as without a cache: the times, the keys, the revocation list and the application's rules.

mod entry;
mod hot_copies;
mod settings;
mod shard;
mod store;

pub use settings::{CacheStatus, TokenCacheSettings};

pub(super) use entry::{CachedClaims, Entry, NewEntry};
pub(super) use store::Store;
