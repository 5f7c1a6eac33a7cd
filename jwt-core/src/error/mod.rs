//! Errors of requests, [`Error`], and of settings, [`BuildError`].

mod build;
mod detail;
mod kind;
mod request;

pub use build::{BuildError, BuildErrorKind};
pub(crate) use detail::{Detail, Found};
pub use kind::{Class, ErrorKind};
pub use request::{BoxError, Error};
