use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::observer::{Event, Observer};

/// The observer that counts and times, with the `metrics` facade. What it records is in the table [above](super).
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct MetricsObserver;

impl MetricsObserver {
    /// Tells the recorder what each metric means and is measured in. Called once, after the recorder is installed.
    pub fn describe() {
        describe_counter!("jwt_tokens_total", "Tokens and requests, by outcome");
        describe_counter!("jwt_anonymous_requests_total", "Requests that were let pass without a token");
        describe_histogram!("jwt_verification_seconds", Unit::Seconds, "How long a token took to judge");
        describe_counter!("jwt_token_cache_total", "Tokens that were looked for in the cache, by outcome");
        describe_gauge!("jwt_token_cache_entries", "Tokens in the cache");
        describe_gauge!("jwt_token_cache_bytes", Unit::Bytes, "What the tokens in the cache take");
        describe_counter!("jwt_key_fetches_total", "Fetches of key sets, by outcome");
        describe_counter!("jwt_stale_keys_used_total", "Tokens that were judged with keys past their lifetime");
        describe_counter!(
            "jwt_revocation_outages_ignored_total",
            "Tokens that were accepted although the list of revocations could not tell"
        );
        describe_gauge!("jwt_keys_usable", "Usable keys in an issuer's set");
        describe_gauge!("jwt_keys_loaded_timestamp_seconds", Unit::Seconds, "When an issuer's set was last fetched");
        describe_gauge!("jwt_keys_failing", "Whether the last fetch of an issuer's set failed");
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Accepted => counter!("jwt_tokens_total", "outcome" => "accepted").increment(1),
            Event::Refused(error) => counter!("jwt_tokens_total", "outcome" => error.code()).increment(1),
            Event::Anonymous => counter!("jwt_anonymous_requests_total").increment(1),
            Event::Judged { outcome, took, .. } => {
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
            Event::KeysFailed { issuer, listed, error } => {
                counter!("jwt_key_fetches_total", "outcome" => error).increment(1);
                if listed {
                    gauge!("jwt_keys_failing", "issuer" => issuer.to_owned()).set(1);
                }
            }
            Event::StaleKeysUsed { .. } => counter!("jwt_stale_keys_used_total").increment(1),
            Event::RevocationOutageIgnored => counter!("jwt_revocation_outages_ignored_total").increment(1),
        }
    }
}
