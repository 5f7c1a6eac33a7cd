//! Reads the beginning of a request's body, and puts it back. That works only with axum's body; any other counts as one that
//! cannot be read.

#[cfg(feature = "axum")]
mod read;
#[cfg(not(feature = "axum"))]
mod unread;

#[cfg(feature = "axum")]
pub(crate) use read::Reading;
#[cfg(not(feature = "axum"))]
pub(crate) use unread::Reading;
