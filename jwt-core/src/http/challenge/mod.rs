//! Turns errors into rejections: the only module that knows status codes and challenge syntax.

mod answer;
mod challenger;
mod grpc;
mod problem;
mod renderer;

pub use answer::Challenge;
pub use challenger::{Challenger, Rejection};
pub(crate) use challenger::{DEFAULT_REALM, is_challenge, is_scope};
pub(crate) use grpc::{is_grpc, status as grpc_status};
pub use problem::ProblemJson;
pub use renderer::{NoBody, RenderFn, Rendered, Renderer, render_fn};
