//! The claims this library itself reads: RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 7800.

mod audience;
mod date;
mod path;
mod registered;
mod scopes;
mod text;

pub use audience::Audience;
pub use date::NumericDate;
pub use path::{ClaimPath, ClaimPathError};
pub use registered::RegisteredClaims;
pub(crate) use registered::{ClaimsError, LogoutEvent, claim};
pub use scopes::Scopes;
pub(crate) use text::is_or_holds;
