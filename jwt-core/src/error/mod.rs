//! Errors of requests, [`Error`], and of settings, [`BuildError`].

mod advice;
mod build;
mod detail;
mod request;

pub use build::{BuildError, BuildErrorKind};
pub(crate) use detail::{Detail, Found};
pub use request::{BoxError, Class, Error, ErrorKind};
