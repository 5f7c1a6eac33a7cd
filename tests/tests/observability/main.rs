//! What operators see of the work: metrics and times.

mod metrics;
mod recorder;
mod times;
