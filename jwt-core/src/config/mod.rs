//! Builds a verifier from a configuration file or from environment variables.
//!
//! Deserialize a [`VerifierConfig`] from TOML, JSON or YAML, or read it with [`VerifierConfig::from_env`]. Then turn it into
//! a [`VerifierBuilder`](crate::VerifierBuilder). On the builder, your code adds requirements, an observer or a clock, which a
//! configuration cannot contain.
//!
//! ```
//! use jwt_core::authorize::check;
//! use jwt_core::config::VerifierConfig;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config: VerifierConfig = toml::from_str(
//!         r#"
//!             leeway = "30s"
//!
//!             [[issuers]]
//!             issuer = "https://id.example"
//!             audience = "https://api.example"
//!             discover = true
//!         "#,
//!     )?;
//!     let verifier = config.into_builder()?.realm("reports").build()?;
//!     Ok(())
//! }
//! ```
//!
//! The guide's page [configuration](crate::guide::configuration) lists all settings and variables, their precedence, and the
//! errors.

mod cache;
mod check;
#[cfg(test)]
mod coverage;
mod domain;
mod env;
mod fields;
mod issuer;
mod keys;
mod names;
mod nearest;
mod remote;
mod resources;
mod sender;
mod sources;
mod units;
mod variables;
mod verifier;

pub use fields::VerifierConfig;
