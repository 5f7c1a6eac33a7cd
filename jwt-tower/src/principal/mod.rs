//! The application's own user.

#[cfg(feature = "axum")]
mod extract;
mod layer;

#[cfg(feature = "axum")]
pub use extract::{OptionalPrincipal, Principal};
pub use layer::{PrincipalLayer, WithPrincipal};
