//! Logouts that an OpenID provider tells of: OpenID Connect Back-Channel Logout 1.0.
//!
//! The provider posts a logout token to an address of the application; [`BackChannelLogout`] validates it as section 2.6
//! says and takes back the tokens of the session, or of the subject, that it names. Both adapters serve it with their
//! function `back_channel_logout`.
//!
//! ```
//! use jwt_core::logout::BackChannelLogout;
//! use jwt_core::revocation::MemoryRevocations;
//! use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
//!
//! # #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # fn main() {}
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = || {
//!     Ok::<_, Box<dyn std::error::Error>>(
//!         TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?),
//!     )
//! };
//! let revocations = MemoryRevocations::new();
//! // Access tokens name the service, logout tokens the client.
//! let verifier = Verifier::builder()
//!     .issuer(issuer()?.audience("https://api.example"))
//!     .revocations(revocations.clone())
//!     .build()?;
//! let logout = BackChannelLogout::new(Verifier::builder().issuer(issuer()?.audience("client-id")), revocations)?;
//! # Ok(())
//! # }
//! ```

mod receiver;

pub use receiver::BackChannelLogout;
