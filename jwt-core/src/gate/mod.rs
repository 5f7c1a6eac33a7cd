//! Decisions about a request before the inner service sees it.
//!
//! A [`Gate`] decides about a request: it [admits](Admission) it, perhaps after waiting or after reading the beginning of
//! the body, or it [answers](Answer) itself. Layers and middleware of the adapters are gates: authentication
//! ([`Authenticator`](crate::verify::Authenticator)), every [requirement](crate::authorize::Requirement), principal loading
//! ([`load_async`]), forwarding ([`ForwardClaims`](crate::forward::ForwardClaims)) and
//! [endpoints](Endpoint). Each adapter has one service for all of them, and gives its requests to one future as an [`Exchange`].
//!
//! Gates pass their results to each other, to extractors and to your own code in one value in the request's extensions:
//! [`RequestState`].
//!
//! To write one of your own, implement [`Gate`] and put it into the adapter's `GateLayer` or `GateMiddleware`:
//!
//! ```
//! use jwt_core::Step;
//! use jwt_core::gate::{Admission, Answer, Gate, RequestState};
//! use jwt_core::http::RequestView;
//!
//! /// Answers 503 while the application is being maintained, except to administrators.
//! struct Maintenance;
//!
//! impl Gate for Maintenance {
//!     fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
//!         let client = state.verified().and_then(|verified| verified.registered().client_id().map(str::to_owned));
//!         Step::Ready(match client.as_deref() {
//!             Some("admin-console") => Ok(Admission::unchanged()),
//!             _ => Err(Answer::new(503).header("retry-after", "600")),
//!         })
//!     }
//! }
//! ```

mod admission;
mod answer;
mod endpoint;
mod exchange;
mod inspection;
mod metadata;
mod principal;
mod rewrite;
mod state;

pub use admission::{Admission, Gate};
pub use answer::Answer;
pub use endpoint::Endpoint;
pub(crate) use endpoint::Reply;
pub use exchange::{Exchange, ResponseFuture};
pub(crate) use inspection::{Extent, Inspection};
pub(crate) use metadata::{Binding, InvalidResource};
pub use metadata::{ProtectedResource, ResourceMetadata};
pub use principal::{load, load_async, load_step};
pub(crate) use rewrite::Rewrite;
pub use state::RequestState;
