//! A recorder for the `metrics` facade that keeps everything in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// Recorded values by name and labels.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    values: Arc<Mutex<BTreeMap<Series, Vec<f64>>>>,
    described: Arc<Mutex<BTreeSet<(&'static str, String)>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) labels: Vec<(String, String)>,
}

impl Recorded {
    pub(crate) fn values(&self) -> BTreeMap<Series, Vec<f64>> {
        self.lock().clone()
    }

    /// Counters and the last values of gauges, with labels in braces.
    pub(crate) fn last(&self, kind: &str) -> Vec<(String, f64)> {
        let values = self.values().into_iter().filter(|(series, _)| series.kind == kind);
        values
            .map(|(series, values)| {
                let labels: Vec<_> = series.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
                let value = if kind == "counter" { values.iter().sum() } else { values[values.len() - 1] };
                (format!("{}{{{}}}", series.name, labels.join(",")), value)
            })
            .collect()
    }

    /// The kinds and names of the described metrics.
    pub(crate) fn described(&self) -> BTreeSet<(&'static str, String)> {
        self.described.lock().expect("not poisoned").clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Series, Vec<f64>>> {
        self.values.lock().expect("not poisoned")
    }

    fn describe(&self, kind: &'static str, name: &KeyName) {
        self.described.lock().expect("not poisoned").insert((kind, name.as_str().to_owned()));
    }

    fn register(&self, kind: &'static str, key: &Key) -> Arc<Line> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        let series = Series { name: key.name().to_owned(), kind, labels };
        Arc::new(Line { recorded: self.clone(), series })
    }
}

struct Line {
    recorded: Recorded,
    series: Series,
}

impl Line {
    fn add(&self, value: f64) {
        self.recorded.lock().entry(self.series.clone()).or_default().push(value);
    }
}

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.add(f64::from(u32::try_from(value).expect("small")));
    }

    fn absolute(&self, _: u64) {
        unreachable!("counters only grow here");
    }
}

impl GaugeFn for Line {
    fn increment(&self, _: f64) {
        unreachable!("gauges are set here");
    }

    fn decrement(&self, _: f64) {
        unreachable!("gauges are set here");
    }

    fn set(&self, value: f64) {
        self.add(value);
    }
}

impl HistogramFn for Line {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe("counter", &name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe("gauge", &name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe("histogram", &name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.register("counter", key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.register("gauge", key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.register("histogram", key))
    }
}
