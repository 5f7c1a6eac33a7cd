//! Sessions: a login that goes on without the password, by refresh tokens that are each good once.

mod memory;
mod store;

pub use memory::MemorySessions;
pub use store::{NoSessions, Outcome, Rotation, SessionRecord, SessionStore, SessionStoreError};
