//! Errors of requests, [`Error`], and of settings, [`BuildError`].

mod advice;
mod build;
mod build_kind;
mod check;
mod detail;
mod found;
mod kind;
mod request;

pub use build::BuildError;
pub use build_kind::BuildErrorKind;
pub(crate) use check::Check;
pub(crate) use detail::{Detail, ExpectedValue};
pub(crate) use found::Found;
pub use kind::{Class, ErrorKind};
pub use request::{BoxError, Error};
