//! Verified claims as headers, for what stands behind a gateway.
//!
//! A gateway verifies the token and tells the service behind it who sent the request, in headers that the service can believe
//! because nobody else can set them. If the verifier trusts several issuers, forward `iss` beside `sub`: each of them chooses
//! its subjects as it likes. [`ForwardClaims`] says which claim goes into which header; the adapters' `ForwardLayer` and
//! `Forward` apply it.
//!
//! ```
//! use jwt_core::forward::ForwardClaims;
//! # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
//! # let verifier = Verifier::builder().issuer(issuer.audience("https://api.example")).build()?;
//!
//! let claims = [("/iss", "x-issuer"), ("/sub", "x-user"), ("/realm_access/roles", "x-roles")];
//! let forward = ForwardClaims::new(&verifier, claims)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is taken out
//!
//! From every request, whoever sent it: every header whose name is that of a configured one, in any case and with any
//! character in the place of `-`, because many servers take `X_User` and `X-User` for the same; every mention of such a
//! header in `Connection`, which would have the next hop drop it; and the token, wherever the verifier looks for it. A token of
//! the query is also taken out of `Referer` and the other headers that repeat an address.
//!
//! # What is put in
//!
//! | claim | header |
//! | --- | --- |
//! | text | itself, encoded |
//! | number, `true`, `false` | as in the token |
//! | array of these | its elements, each encoded, with `,` between |
//! | missing, `null`, empty, an object, or an array with any other element | none |
//!
//! Encoded means: visible ASCII and spaces stay, but `%`, `,` and spaces at either end; they and all other bytes of the
//! UTF-8 are written as `%` and two hexadecimal digits. So a value never ends its line, an element never becomes two, and
//! percent-decoding gives back what the issuer signed. Without a token, which an optional layer may let pass, no header is put
//! in.

mod error;
mod forward_claims;
mod value;

pub use error::{ForwardError, ForwardErrorKind};
pub use forward_claims::ForwardClaims;
