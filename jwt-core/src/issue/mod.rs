//! Issuing tokens: a rotating key ring, access tokens, and login sessions with refresh tokens.
//!
//! A [`TokenIssuer`] signs access tokens with the keys of a [`KeyRing`]. A verifier in the same process trusts it by
//! [`TokenIssuer::trusted`]; for other verifiers, serve [`KeyRing::jwks`] and [`TokenIssuer::metadata_endpoint`].
//!
//! [`Sessions`] are logins that outlast an access token, with rotating, single-use refresh tokens: [the
//! guide](crate::guide::sessions) has a page on them. Server-rendered pages can use [`ImplicitRefresh`] instead.
//!
//! # Keys
//!
//! | key | comes from |
//! | --- | --- |
//! | files, with the moments from which they sign | [`KeyRingBuilder::read_keys`] |
//! | a vault, or a function of yours | [`KeyRing::set_keys`], [`KeyRingBuilder::load_keys`] |
//! | PEM | [`SigningKey::from_pem`](crate::crypto::SigningKey::from_pem) |
//! | private JWK | [`SigningKey::from_jwk`](crate::crypto::SigningKey::from_jwk) |
//! | a KMS or an HSM, by the feature `remote-signer` | `SigningKey::remote` |
//! | secret | [`SigningKey::from_secret`](crate::crypto::SigningKey::from_secret) |
//! | generated at each start, for development | [`SigningKey::generate`](crate::crypto::SigningKey::generate) |
//!
//! | phase of a key | signs | published and accepted | ends |
//! | --- | --- | --- | --- |
//! | published | no | yes | after [`publish_ahead`](KeyRingBuilder::publish_ahead), 24 hours by default |
//! | signing | yes | yes | when the next key begins to sign |
//! | retired | no | yes | after [`longest_lifetime`](KeyRingBuilder::longest_lifetime) and the largest leeway, 30 days and 5 minutes by default |
//! | withdrawn or replaced | no | no | |
//!
//! Secrets are never published, because anyone who can verify with a secret can also sign with it. If another service
//! verifies your tokens, use a key pair.

mod access;
mod implicit;
mod issuer;
mod key_files;
mod key_list;
mod publication;
mod ring;
mod ring_builder;
mod ring_keys;
mod ring_reload;
pub(crate) mod session;

pub use access::AccessToken;
pub use implicit::ImplicitRefresh;
pub use issuer::{Issued, TokenIssuer, TokenIssuerBuilder};
pub use ring::{KeyPhase, KeyRing, SigningKeyStatus};
pub use ring_builder::KeyRingBuilder;
pub use session::{
    EndedSession, Login, MemorySessions, RefreshToken, Renewal, Rotation, RotationOutcome, Session, SessionRecord,
    SessionStore, SessionStoreError, Sessions, SessionsBuilder, TokenPair,
};

pub(crate) use access::{Grant, TokenSession};
pub(crate) use issuer::{REFRESH_TYPE, UnsignedToken};
