use metrics::counter;

use super::observer::{Event, Observer};

/// The observer that counts, with the `metrics` facade.
///
/// | metric | label | values |
/// | --- | --- | --- |
/// | `jwt_tokens_total` | `outcome` | `accepted`, or the [code](crate::ErrorKind::code) of the refusal |
/// | `jwt_key_fetches_total` | `outcome` | `loaded`, or the [code](crate::keys::FetchErrorKind::code) of the failure |
/// | `jwt_stale_keys_used_total` | none | |
/// | `jwt_revocation_outages_ignored_total` | none | |
///
/// Labels are closed sets: nothing of a request, a token or a tenant is in them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct MetricsObserver;

impl Observer for MetricsObserver {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Accepted => counter!("jwt_tokens_total", "outcome" => "accepted").increment(1),
            Event::Refused(error) => counter!("jwt_tokens_total", "outcome" => error.code()).increment(1),
            Event::KeysLoaded { .. } => counter!("jwt_key_fetches_total", "outcome" => "loaded").increment(1),
            Event::KeysFailed { error, .. } => counter!("jwt_key_fetches_total", "outcome" => error).increment(1),
            Event::StaleKeysUsed { .. } => counter!("jwt_stale_keys_used_total").increment(1),
            Event::RevocationOutageIgnored => counter!("jwt_revocation_outages_ignored_total").increment(1),
        }
    }
}
