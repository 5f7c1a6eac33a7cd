//! The claims that this crate reads itself: RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 7800.
//!
//! [`Verified::registered`](crate::Verified::registered) returns them as [`RegisteredClaims`]. A [`ClaimPath`] names any other
//! claim, for a requirement or for forwarding.

mod actor;
mod confirmation;
mod date;
mod identity;
mod kind;
mod names;
mod path;
mod registered;

pub use actor::Actor;
pub(crate) use confirmation::{Confirmation, HashText, hash_text};
pub use date::NumericDate;
pub(crate) use identity::{Identity, IdentityIndex};
pub(crate) use kind::{IdTokenClaim, LogoutEvent};
pub(crate) use names::is_or_contains;
pub use names::{Audience, Scopes};
pub use path::ClaimPath;
pub use registered::RegisteredClaims;
pub(crate) use registered::{ClaimsError, claim};
