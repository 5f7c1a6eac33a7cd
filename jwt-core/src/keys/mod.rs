//! Where verification keys come from.
//!
//! [`Key`] and [`KeySet`] are vetted keys; a [`KeyTable`] holds them prepared for one issuer; a [`KeySource`] answers
//! which of them fits a token. Fixed keys answer at once.
#![cfg_attr(feature = "remote", doc = "[`RemoteKeys`] fetches them from the issuer, through a [`Fetch`].\n")]
//! The guide has a page on fetched keys: `guide::keys`.

mod fetch_error;
mod health;
mod location;
mod refresh_settings;
mod source;
mod table;

#[cfg(feature = "remote")]
mod budget;
#[cfg(feature = "remote")]
mod discovery;
#[cfg(feature = "remote")]
mod fetch;
#[cfg(feature = "remote")]
mod hosts;
#[cfg(feature = "jwks")]
mod http;
#[cfg(feature = "remote")]
mod remote;

pub use crate::jose::{IgnoredKey, Key, KeyError, KeyErrorKind, KeySet};
pub use fetch_error::{FetchError, FetchErrorKind};
pub use health::{Health, HealthState};
pub use refresh_settings::KeyRefreshSettings;
pub use source::{KeySource, Lookup, NoKeys, Refresh, Wanted};
pub use table::KeyTable;

#[cfg(feature = "remote")]
pub use self::{
    fetch::{Fetch, FetchFn, FetchRequest, Fetched, fetch_fn},
    remote::RemoteKeys,
};
#[cfg(feature = "jwks")]
pub use http::HttpFetch;

#[cfg(feature = "remote")]
pub(crate) use self::{
    budget::{Budget, Quota},
    hosts::{Filtered, HostFilter},
    remote::Setup,
};
pub(crate) use location::Location;
