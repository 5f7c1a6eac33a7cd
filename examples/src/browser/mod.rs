//! A reading room: an application for browsers, with logins, sessions and tokens in cookies.
//!
//! Where to start reading:
//!
//! - `axum_app` and `actix_app` are the routes; both say the same;
//! - `room` is what they share: who may log in, and where tokens come from and go to;
//! - `page` is what the browser loads; `page/app.js` refreshes, repeats and asks for the password.

mod actix_app;
mod axum_app;
mod options;
mod page;
mod room;

pub use actix_app::routes as actix_routes;
pub use axum_app::routes as axum_routes;
pub use options::Options;
pub use room::ReadingRoom;
