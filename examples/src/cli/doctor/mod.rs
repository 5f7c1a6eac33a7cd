//! `jwt doctor`: examines an issuer or a configuration, and says what will go wrong.
//!
//! The library decides whether the issuer can be used, by fetching its keys as a service would. The rest looks at the answers that
//! it gets, and at settings.

mod command;
mod finding;
mod issuer;
mod keys;
mod response;
mod settings;

pub(super) use command::Doctor;
