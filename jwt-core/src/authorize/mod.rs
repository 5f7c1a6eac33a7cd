//! What a verified token must carry for an operation to be allowed.
//!
//! A [`Requirement`] is made by the functions of this room, and goes into the adapters' layers and middleware:
//!
//! ```
//! use jwt_core::authorize::{all, any_role, claim, scopes};
//!
//! let requirement = all((
//!     scopes(["reports:read"]),
//!     any_role("/realm_access/roles", ["auditor", "admin"]),
//!     claim("/email_verified").equals(true),
//! ));
//! ```
//!
//! The guide has [a page on it](crate::guide::requirements).

mod check;
mod claim;
mod fault;
mod fresh;
mod gate;
mod issuer;
mod login;
mod named;
mod policy;
mod requirement;
mod roles;
mod routes;
mod scopes;
mod tree;
mod unmet;

pub use check::{Check, CheckAsync, CheckError, check, check_async};
pub use claim::{Claim, RequiredClaim, claim};
pub use fresh::{RequiredFreshness, fresh};
pub use issuer::{OfIssuer, of_issuer};
pub use login::{RequiredLogin, acr, max_auth_age};
pub use named::{Named, named};

pub use policy::Policy;
pub use requirement::Requirement;
pub use roles::{RequiredRoles, any_role, roles};
pub(crate) use routes::Access;
pub use routes::{Routes, RoutesError, RoutesErrorKind};
pub use scopes::{RequiredScopes, any_scope, scopes};
pub use tree::{All, Any, Not, Requirements, all, any, not};
