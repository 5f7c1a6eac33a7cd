//! Turns errors into rejections. Only this module knows status codes and challenge syntax.

mod challenger;
mod grpc;
mod problem;
#[cfg(feature = "testing")]
mod received;
mod renderer;

pub use challenger::Rejection;
pub(crate) use challenger::{Challenger, DEFAULT_REALM, Scheme, is_challenge, is_scope};
pub(crate) use grpc::{is_grpc, status as grpc_status};
pub use problem::{problem_json, problem_json_under};
#[cfg(feature = "testing")]
pub use received::TestChallenge;
pub(crate) use renderer::Renderer;
pub use renderer::{Challenge, Rendered};
