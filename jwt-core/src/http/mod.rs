//! Tokens in HTTP: finding them in requests, protecting cookies, and answering requests that are rejected.
//!
//! | you want to | look at |
//! | --- | --- |
//! | choose where tokens are looked for | [`TokenSources`] |
//! | protect tokens in cookies from other sites | [`Csrf`] |
//! | set and clear cookies | [`Cookies`] |
//! | write the bodies of rejections | [`problem_json`], or a closure in [`VerifierBuilder::renderer`](crate::VerifierBuilder::renderer) |
//! | turn an [`Error`](crate::Error) into a response | the adapter's `Rejection::from(error)` |
//! | adapt another framework | [`RequestView`], [`Headers`] |
//!
//! The guide has pages on [rejections](crate::guide::rejections), [every error code](crate::guide::codes), and
//! [tokens in cookies](crate::guide::browsers).

pub(crate) mod challenge;
pub(crate) mod cookies;
pub(crate) mod csrf;
mod headers;
pub(crate) mod peer;
pub(crate) mod request;
pub(crate) mod token;

pub use challenge::{Challenge, Rejection, Rendered, problem_json, problem_json_under};
pub use cookies::{Cookies, CookiesBuilder, SameSite, SetCookies, may_be_shared};
pub use csrf::Csrf;
pub use headers::Headers;
pub use peer::Peer;
pub use request::RequestView;
pub use token::{Found, Location, TokenSource, TokenSources};
