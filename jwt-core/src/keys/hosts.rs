use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::{Fetch, FetchError, FetchErrorKind, FetchRequest, Fetched};

/// Decides by an address's host whether a document may be fetched from there.
pub(crate) type HostFilter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A [`Fetch`] that asks certain hosts only.
pub(crate) struct Filtered {
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) hosts: HostFilter,
}

#[async_trait]
impl Fetch for Filtered {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let url = Url::parse(request.url).map_err(|_| FetchErrorKind::Content)?;
        match url.host_str() {
            Some(host) if (self.hosts)(host) => self.fetch.fetch(request).await,
            _ => Err(FetchErrorKind::HostNotAllowed.into()),
        }
    }
}

impl fmt::Debug for Filtered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filtered").field("fetch", &self.fetch).finish_non_exhaustive()
    }
}
