//! Requirements: conditions on the claims of a verified token.
//!
//! The functions of this module create a [`Requirement`], which you pass to an adapter's layer or middleware:
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
//! [`Routes`] lists the requirement of every route and refuses the routes that it does not list. A [`Policy`] is a requirement
//! that you can name in a handler's signature. [`require_token`](crate::VerifierBuilder::require_token) applies a requirement
//! to every token of a verifier.
//!
//! [The guide](crate::guide::requirements) shows the response to each unmet requirement.

mod actor;
mod check;
mod claim;
mod combine;
mod detail;
mod login;
mod openapi;
mod policy;
mod requirement;
mod roles;
mod route_list;
mod routes;
mod scopes;
mod wrap;

pub use actor::{acted_by, no_delegation};
pub use check::{check, check_async};
pub use claim::{Claim, claim};
pub use combine::{Requirements, all, any};
pub(crate) use combine::{decide_all, is_not_met};
pub use detail::authorization_detail;
pub use login::{RequiredLogin, acr, fresh, max_auth_age};
pub use policy::Policy;
pub use requirement::Requirement;
pub(crate) use requirement::no_credentials;
pub use roles::{RequiredRoles, any_role, roles};
pub(crate) use routes::Access;
pub use routes::Routes;
pub use scopes::{RequiredScopes, any_scope, scopes};
pub use wrap::{named, not, of_issuer};
