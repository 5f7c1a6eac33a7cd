//! The application's own user behind a verified token, loaded once for each request.
//!
//! The adapters' `PrincipalLayer` and `PrincipalMiddleware` take what loads it, and handlers ask for `Principal<U>`:
//!
//! ```
//! use jwt_core::principal::load_async;
//!
//! # struct User;
//! # async fn find_user(_issuer: &str, _subject: &str) -> std::io::Result<Option<User>> { Ok(Some(User)) }
//! let users = load_async(|verified| async move {
//!     let claims = verified.registered();
//!     match (claims.issuer(), claims.subject()) {
//!         (Some(issuer), Some(subject)) => Ok(find_user(issuer, subject).await?),
//!         _ => Ok(None),
//!     }
//! });
//! ```
//!
//! Look a user up by issuer *and* subject. A subject is unique only within its issuer (RFC 7519 section 4.1.2): if a verifier
//! trusts several, and users are found by `sub`, each issuer can speak for the users of the others.
//!
//! Behind such a layer every token has a principal, whether a handler asks for it or not: a token of somebody who does not
//! exist any more is refused with 401, `unknown_principal`. A store that cannot be asked is an outage, 503
//! `principal_unavailable`. Requests that an optional layer let pass without a token have no principal, and nothing is
//! loaded for them.
//!
//! What is loaded costs what the store costs, for each request: put the layer inside of requirements that can be judged
//! without it, and on the routes that need it.

mod gate;
mod load;

pub use gate::PrincipalGate;
pub use load::{LoadError, LoadPrincipal, load, load_async};
