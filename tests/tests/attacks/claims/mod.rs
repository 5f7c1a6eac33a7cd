//! E: claims.

mod parties;
mod rights;
mod times;
