//! The layers in the company of others, as applications have them: in every order that makes sense.

mod actix;
mod forms;
mod sockets;
mod streams;
mod tower;
