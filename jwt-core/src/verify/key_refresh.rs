use std::fmt;
use std::sync::Arc;

use crate::gate::{Answer, Endpoint};
use crate::keys::{FetchError, FetchErrorKind, KeySetState, KeySetStatus};
use crate::step::Step;

use super::verifier::Verifier;

/// The issuers whose keys [`Verifier::fetch_keys`] could not fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFetchErrors {
    failed: Vec<(Option<Arc<str>>, FetchError)>,
}

impl KeyFetchErrors {
    /// Returns each issuer whose keys could not be fetched, and the reason.
    pub fn issuers(&self) -> impl Iterator<Item = (Option<&str>, FetchErrorKind)> {
        self.failed.iter().map(|(issuer, error)| (issuer.as_deref(), error.kind()))
    }
}

impl fmt::Display for KeyFetchErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys could not be fetched")?;
        for (index, (issuer, error)) in self.failed.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{} ({}", issuer.as_deref().unwrap_or("any issuer"), error.kind().code())?;
            match error.detail() {
                Some(detail) => write!(f, ": {detail})")?,
                None => f.write_str(")")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for KeyFetchErrors {}

impl Verifier {
    /// Returns each issuer whose keys are fetched and the status of its key set, in the order of the builder. The
    /// issuer is `None` for [any issuer](crate::TrustedIssuer::dangerous_any_issuer). Issuers that a resolver found are not
    /// included.
    #[must_use]
    pub fn key_set_status(&self) -> Vec<(Option<Arc<str>>, KeySetStatus)> {
        let issuers = self.issuers().given().iter();
        issuers.filter_map(|issuer| Some((issuer.name.clone(), issuer.keys.status()?))).collect()
    }

    /// Returns whether tokens of every given issuer can be verified now, or of at least one with
    /// [`ready_with_any_issuer`](crate::VerifierBuilder::ready_with_any_issuer). It starts a fetch of keys that are due, like
    /// [`readiness`](Self::readiness).
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready_with(&self.probe())
    }

    fn is_ready_with(&self, key_sets: &[(Option<Arc<str>>, KeySetStatus)]) -> bool {
        let mut states = key_sets.iter().map(|(_, status)| status.state);
        // Issuers without a status have fixed keys.
        let has_fixed = self.issuers().given().len() > key_sets.len();
        match self.issuers().any_is_ready && !key_sets.is_empty() {
            true => has_fixed || states.any(KeySetState::is_ready),
            false => states.all(KeySetState::is_ready),
        }
    }

    /// Returns the answer to a readiness probe: status 200 if [ready](Self::is_ready), otherwise 503, with the status of each
    /// given issuer as JSON.
    ///
    /// It does not wait, but it starts a fetch of keys that are missing or due, which needs a Tokio runtime. So a process becomes
    /// ready even if it gets no other requests. Until then, the member `last_error` says why the last fetch failed, and each
    /// failed fetch is logged at `WARN`.
    ///
    /// The answer names your issuers: show it to your operators, not to your users.
    #[must_use]
    pub fn readiness(&self) -> Answer {
        let key_sets = self.probe();
        let ready = self.is_ready_with(&key_sets);
        let issuers: Vec<_> = key_sets
            .iter()
            .map(|(issuer, status)| {
                serde_json::json!({
                    "issuer": issuer.as_deref(),
                    "state": status.state.code(),
                    "age": status.age.map(|age| age.as_secs()),
                    "keys": status.keys,
                    "last_error": status.last_error.as_ref().map(|error| error.kind().code()),
                })
            })
            .collect();
        let body = serde_json::json!({ "ready": ready, "issuers": issuers }).to_string();
        let status = if ready { 200 } else { 503 };
        Answer::new(status).body("application/json", body).header("cache-control", "no-store")
    }

    /// Returns an endpoint that answers readiness probes with [`readiness`](Self::readiness).
    #[must_use]
    pub fn readiness_endpoint(&self) -> Endpoint {
        let verifier = self.clone();
        Endpoint::new(&["GET", "HEAD"], move |_| Step::Ready(verifier.readiness()))
    }

    fn probe(&self) -> Vec<(Option<Arc<str>>, KeySetStatus)> {
        for issuer in self.issuers().given() {
            issuer.keys.renew_if_due();
        }
        self.key_set_status()
    }

    /// Fetches the keys of every given issuer now, no matter how old they are, and waits for them.
    ///
    /// Call it at start to learn whether your issuers can be reached and their keys can be used, and to exit if they cannot.
    /// Without it, keys are fetched when they are first needed.
    ///
    /// # Errors
    ///
    /// Names each issuer whose keys could not be fetched, and the reason. Keys that were fetched earlier stay in use, and the
    /// fetch is repeated.
    pub async fn fetch_keys(&self) -> Result<(), KeyFetchErrors> {
        // Start all fetches before waiting for the first.
        let issuers = self.issuers().given().iter();
        let fetches: Vec<_> =
            issuers.filter_map(|issuer| Some((issuer.name.clone(), issuer.keys.refresh()?))).collect();
        let mut failed = Vec::new();
        for (issuer, fetch) in fetches {
            if let Err(error) = fetch.await {
                failed.push((issuer, error));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(KeyFetchErrors { failed }) }
    }

    /// Keeps the keys of every issuer current until the returned value is dropped, even if there are no requests.
    ///
    /// Without it, the first request after a long idle period waits for a fetch.
    ///
    /// # Panics
    ///
    /// If it's called outside of a Tokio runtime.
    #[cfg(feature = "remote")]
    #[must_use = "the keys are kept current until this is dropped"]
    pub fn keep_keys_fresh(&self) -> impl fmt::Debug + Send + Sync + 'static {
        let verifier = self.clone();
        let task = tokio::spawn(async move {
            loop {
                verifier.issuers().each_in_use(|issuer| issuer.keys.renew_if_due());
                tokio::time::sleep(TENDED_EVERY).await;
            }
        });
        KeyRefresher { task: task.abort_handle() }
    }
}

#[cfg(feature = "remote")]
const TENDED_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// The background task of [`Verifier::keep_keys_fresh`]. Dropping it ends the task.
#[cfg(feature = "remote")]
#[derive(Debug)]
struct KeyRefresher {
    task: tokio::task::AbortHandle,
}

#[cfg(feature = "remote")]
impl Drop for KeyRefresher {
    fn drop(&mut self) {
        self.task.abort();
    }
}
