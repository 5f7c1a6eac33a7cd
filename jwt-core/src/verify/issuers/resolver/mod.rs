//! Issuers that are looked up when a token names them, for services whose tenants bring their own.
//!
//! [`service`] decides and starts look-ups; [`table`] holds the live issuers; [`tenancy`] says how long one may be used;
//! [`rejected_names`] remembers names that don't need another look-up yet.

mod rejected_names;
mod service;
mod settings;
mod table;
mod tenancy;

pub use settings::IssuerResolver;

pub(super) use service::Resolver;
pub(super) use tenancy::Tenancy;
