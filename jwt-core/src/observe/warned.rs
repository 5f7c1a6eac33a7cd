use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many faults are remembered.
const MAX_FAULTS: usize = 16;

/// How long a fault is only counted after a line about it.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts faults, so that each is logged at once and then once a minute, no matter how many requests meet it.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<Vec<Fault>>);

#[derive(Debug)]
struct Fault {
    name: Box<str>,
    /// On the monotonic clock.
    logged_at: Duration,
    /// How often it was met since.
    unlogged: u64,
}

impl Warned {
    /// Counts a fault. If it's to be logged now, returns how often it was met since the last line about it, with this time.
    pub(crate) fn due(&self, name: &str, monotonic: Duration) -> Option<u64> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |fault: &Fault| monotonic.saturating_sub(fault.logged_at) >= PAUSE;
        if let Some(fault) = faults.iter_mut().find(|fault| *fault.name == *name) {
            fault.unlogged += 1;
            if !is_over(fault) {
                return None;
            }
            fault.logged_at = monotonic;
            return Some(std::mem::take(&mut fault.unlogged));
        }
        if faults.len() >= MAX_FAULTS {
            let oldest = faults.iter().position(is_over)?;
            faults.swap_remove(oldest);
        }
        faults.push(Fault { name: name.into(), logged_at: monotonic, unlogged: 0 });
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_logged_at_once_and_then_once_a_minute_with_how_often_it_was_met() {
        let warned = Warned::default();
        let at = |name, seconds| warned.due(name, Duration::from_secs(seconds));
        assert_eq!([at("a", 5), at("a", 5), at("a", 64)], [Some(1), None, None]);
        assert_eq!([at("b", 64), at("a", 65), at("b", 65), at("a", 66)], [Some(1), Some(3), None, None]);
        assert_eq!(at("a", 1000), Some(2), "nothing is forgotten while there's space");
    }

    #[test]
    fn faults_with_many_names_are_limited_too() {
        let warned = Warned::default();
        let logged = |second| {
            (0..100)
                .filter(|name| warned.due(&format!("{second} {name}"), Duration::from_secs(second)).is_some())
                .count()
        };
        assert_eq!([logged(1), logged(60), logged(61)], [MAX_FAULTS, 0, MAX_FAULTS]);
    }
}
