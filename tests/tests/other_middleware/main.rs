//! The layers together with other middleware, in every order that makes sense.

mod actix_web;
mod forms;
mod sockets;
mod streams;
mod tower_http;
