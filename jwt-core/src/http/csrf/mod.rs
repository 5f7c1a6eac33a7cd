//! What a request must show beside a token from a cookie.

mod field;
mod proof;
mod sender;
mod settings;

pub(crate) use field::{FormField, is_form};
pub(crate) use proof::{Outcome, Proof};
pub(super) use sender::host;
pub use settings::Csrf;
