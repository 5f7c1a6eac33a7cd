//! Programs that show the jwt crates at work.
