use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many names are remembered.
const MAX_NAMES: usize = 16;

/// Remembers what was logged, so that each set-up fault is logged once a minute, no matter how many requests meet it.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<Vec<(&'static str, Duration)>>);

impl Warned {
    /// Returns whether `name` was not logged in the last minute, and remembers it. `now` is the monotonic time.
    pub(crate) fn first_in_a_minute(&self, name: &'static str, now: Duration) -> bool {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|(_, at)| now.saturating_sub(*at) < Duration::from_secs(60));
        let first = names.len() < MAX_NAMES && !names.iter().any(|(other, _)| *other == name);
        if first {
            names.push((name, now));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_logged_once_a_minute() {
        let warned = Warned::default();
        let at = |name, seconds| warned.first_in_a_minute(name, Duration::from_secs(seconds));
        assert!(at("a", 5) && !at("a", 5) && !at("a", 64));
        assert!(at("b", 64) && at("a", 65) && !at("b", 65));
    }
}
