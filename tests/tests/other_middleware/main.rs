//! The layers in the company of others, as applications have them: in every order that makes sense.

mod actix_web;
mod forms;
mod sockets;
mod streams;
mod tower_http;
