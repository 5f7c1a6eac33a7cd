//! Writes explanations: as text for people, or as one line of JSON for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::explain::{Explanation, Outcome, Row};

pub(super) fn text(explanation: &Explanation, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "{}", explanation.summary)?;
    if let Some(change) = &explanation.change {
        writeln!(output, "\n  to accept it   {}", change.line)?;
        writeln!(output, "  in code        `{}`", change.method)?;
        writeln!(output, "  only if        {}", change.only_if)?;
    }
    if !explanation.rows.is_empty() {
        writeln!(output)?;
    }
    for row in &explanation.rows {
        let outcome = match row.outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "FAIL",
            Outcome::NotReached => "-",
        };
        writeln!(output, "  {outcome:4}  {:16} {}", row.check, detail(row))?;
    }
    Ok(())
}

fn detail(row: &Row) -> String {
    match (row.outcome, &row.found, &row.expected) {
        (Outcome::Fail, Some(found), Some(expected)) => format!("{found}; expected {expected}"),
        (Outcome::Fail, None, Some(expected)) => format!("{}; expected {expected}", row.about),
        (Outcome::Pass | Outcome::Fail, Some(found), _) => format!("{}: {found}", row.about),
        _ => row.about.to_owned(),
    }
}

pub(super) fn json(explanation: &Explanation) -> Value {
    let checks: Vec<Value> = explanation
        .rows
        .iter()
        .map(|row| {
            let outcome = match row.outcome {
                Outcome::Pass => "pass",
                Outcome::Fail => "fail",
                Outcome::NotReached => "not_reached",
            };
            json!({
                "check": row.check,
                "outcome": outcome,
                "about": row.about,
                "expected": row.expected,
                "found": row.found,
            })
        })
        .collect();
    let change = explanation
        .change
        .as_ref()
        .map(|change| json!({"line": change.line, "method": change.method, "only_if": change.only_if}));
    json!({
        "verdict": explanation.verdict.word(),
        "code": explanation.code,
        "summary": explanation.summary,
        "change": change,
        "checks": checks,
    })
}
