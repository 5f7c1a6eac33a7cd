//! Sessions: a login that goes on without the password, by refresh tokens that are each good once.

mod builder;
mod endpoints;
mod hooks;
mod login;
mod memory;
mod pair;
mod refresh_token;
mod sessions;
mod store;

pub use builder::SessionsBuilder;
pub use hooks::Ended;
pub use login::Login;
pub use memory::MemorySessions;
pub use pair::TokenPair;
pub use refresh_token::RefreshToken;
pub use sessions::{Renewal, Session, Sessions};
pub use store::{NoSessions, Outcome, Rotation, SessionRecord, SessionStore, SessionStoreError};
