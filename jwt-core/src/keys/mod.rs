//! Where verification keys come from.
//!
//! [`Key`] and [`KeySet`] are vetted keys; a [`KeyTable`] holds them prepared for one issuer; a [`KeySource`] answers
//! which of them fits a token. Fixed keys answer at once.
#![cfg_attr(feature = "remote", doc = "[`RemoteKeys`] fetches them from the issuer, through a [`Fetch`].\n")]
//! The guide has a page on fetched keys: `guide::keys`.

mod fetch_error;
mod source;
mod table;

#[cfg(feature = "remote")]
mod budget;
#[cfg(feature = "remote")]
mod discovery;
#[cfg(feature = "remote")]
mod fetch;
#[cfg(feature = "jwks")]
mod http;
#[cfg(feature = "remote")]
mod remote;

pub use crate::jose::{IgnoredKey, Key, KeyError, KeyErrorKind, KeySet};
pub use fetch_error::{FetchError, FetchErrorKind};
pub use source::{Health, HealthState, KeyRefresh, KeySource, Lookup, Wanted};
pub use table::KeyTable;

#[cfg(feature = "remote")]
pub use self::{
    fetch::{Fetch, FetchRequest, Fetched, fetch_fn},
    remote::{KeyRefreshSettings, RemoteKeys},
};
#[cfg(feature = "jwks")]
pub use http::HttpFetch;

#[cfg(feature = "remote")]
pub(crate) use self::{
    budget::{Budget, Quota},
    discovery::Location,
    fetch::{FilteredFetch, HostFilter},
    remote::Setup,
};
