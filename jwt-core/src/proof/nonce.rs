//! Nonces of this service, which limit how long a proof can be prepared ahead. RFC 9449 section 9.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::SigningKey;

/// Creates and checks nonces without storing them. Processes with the same secret accept each other's.
///
/// Time is divided into periods, and each has one nonce: a MAC of its number. The nonces of this period and of the last one are
/// accepted, so each lives for between one and two periods.
pub(super) struct Nonces {
    key: SigningKey,
    period: Duration,
    /// How far the clocks of processes may differ.
    leeway: Duration,
    cached: Mutex<Option<Cached>>,
}

/// The nonces of a period and of its neighbours.
struct Cached {
    period: u64,
    nonces: [String; 3],
}

/// The standing of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Current,
    /// It's accepted, but the client should get the next one.
    Ending,
    Invalid,
}

impl Nonces {
    pub(super) const fn new(key: SigningKey, period: Duration, leeway: Duration) -> Self {
        Self { key, period, leeway, cached: Mutex::new(None) }
    }

    /// Returns the nonce for a client.
    pub(super) fn current(&self, now: Duration) -> String {
        self.with(now, |[_, current, _]| current.clone())
    }

    pub(super) fn standing(&self, nonce: &str, now: Duration) -> Standing {
        // A process whose clock is ahead may have begun the next period.
        let next_began = self.number(now.saturating_add(self.leeway)) > self.number(now);
        self.with(now, |[last, current, next]| match nonce {
            _ if nonce.is_empty() => Standing::Invalid,
            _ if nonce == current || (next_began && nonce == next) => Standing::Current,
            _ if nonce == last => Standing::Ending,
            _ => Standing::Invalid,
        })
    }

    fn number(&self, now: Duration) -> u64 {
        u64::try_from(now.as_millis() / self.period.as_millis().max(1)).unwrap_or(u64::MAX)
    }

    fn with<T>(&self, now: Duration, read: impl FnOnce(&[String; 3]) -> T) -> T {
        let period = self.number(now);
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = match &mut *cached {
            Some(cached) if cached.period == period => cached,
            other => {
                let numbers = [period.wrapping_sub(1), period, period.wrapping_add(1)];
                other.insert(Cached { period, nonces: numbers.map(|number| self.nonce(number)) })
            }
        };
        read(&cached.nonces)
    }

    /// Returns the nonce of a period. An empty one, which is never accepted, if the back end fails.
    fn nonce(&self, period: u64) -> String {
        let message = [b"dpop-nonce".as_slice(), &period.to_be_bytes()].concat();
        let Ok(mac) = self.key.sign(&message) else { return String::new() };
        URL_SAFE_NO_PAD.encode(mac.get(..16).unwrap_or_default())
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    fn nonces(secret: u8) -> Nonces {
        let key = SigningKey::from_secret(Algorithm::HS256, [secret; 32]).expect("a key");
        Nonces::new(key, Duration::from_secs(300), Duration::from_secs(10))
    }

    #[test]
    fn a_nonce_is_accepted_in_its_period_and_in_the_next() {
        let (nonces, at) = (nonces(1), Duration::from_secs);
        let nonce = nonces.current(at(3_000));
        for (now, standing) in [
            (2_989, Standing::Invalid),
            (2_990, Standing::Current),
            (3_000, Standing::Current),
            (3_299, Standing::Current),
            (3_300, Standing::Ending),
            (3_599, Standing::Ending),
            (3_600, Standing::Invalid),
        ] {
            assert_eq!(nonces.standing(&nonce, at(now)), standing, "{now}");
        }
        for other in ["", "x", &nonce[1..], &format!("{nonce}A")] {
            assert_eq!(nonces.standing(other, at(3_000)), Standing::Invalid, "{other}");
        }
    }

    #[test]
    fn processes_with_the_same_secret_accept_each_others_nonces() {
        let now = Duration::from_secs(3_000);
        let nonce = nonces(1).current(now);
        assert_eq!(nonces(1).standing(&nonce, now), Standing::Current);
        assert_eq!(nonces(2).standing(&nonce, now), Standing::Invalid);
    }
}
