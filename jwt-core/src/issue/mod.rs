//! Tokens of one's own: a ring of keys that take turns, and an issuer that signs with it.
//!
//! A [`TokenIssuer`] makes access tokens with the keys of a [`KeyRing`]; [`TokenIssuer::trusted`] is what a verifier of the
//! same process needs, [`KeyRing::jwks`] and [`TokenIssuer::metadata`] are what others do. Logins that last longer than an
//! access token are [sessions](crate::issue::session); pages that are made on the server may do with [`ImplicitRefresh`].
//!
//! # Keys
//!
//! | key | comes from |
//! | --- | --- |
//! | PEM | [`SigningKey::from_pem`](crate::crypto::SigningKey::from_pem) |
//! | private JWK | [`SigningKey::from_jwk`](crate::crypto::SigningKey::from_jwk) |
//! | secret | [`SigningKey::from_secret`](crate::crypto::SigningKey::from_secret) |
//! | new at each start, for development | [`SigningKey::generate`](crate::crypto::SigningKey::generate) |
//!
//! | a key is | it signs | it is published, and accepted | until |
//! | --- | --- | --- | --- |
//! | published | no | yes | [`publish_ahead`](KeyRingBuilder::publish_ahead) has passed, 24 hours |
//! | signing | yes | yes | the next one's turn has come |
//! | retired | no | yes | [`longest_lifetime`](KeyRingBuilder::longest_lifetime) and the largest leeway have passed, 30 days and 5 minutes |
//! | withdrawn, or replaced | no | no | |
//!
//! Secrets are never published: whoever could verify with them could sign. Rather use a key pair where anybody else verifies.

mod access;
mod error;
mod implicit;
mod issued;
mod issuer;
mod publication;
mod ring;
mod ring_builder;
pub(crate) mod session;
mod trusted;

pub use access::AccessToken;
pub use error::{IssueError, IssueErrorKind};
pub use implicit::ImplicitRefresh;
pub use issued::Issued;
pub use issuer::{TokenIssuer, TokenIssuerBuilder};
pub use publication::Metadata;
pub use ring::{KeyPhase, KeyRing, KeyState};
pub use ring_builder::KeyRingBuilder;
pub use session::{
    Ended, Login, MemorySessions, NoSessions, Outcome, RefreshToken, Renewal, Rotation, Session, SessionRecord,
    SessionStore, SessionStoreError, Sessions, SessionsBuilder, TokenPair,
};

pub(crate) use access::{ACCESS, Grant, Membership};
pub(crate) use issuer::Draft;
