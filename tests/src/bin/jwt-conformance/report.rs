//! The report: a line for each case, and the sums.

use serde_json::{Value, json};

use crate::cases::Level;

/// The outcome of one case.
pub(crate) struct Verdict {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) level: Level,
    pub(crate) about: &'static str,
    pub(crate) passed: bool,
    /// The answer, if it isn't as expected.
    pub(crate) found: String,
}

pub(crate) struct Report {
    json: bool,
    cases: Vec<Value>,
    passed: usize,
    failed: usize,
    advised: usize,
}

impl Report {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, cases: Vec::new(), passed: 0, failed: 0, advised: 0 }
    }

    pub(crate) const fn failed(&self) -> usize {
        self.failed
    }

    pub(crate) fn add(&mut self, verdict: Verdict) {
        let Verdict { name, source, level, about, passed, found } = verdict;
        let (outcome, sum) = match (passed, level) {
            (true, _) => ("pass", &mut self.passed),
            (false, Level::Must) => ("FAIL", &mut self.failed),
            (false, Level::Should) => ("note", &mut self.advised),
        };
        *sum += 1;
        if self.json {
            let found = if passed { Value::Null } else { Value::from(found) };
            self.cases
                .push(json!({"case": name, "outcome": outcome, "source": source, "about": about, "found": found}));
        } else if passed {
            println!("{outcome}  {name:<34} {source:<24} {about}");
        } else {
            println!("{outcome}  {name:<34} {source:<24} {about}: found {found}");
        }
    }

    pub(crate) fn finish(&self) {
        let Self { passed, failed, advised, .. } = self;
        if self.json {
            println!("{}", json!({"passed": passed, "failed": failed, "notes": advised, "cases": self.cases}));
        } else {
            println!(
                "{passed} passed, {failed} failed, {advised} notes (a note is a recommendation that isn't followed)"
            );
        }
    }
}
