//! Issuers that are looked up when a token names them, for services whose tenants bring their own.
//!
//! [`service`] decides and starts look-ups; [`table`] holds the live issuers; [`tenancy`] knows how long one may be used;
//! [`memory`] remembers names that need not be looked up again.

mod memory;
mod service;
mod settings;
mod table;
mod tenancy;

pub use settings::IssuerResolver;

pub(super) use service::Resolver;
pub(super) use tenancy::Tenancy;
