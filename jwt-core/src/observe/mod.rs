//! What a verifier tells about its work: constants and codes, never a token, a claim or a key.

mod memory;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
pub use memory::MemoryObserver;
pub use observer::{Event, NoObserver, Observer};
