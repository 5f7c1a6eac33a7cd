use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use jwt_core::gate::Answer;
use jwt_core::observe::{Event, Observer};

/// Counts the verifier's decisions, in the text format of Prometheus. Clones share their counts, so a reload keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    counts: Arc<Mutex<BTreeMap<(&'static str, &'static str), u64>>>,
}

const TOKENS: &str = "gate_tokens_total";
const KEYS: &str = "gate_key_fetches_total";
const RELOADS: &str = "gate_reloads_total";

impl Metrics {
    /// Counts a reload of the settings.
    pub(super) fn reloaded(&self, succeeded: bool) {
        self.count(RELOADS, if succeeded { "applied" } else { "refused" });
    }

    fn count(&self, name: &'static str, outcome: &'static str) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry((name, outcome)).or_default() += 1;
    }

    pub(super) fn answer(&self) -> Answer {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for name in [KEYS, RELOADS, TOKENS] {
            let _ = writeln!(text, "# TYPE {name} counter");
            for ((_, outcome), count) in counts.iter().filter(|((counted, _), _)| *counted == name) {
                let _ = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {count}");
            }
        }
        Answer::new(200).body("text/plain; version=0.0.4", text).header("cache-control", "no-store")
    }
}

impl Observer for Metrics {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Accepted => self.count(TOKENS, "accepted"),
            Event::Anonymous => self.count(TOKENS, "anonymous"),
            Event::Refused(error) => self.count(TOKENS, error.code()),
            Event::KeysLoaded { .. } => self.count(KEYS, "loaded"),
            Event::KeysFailed { error, .. } => self.count(KEYS, error),
            _ => {}
        }
    }

    fn times(&self) -> bool {
        false
    }
}
