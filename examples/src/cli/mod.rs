//! The command-line tool `jwt`: it explains, decodes, verifies and makes tokens, and examines issuers.
//!
//! Where to start reading:
//!
//! - `options`: the commands, and `run`, which starts one;
//! - `explain`: checks a token with a [`Verifier`](jwt_core::Verifier), and shows each check of it;
//! - `trust`: builds that verifier from options or from a configuration file;
//! - `doctor`: examines an issuer.
//!
//! Nothing here decides about a token. The tool asks a verifier, and [`Error::check`](jwt_core::Error::check) says how far the token
//! came.

mod advice;
mod decode;
mod doctor;
mod error;
mod expected;
mod explain;
mod input;
mod key_file;
mod keys;
mod mint;
mod options;
mod print;
mod time;
mod trust;
mod unverified;

pub use advice::Change;
pub use error::CliError;
pub use explain::{Explanation, Outcome, Row, Verdict, explain_request};
pub use options::{Options, run};
