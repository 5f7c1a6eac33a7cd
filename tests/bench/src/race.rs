//! Runs contenders in turns, so that load on the machine affects all of them alike.

use std::time::{Duration, Instant};

/// About how long one turn of a contender takes.
pub const TURN: Duration = Duration::from_millis(1);

/// One way to do the measured work.
pub struct Contender {
    pub name: String,
    /// Does the work this many times.
    pub run: Box<dyn FnMut(u64)>,
}

impl Contender {
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// Creates a contender that calls `once` for each time.
    pub fn each(name: impl Into<String>, mut once: impl FnMut() + 'static) -> Self {
        Self::new(name, move |times| (0..times).for_each(|_| once()))
    }
}

/// The result of one contender.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub name: String,
    /// Nanoseconds for one time, the median of the rounds.
    pub nanos: f64,
    rounds: Vec<f64>,
}

impl Outcome {
    /// The median over the rounds of this contender's time divided by the other's in the same round.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own / other).collect())
    }

    /// The median over the rounds of this contender's time less the other's in the same round, in nanoseconds.
    pub fn over(&self, other: &Self) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own - other).collect())
    }
}

/// Runs the contenders in turns of about this length.
pub fn race(contenders: Vec<Contender>, rounds: usize, turn: Duration) -> Vec<Outcome> {
    let mut field: Vec<(Contender, u64, Vec<f64>)> = contenders
        .into_iter()
        .map(|mut contender| {
            let mut times = 1;
            loop {
                let took = time(&mut contender, times);
                if took > turn / 4 {
                    let times = (times as f64 * turn.as_secs_f64() / took.as_secs_f64()).ceil() as u64;
                    return (contender, times.max(1), Vec::new());
                }
                times *= 2;
            }
        })
        .collect();
    for _ in 0..rounds {
        for (contender, times, results) in &mut field {
            let took = time(contender, *times);
            results.push(took.as_nanos() as f64 / *times as f64);
        }
    }
    field
        .into_iter()
        .map(|(contender, _, rounds)| Outcome { name: contender.name, nanos: median(rounds.clone()), rounds })
        .collect()
}

fn time(contender: &mut Contender, times: u64) -> Duration {
    let start = Instant::now();
    (contender.run)(times);
    start.elapsed()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
