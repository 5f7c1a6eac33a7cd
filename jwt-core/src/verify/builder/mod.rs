//! [`VerifierBuilder`]: its settings, and building a verifier from them.

mod build;
mod resources;
mod settings;

pub use settings::VerifierBuilder;
