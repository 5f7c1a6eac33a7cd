//! What a verifier tells about its work: constants and codes, never a token, a claim or a key.
//!
//! Three listeners can be told: an [`Observer`], `tracing`, and with the feature `metrics` the facade of that name.
//!
//! # Logs and spans
//!
//! Every outcome is an event at the level `DEBUG`: a refused request is the client's affair, and at any higher level whoever
//! sends bad tokens could fill the log. What concerns the operator has a level of its own: keys that cannot be fetched, rules
//! and stores that fail are `WARN`, a programme that is put together wrongly is `ERROR`.
//!
//! | field | value |
//! | --- | --- |
//! | `outcome` | `accepted`, `anonymous`, or the [code](crate::ErrorKind::code) of the refusal |
//! | `detail` | which part of the configuration the token failed: [`Error::detail`](crate::Error::detail) |
//! | `issuer` | the issuer that the token names, as it is configured; none where it is not trusted |
//! | `duration_us` | how long the token took to judge, in microseconds, with what was waited for |
//!
//! No span is opened for a request. The current one gets the fields `jwt.outcome` and `jwt.issuer` if it declares them; the last
//! value counts, because a requirement may refuse a token that was accepted. With the `TraceLayer` of tower-http:
//!
//! ```
//! # use tracing::field::Empty;
//! # let (method, path) = ("GET", "/reports");
//! // TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
//! tracing::info_span!("request", %method, %path, jwt.outcome = Empty, jwt.issuer = Empty)
//! // })
//! # ;
//! ```
//!
//! The guide has a page on metrics: `guide::metrics`.

#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod watch;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
pub use observer::{Event, NoObserver, Observer};
pub(crate) use watch::{Watch, anonymous, refused};
