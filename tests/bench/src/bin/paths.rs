//! Counts the instructions and allocations of the main paths, and compares them with the record.
//!
//! `check` fails if a path costs more than recorded; `record` records the current costs. `scaling` fails if the cost of an
//! input grows faster than the input. All of them need `valgrind`.

use std::alloc::System;
use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jwt_bench::race::Contender;
use jwt_bench::report::rustc;
use jwt_bench::stand::{ALGORITHMS, Stand};
use jwt_bench::{callgrind, paths, scaling};
use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often a path runs while its instructions are counted.
const TIMES: u64 = 10;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Instructions and allocations of one run of a path, above its floor.
type Counts = HashMap<String, (u64, u64)>;

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some("check") => check(),
        Some("record") => record(),
        Some("scaling") => check_scaling(),
        Some("run") => run(),
        Some("read") => {
            read_inputs();
            Ok(())
        }
        _ => Err("expected an argument: `check`, `record` or `scaling`".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every path, with keys and tokens that another process created, and prints the allocations of each.
fn run() -> Result<()> {
    let stands: Vec<Value> = serde_json::from_reader(std::io::stdin())?;
    let stands: Vec<Stand> = stands.iter().map(Stand::of_public).collect();
    for mut path in paths::all(&stands) {
        // Warm up: fill the token cache.
        (path.run.run)(TIMES);
        let region = Region::new(ALLOCATOR);
        (path.run.run)(TIMES);
        let change = region.change();
        println!("{}\t{}", path.name, (change.allocations + change.reallocations) as u64 / TIMES);
        callgrind::counted(&mut || (path.run.run)(TIMES));
        let mut floor = path.floor.unwrap_or_else(|| Contender::new("", |_| ()));
        // As often as the path, so that both are counted for the same signatures.
        (floor.run)(2 * TIMES);
        callgrind::counted(&mut || (floor.run)(TIMES));
    }
    Ok(())
}

/// Reads each input at three sizes: empty, its own, and double.
fn read_inputs() {
    for input in scaling::ALL {
        (input.of_size)(0)();
        for size in [0, input.size, 2 * input.size] {
            callgrind::counted(&mut (input.of_size)(size));
        }
    }
}

/// The most instructions for the second half of an input, in percent of those for the first. Sorting takes up to 125.
const MOST_PERCENT: u64 = 130;
/// A difference of fewer instructions does not count: a buffer grew.
const SLACK: u64 = 5000;

fn check_scaling() -> Result<()> {
    let counts = callgrind::counts("read", "")?.instructions;
    let (triples, _) = counts.as_chunks::<3>();
    if triples.len() < scaling::ALL.len() {
        return Err("not every input was counted".into());
    }
    let mut worse = 0;
    for (input, [empty, single, double]) in scaling::ALL.iter().zip(triples) {
        let (first, second) = (single.saturating_sub(*empty), double.saturating_sub(*single));
        let verdict = if first < input.size as u64 {
            worse += 1;
            "IS NOT READ"
        } else if second * 100 > first * MOST_PERCENT + 100 * SLACK {
            worse += 1;
            "GROWS FASTER THAN THE INPUT"
        } else {
            ""
        };
        println!(
            "{:44} {first:>9} instructions for {}, {second:>9} for as many more  {verdict}",
            input.name, input.size
        );
    }
    if worse > 0 {
        Err(format!("{worse} inputs are not read, or cost more than twice as much when they are twice as long").into())
    } else {
        Ok(())
    }
}

fn count() -> Result<Counts> {
    let stands: Vec<Value> = ALGORITHMS.into_iter().map(|algorithm| Stand::new(algorithm).public()).collect();
    let counts = callgrind::counts("run", &Value::from(stands).to_string())?;
    let (pairs, _) = counts.instructions.as_chunks::<2>();
    let paths = counts.printed.lines().zip(pairs).filter_map(|(line, [path, floor])| {
        let (name, allocations) = line.split_once('\t')?;
        Some((name.to_owned(), (path.checked_sub(*floor)? / TIMES, allocations.parse().ok()?)))
    });
    Ok(paths.collect())
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded.txt")
}

fn record() -> Result<()> {
    let mut text = format!("# Instructions and allocations of one run, above the primitive. {}\n", rustc());
    let mut counts: Vec<_> = count()?.into_iter().collect();
    counts.sort();
    for (name, (instructions, allocations)) in counts {
        writeln!(text, "{name}\t{instructions}\t{allocations}")?;
    }
    fs::write(recorded(), &text)?;
    print!("{text}");
    Ok(())
}

fn check() -> Result<()> {
    let text = fs::read_to_string(recorded())?;
    // Another compiler generates other instructions.
    let tolerance = if text.lines().next().is_some_and(|line| line.ends_with(&rustc())) { 5 } else { 20 };
    let (mut counts, mut worse) = (count()?, 0);
    for line in text.lines().skip(1) {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap_or_default();
        let mut number = || {
            cells.next().and_then(|cell| cell.parse::<u64>().ok()).ok_or("recorded.txt has a line without two numbers")
        };
        let (instructions, allocations) = (number()?, number()?);
        let Some((now, allocated)) = counts.remove(name) else {
            return Err(format!("recorded.txt has the path `{name}`, which doesn't exist: run `record`").into());
        };
        let most = instructions + instructions * tolerance / 100 + 50;
        let verdict = if now > most || allocated > allocations {
            worse += 1;
            "WORSE"
        } else if now * 100 < instructions * (100 - tolerance) || allocated < allocations {
            "better: record it"
        } else {
            ""
        };
        println!(
            "{name:26} {now:>7} instructions, {instructions:>7} recorded; {allocated} allocations, {allocations} recorded  {verdict}"
        );
    }
    if let Some(name) = counts.keys().next() {
        return Err(format!("the path `{name}` isn't recorded: run `record`").into());
    }
    if worse > 0 { Err(format!("{worse} paths cost more than was recorded").into()) } else { Ok(()) }
}
