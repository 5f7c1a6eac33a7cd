//! Tokens in browser cookies.
//!
//! [`Cookies`] has the names and attributes of the cookies. It creates the `Set-Cookie` values that set and remove them, and the
//! [`TokenSources`](crate::http::TokenSources) that find the tokens in requests.

mod attributes;
mod builder;
mod set_cookies;
mod token_cookies;

pub use attributes::SameSite;
pub use builder::CookiesBuilder;
pub use set_cookies::{SetCookies, may_be_shared};
pub use token_cookies::Cookies;
