//! What a request must show beside a token from a cookie.

mod proof;
mod sender;
mod settings;

pub(crate) use proof::Proof;
pub(super) use sender::host;
pub use settings::Csrf;
