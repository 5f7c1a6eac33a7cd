//! Errors of requests, [`Error`], and of settings, [`BuildError`].

mod build;
mod check;
mod detail;
mod kind;
mod request;

pub use build::{BuildError, BuildErrorKind};
pub(crate) use check::Check;
pub(crate) use detail::{Detail, Found};
pub use kind::{Class, ErrorKind};
pub use request::{BoxError, Error};
