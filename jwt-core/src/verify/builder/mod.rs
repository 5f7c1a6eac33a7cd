//! [`VerifierBuilder`]: its settings, and building a verifier from them.

mod build;
mod settings;

pub use settings::VerifierBuilder;
