//! What a request must show beside a token from a cookie.

mod field;
mod proof;
mod sender;
mod settings;

pub use field::FormField;
pub(crate) use field::is_form;
pub(crate) use proof::Proof;
pub(super) use sender::host;
pub use settings::Csrf;
