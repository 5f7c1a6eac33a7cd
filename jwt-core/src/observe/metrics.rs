use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::observer::{Event, Observer};

/// An observer that records counters, histograms and gauges with the `metrics` facade. [The guide](crate::guide::metrics) lists
/// them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct MetricsObserver;

impl MetricsObserver {
    /// Registers the descriptions and units of the metrics. Call it once, after you install a recorder.
    pub fn describe() {
        describe_counter!("jwt_tokens_total", "Tokens and requests, by outcome");
        describe_counter!("jwt_anonymous_requests_total", "Requests that were let through without a token");
        describe_histogram!("jwt_verification_seconds", Unit::Seconds, "How long it took to verify a token");
        describe_counter!("jwt_token_cache_total", "Lookups in the token cache, by outcome");
        describe_gauge!("jwt_token_cache_entries", "Tokens in the cache");
        describe_gauge!("jwt_token_cache_bytes", Unit::Bytes, "Bytes of the tokens in the cache");
        describe_counter!("jwt_key_fetches_total", "Fetches of key sets, by outcome");
        describe_counter!("jwt_stale_keys_used_total", "Tokens that were checked with keys past their lifetime");
        describe_counter!(
            "jwt_revocation_outages_ignored_total",
            "Tokens that were accepted although the revocation list was unavailable"
        );
        describe_counter!("jwt_logins_total", "Logins, by outcome");
        describe_counter!("jwt_refreshes_total", "Refreshes, by outcome");
        describe_counter!("jwt_sessions_ended_total", "Sessions that ended early");
        describe_gauge!("jwt_keys_usable", "Usable keys in an issuer's set");
        describe_gauge!("jwt_keys_loaded_timestamp_seconds", Unit::Seconds, "When an issuer's set was last fetched");
        describe_gauge!(
            "jwt_clock_offset_seconds",
            Unit::Seconds,
            "How far the clock is ahead of the revocation list's server"
        );
        describe_gauge!("jwt_keys_failing", "Whether the last fetch of an issuer's set failed");
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Accepted => counter!("jwt_tokens_total", "outcome" => "accepted").increment(1),
            Event::Refused(error) => counter!("jwt_tokens_total", "outcome" => error.code()).increment(1),
            Event::Anonymous => counter!("jwt_anonymous_requests_total").increment(1),
            Event::Verification { outcome, took, .. } => {
                let accepted = if outcome.is_ok() { "true" } else { "false" };
                histogram!("jwt_verification_seconds", "accepted" => accepted).record(took);
            }
            Event::CacheHit => counter!("jwt_token_cache_total", "outcome" => "hit").increment(1),
            Event::CacheMiss => counter!("jwt_token_cache_total", "outcome" => "miss").increment(1),
            #[expect(clippy::cast_precision_loss, reason = "no memory holds 2^53 bytes")]
            Event::CacheStored { entries, bytes } => {
                gauge!("jwt_token_cache_entries").set(entries as f64);
                gauge!("jwt_token_cache_bytes").set(bytes as f64);
            }
            Event::KeysLoaded { issuer, listed, keys, at } => {
                counter!("jwt_key_fetches_total", "outcome" => "loaded").increment(1);
                if listed {
                    let issuer = issuer.to_owned();
                    #[expect(clippy::cast_precision_loss, reason = "a set has at most a hundred keys")]
                    gauge!("jwt_keys_usable", "issuer" => issuer.clone()).set(keys as f64);
                    gauge!("jwt_keys_loaded_timestamp_seconds", "issuer" => issuer.clone()).set(at);
                    gauge!("jwt_keys_failing", "issuer" => issuer).set(0);
                }
            }
            Event::KeysFailed { issuer, listed, error, .. } => {
                counter!("jwt_key_fetches_total", "outcome" => error).increment(1);
                if listed {
                    gauge!("jwt_keys_failing", "issuer" => issuer.to_owned()).set(1);
                }
            }
            Event::StaleKeysUsed { .. } => counter!("jwt_stale_keys_used_total").increment(1),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a clock that counts from 1970 is off by less than 2^53 milliseconds"
            )]
            Event::ClockOffset { millis } => gauge!("jwt_clock_offset_seconds").set(millis as f64 / 1_000.0),
            Event::RevocationOutageIgnored => counter!("jwt_revocation_outages_ignored_total").increment(1),
            Event::LoggedIn => counter!("jwt_logins_total", "outcome" => "accepted").increment(1),
            Event::LoginFailed(error) => counter!("jwt_logins_total", "outcome" => error.code()).increment(1),
            Event::Refreshed { repeated } => {
                let outcome = if repeated { "repeated" } else { "accepted" };
                counter!("jwt_refreshes_total", "outcome" => outcome).increment(1);
            }
            Event::RefreshFailed(error) => counter!("jwt_refreshes_total", "outcome" => error.code()).increment(1),
            Event::SessionEnded => counter!("jwt_sessions_ended_total").increment(1),
        }
    }
}
