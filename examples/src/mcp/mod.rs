//! The parts of a server of the Model Context Protocol that aren't about tokens, for `examples/mcp.rs`.
//!
//! - [`Message`] reads a message, and checks its revision of the protocol and its headers;
//! - [`allow_hosts`] refuses requests that a web page sends to a server on the user's own machine.

mod message;
mod origin;

pub use message::{Message, Outcome};
pub use origin::{Hosts, allow_hosts};
