//! [`VerifierBuilder`]: its settings, and building a verifier from them.

mod build;
mod resources;
mod sender;
mod settings;

pub use settings::VerifierBuilder;
