//! Login sessions with rotating, single-use refresh tokens.
//!
//! [`Sessions`] begins, refreshes, lists and ends sessions. A [`SessionStore`] keeps them, in memory or for a fleet.

mod builder;
mod cookie_path;
mod device;
mod ending;
mod endpoints;
mod exchange;
mod hooks;
mod journal;
mod login;
mod memory;
mod pair;
mod record;
mod refresh;
mod sessions;
mod store;
mod unlisted;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod unreadable;

pub use builder::SessionsBuilder;
pub use hooks::EndedSession;
pub use login::Login;
pub use memory::MemorySessions;
pub use pair::TokenPair;
pub use record::{Rotation, RotationOutcome, Session, SessionRecord};
pub use refresh::{RefreshToken, Renewal};
pub use sessions::Sessions;
pub use store::{SessionStore, SessionStoreError};
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use unreadable::Unreadable;
