//! The form in a request's body: read as far as it is asked for, and put back.

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
