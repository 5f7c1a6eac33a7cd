//! Tokens that were verified before.
//!
//! Remembered is one thing only: that this text carries a good signature of a key that is still in use, and what it says.
//! Whatever can change is judged at each hit as it is without a cache: the times, the keys, the revocation list, the
//! rules.

mod entry;
mod near;
mod settings;
mod shard;
mod store;

pub use settings::{CacheStatus, TokenCacheSettings};

pub(super) use entry::{Entry, Known, Proven};
pub(super) use store::Store;
