//! The application's own user.

mod extract;
mod layer;

pub use extract::{OptionalPrincipal, Principal};
pub use layer::PrincipalMiddleware;
