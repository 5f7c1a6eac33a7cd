//! Logs, metrics and events about a verifier's work.
//!
//! There are three ways to watch it: `tracing`, an [`Observer`] of your own, and `MetricsObserver` with the feature `metrics`. They
//! never get a token, a claim or a key: only constants, codes and names from your configuration. The one exception is a span of
//! yours that asks for the subject.
//!
//! # Logs and spans
//!
//! Every outcome is logged at `DEBUG`, so that clients cannot fill the log by sending bad tokens. Problems of your service are
//! logged at `WARN` if keys cannot be fetched or a requirement or a store fails, and at `ERROR` if the application is misconfigured.
//! If tokens are refused because a setting is probably misspelt, for example by a slash at the end of an audience, that is logged
//! at `WARN` too, once a minute for each code. A store or a remote signer that fails is logged at once and
//! then once a minute, with the number of failures since the last line in the field `times`.
//!
//! | field | value |
//! | --- | --- |
//! | `outcome` | `accepted`, `anonymous`, or the [code](crate::ErrorKind::code) of the error |
//! | `detail` | the expected value, how the token differs, and a fix: [`Error::detail`](crate::Error::detail) |
//! | `issuer` | the issuer that the token names, as it's configured; missing if it isn't trusted |
//! | `duration_us` | how long verification took, in microseconds, including fetches and other waits |
//!
//! The crate opens no span of its own. It records the fields `jwt.outcome` and `jwt.issuer` on the current span, if the span
//! declares them. If a field is recorded twice, the last value counts: a requirement may refuse a token that was accepted. With the
//! `TraceLayer` of tower-http:
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
//! Two more fields are recorded only on a span that declares them, because they are personal data: `jwt.subject`, the claim `sub` of
//! a token that was accepted, and `jwt.actor`, the `sub` of the service that acts for it now (`act`, RFC 8693). Both are escaped
//! and cut after 100 characters. No event of this crate contains them.
//!
//! The guide has a page on metrics: `guide::metrics`.

#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod warned;
mod watch;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
pub(crate) use observer::OptionalObserver;
pub use observer::{Event, Observer};
pub(crate) use warned::Warned;
pub(crate) use watch::{Watch, anonymous, refused};
