//! The answer to a request that is not let through: the one place that knows status codes and challenge syntax.
//!
//! | class | status | `WWW-Authenticate` |
//! | --- | --- | --- |
//! | [`Missing`](crate::Class::Missing) | 401 | `Bearer realm="…"` |
//! | [`Malformed`](crate::Class::Malformed) | 400 | `Bearer realm="…", error="invalid_request"` |
//! | [`Refused`](crate::Class::Refused) | 401 | `Bearer realm="…", error="invalid_token"` |
//! | [`Forbidden`](crate::Class::Forbidden) | 403 | `Bearer realm="…", error="insufficient_scope"`, and `scope="…"` where scopes are the reason; none for `csrf_failed`, where no other token would help |
//! | [`StepUp`](crate::Class::StepUp) | 401 | `Bearer realm="…", error="insufficient_user_authentication"`, and `acr_values="…"`, `max_age="…"` |
//! | [`Unavailable`](crate::Class::Unavailable) | 503, with `Retry-After` | none: an outage is not a bad token |
//! | [`Misuse`](crate::Class::Misuse) | 500 | none |
//!
//! Where a [resource](crate::VerifierBuilder::resource) is named, each of these challenges ends with
//! `resource_metadata="…"` (RFC 9728 section 5.1).
//!
//! A service of gRPC answers the same in the form of its own protocol: status 200, `grpc-status` 16 (in the place of 400 and
//! 401), 7 (403), 14 (503) or 13 (500), and the challenge as metadata: `Answer::for_grpc`. Only a service whose body is
//! gRPC's does so (`jwt_tower::RefusalBody::GRPC`); everywhere else what a request says of itself changes no status.
//!
//! Every code of the class [`Refused`](crate::Class::Refused) gets the same answer to the byte, so that a client learns that
//! its token is no good but not how far it came. The body is empty, unless a [`Renderer`] writes one:
//! [`ProblemJson`] does as RFC 9457 says, and [`render_fn`] takes a closure.
//!
#![doc = include_str!("../../doc/codes.md")]
#![doc = include_str!("../../doc/problem.md")]

mod answer;
mod challenger;
mod grpc;
mod problem;
mod renderer;

pub use answer::Challenge;
pub use challenger::{Challenger, Refusal};
pub(crate) use challenger::{DEFAULT_REALM, is_challenge, is_scope};
pub(crate) use grpc::{is_grpc, status as grpc_status};
pub use problem::ProblemJson;
pub use renderer::{NoBody, RenderFn, Rendered, Renderer, render_fn};
