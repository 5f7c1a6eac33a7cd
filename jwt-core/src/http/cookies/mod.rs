//! Cookies for browsers: where tokens live there, and how they get in and out.
//!
//! [`Cookies`] holds names and attributes once; from it come the `Set-Cookie` values that put tokens into a browser and
//! take them out again, and the [`TokenSources`](crate::http::token::TokenSources) that find them there.

mod attributes;
mod builder;
mod cookies;
mod error;
mod set_cookies;

pub use attributes::SameSite;
pub use builder::CookiesBuilder;
pub use cookies::Cookies;
pub use error::{CookieError, CookieErrorKind};
pub use set_cookies::{SetCookies, may_be_shared};
