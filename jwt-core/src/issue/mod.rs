//! Issuing tokens: a ring of keys that takes turns, and an issuer that signs with it.

mod access;
mod error;
mod issued;
mod issuer;
mod publication;
mod ring;

pub use access::AccessToken;
pub use error::{IssueError, IssueErrorKind};
pub use issued::Issued;
pub use issuer::{TokenIssuer, TokenIssuerBuilder};
pub use publication::Metadata;
pub use ring::{KeyPhase, KeyRing, KeyRingBuilder, KeyState};

pub(crate) use access::{ACCESS, Grant, Membership};
pub(crate) use issuer::Draft;
