//! A web application for browsers, with logins, sessions and tokens in cookies: the reading room of a library.
//!
//! Where to start reading:
//!
//! - `axum_app` and `actix_app`: the routes, the same on both frameworks;
//! - `reading_room`: the code that they share, with the users, the sessions and the cookies;
//! - `page`: the files that the browser loads. `page/app.js` refreshes tokens, repeats requests and asks for the password.

mod actix_app;
mod axum_app;
mod options;
mod page;
mod reading_room;

pub use actix_app::routes as actix_routes;
pub use axum_app::routes as axum_routes;
pub use options::Options;
pub use reading_room::ReadingRoom;
