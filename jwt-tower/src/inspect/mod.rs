//! Reading the beginning of a request's body, and putting it back. Only axum's body can be put back; any other counts as
//! one that can't be read.

#[cfg(feature = "axum")]
mod read;
#[cfg(feature = "axum")]
mod restored;
#[cfg(not(feature = "axum"))]
mod unread;

#[cfg(feature = "axum")]
pub(crate) use read::Reading;
#[cfg(not(feature = "axum"))]
pub(crate) use unread::Reading;
