//! The answer to a request that is not let through: the one place that knows status codes and challenge syntax.
//!
//! | class | status | `WWW-Authenticate` |
//! | --- | --- | --- |
//! | [`Missing`](Class::Missing) | 401 | `Bearer realm="…"` |
//! | [`Malformed`](Class::Malformed) | 400 | `Bearer realm="…", error="invalid_request"` |
//! | [`Refused`](Class::Refused) | 401 | `Bearer realm="…", error="invalid_token"` |
//! | [`Forbidden`](Class::Forbidden) | 403 | `Bearer realm="…", error="insufficient_scope"`, and `scope="…"` where scopes are the reason; none for `csrf_failed`, where no other token would help |
//! | [`StepUp`](Class::StepUp) | 401 | `Bearer realm="…", error="insufficient_user_authentication"`, and `acr_values="…"`, `max_age="…"` |
//! | [`Unavailable`](Class::Unavailable) | 503, with `Retry-After` | none: an outage is not a bad token |
//! | [`Misuse`](Class::Misuse) | 500 | none |
//!
//! Every code of the class [`Refused`](Class::Refused) gets the same answer to the byte, so that a client learns that
//! its token is no good but not how far it came. The body is empty, unless a [`Renderer`] writes one:
//! [`ProblemJson`] does as RFC 9457 says, and [`render_fn`] takes a closure.
//!
#![doc = include_str!("../../doc/codes.md")]
#![doc = include_str!("../../doc/problem.md")]

mod challenger;
mod problem;
mod renderer;

pub use challenger::{Challenge, Challenger, Refusal};
pub(crate) use challenger::{DEFAULT_REALM, is_scope};
pub use problem::ProblemJson;
pub use renderer::{NoBody, RenderFn, Rendered, Renderer, render_fn};
