//! What is decided before a token comes: settings, and the verifier that is built of them.

mod build;
mod settings;

pub use settings::VerifierBuilder;
