//! Protection against cross-site request forgery, for tokens from cookies.

mod check;
mod field;
mod origin;
mod request;
mod settings;

pub(crate) use check::{CsrfCheck, CsrfOutcome};
pub(crate) use field::{FormField, is_form};
pub(super) use origin::{host, is_websocket_handshake};
pub use settings::Csrf;
