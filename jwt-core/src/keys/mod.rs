//! Verification keys, and where they come from.
//!
//! A [`Key`] or [`KeySet`] holds vetted keys. A [`KeyTable`] holds them prepared for one issuer. A [`KeySource`]
//! finds the key for a token; a `KeyTable` is the source for fixed keys.
#![cfg_attr(feature = "remote", doc = "Another source fetches them from the issuer, through a [`Fetch`].\n")]
//! The guide's page on fetched keys is `guide::keys`.

mod fetch_error;
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
#[cfg(feature = "jwks")]
mod http;
#[cfg(feature = "remote")]
mod remote;

pub(crate) use crate::jose::IgnoredKey;
pub use crate::jose::{Key, KeyError, KeyErrorKind, KeySet};
pub use fetch_error::{FetchError, FetchErrorKind};
pub use refresh_settings::KeyRefreshSettings;
pub use source::{KeySetState, KeySetStatus, KeySource, Lookup, Wanted};
pub use table::KeyTable;

#[cfg(feature = "remote")]
pub use fetch::{Fetch, FetchRequest, Fetched, fetch_fn};
#[cfg(feature = "jwks")]
pub use http::HttpFetch;

#[cfg(feature = "remote")]
pub(crate) use self::{
    budget::{Budget, Quota},
    discovery::is_host,
    fetch::{FilteredFetch, HostFilter},
    remote::{RemoteKeys, Setup},
};
pub(crate) use location::{Location, is_metadata_url};
