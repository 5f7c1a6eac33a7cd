//! What operators see: metrics and durations.

mod metrics;
mod recorder;
mod times;
