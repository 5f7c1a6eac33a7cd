//! Issuing tokens: a ring of keys that takes turns, and an issuer that signs with it.

mod access;
mod error;
mod implicit;
mod issued;
mod issuer;
mod publication;
mod ring;
mod ring_builder;

pub use access::AccessToken;
pub use error::{IssueError, IssueErrorKind};
pub use implicit::ImplicitRefresh;
pub use issued::Issued;
pub use issuer::{TokenIssuer, TokenIssuerBuilder};
pub use publication::Metadata;
pub use ring::{KeyPhase, KeyRing, KeyState};
pub use ring_builder::KeyRingBuilder;

pub(crate) use access::{ACCESS, Grant, Membership};
pub(crate) use issuer::Draft;
