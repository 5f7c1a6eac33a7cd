//! Turns errors into rejections. Only this module knows status codes and challenge syntax.

mod challenger;
mod grpc;
mod problem;
mod renderer;

pub use challenger::{Challenger, Rejection};
pub(crate) use challenger::{DEFAULT_REALM, is_challenge, is_scope};
pub(crate) use grpc::{is_grpc, status as grpc_status};
pub use problem::ProblemJson;
pub(crate) use renderer::no_body;
pub use renderer::{Challenge, Rendered, Renderer, render_fn};
