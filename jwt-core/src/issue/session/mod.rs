//! Sessions: a login that goes on without the password, by refresh tokens that are each good once.
//!
//! [`Sessions`] begins, refreshes, lists and ends them; a [`SessionStore`] keeps them, in memory or for a fleet.
//!
//! The guide has [a page on it](crate::guide::sessions).

mod builder;
mod endpoints;
mod hooks;
mod listed;
mod login;
mod memory;
mod pair;
mod refresh_token;
mod renewal;
mod sessions;
mod store;

pub use builder::SessionsBuilder;
pub use hooks::Ended;
pub use listed::Session;
pub use login::Login;
pub use memory::MemorySessions;
pub use pair::TokenPair;
pub use refresh_token::RefreshToken;
pub use renewal::Renewal;
pub use sessions::Sessions;
pub use store::{NoSessions, Outcome, Rotation, SessionRecord, SessionStore, SessionStoreError};
