use std::env;
use std::hash::{BuildHasher as _, RandomState};

/// SplitMix64: the same numbers for the same seed, on every machine.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a `usize`")
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Calls `each` with new seeds until enough requests were sent. `each` returns how many it sent.
///
/// The environment variable `RANDOM_APPLICATIONS_SEED` sets the first seed, to repeat a failure. Default: a different
/// seed in each run. `RANDOM_APPLICATIONS_REQUESTS` sets the number of requests. Default: 20,000.
pub(crate) async fn applications(mut each: impl AsyncFnMut(u64) -> usize) {
    let number = |name| env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let first = number("RANDOM_APPLICATIONS_SEED").unwrap_or_else(|| RandomState::new().hash_one(()) >> 32);
    let wanted = number("RANDOM_APPLICATIONS_REQUESTS").unwrap_or(20_000);
    println!("RANDOM_APPLICATIONS_SEED={first} RANDOM_APPLICATIONS_REQUESTS={wanted}");
    let (mut sent, mut seed) = (0, first);
    while sent < wanted {
        sent += each(seed).await as u64;
        seed += 1;
    }
    println!("{sent} requests to {} applications", seed - first);
}
