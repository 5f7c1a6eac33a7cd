//! The gate: counts the instructions and allocations of the main paths, and compares them with what was recorded.
//!
//! `check` fails where a path costs more than it did; `record` writes down what it costs now. Both need `valgrind`.

use std::alloc::System;
use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use jwt_bench::paths;
use jwt_bench::report::rustc;
use jwt_bench::stand::{ALGORITHMS, Stand};
use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often a path is run while it is counted.
const TIMES: u64 = 10;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Instructions and allocations of one run of a path, above its floor.
type Counts = HashMap<String, (u64, u64)>;

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some("check") => check(),
        Some("record") => record(),
        Some("run") => run(),
        _ => Err("say `check` or `record`".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Functions that can be told apart by name in what `valgrind` writes.
macro_rules! named {
    ($($path:ident $floor:ident $number:literal)+) => {
        $(
            #[inline(never)]
            fn $path(run: &mut dyn FnMut(u64)) {
                run(TIMES);
                black_box(2 * $number);
            }

            #[inline(never)]
            fn $floor(run: &mut dyn FnMut(u64)) {
                run(TIMES);
                black_box(2 * $number + 1);
            }
        )+

        const NAMED: &[(fn(&mut dyn FnMut(u64)), fn(&mut dyn FnMut(u64)))] = &[$(($path, $floor)),+];
    };
}
named! {
    path_00 floor_00 0
    path_01 floor_01 1
    path_02 floor_02 2
    path_03 floor_03 3
    path_04 floor_04 4
    path_05 floor_05 5
    path_06 floor_06 6
    path_07 floor_07 7
    path_08 floor_08 8
    path_09 floor_09 9
    path_10 floor_10 10
}

/// Runs every path, on stands that another process made, and prints the allocations of each.
fn run() -> Result<()> {
    let stands: Vec<Value> = serde_json::from_reader(std::io::stdin())?;
    let stands: Vec<Stand> = stands.iter().map(Stand::of_public).collect();
    let paths = paths::all(&stands);
    assert_eq!(paths.len(), NAMED.len(), "each path has a name");
    for (mut path, (name, floor_name)) in paths.into_iter().zip(NAMED) {
        // What is known, is known from here on.
        (path.run.run)(TIMES);
        let region = Region::new(ALLOCATOR);
        (path.run.run)(TIMES);
        let change = region.change();
        println!("{}\t{}", path.name, (change.allocations + change.reallocations) as u64 / TIMES);
        name(&mut path.run.run);
        if let Some(floor) = &mut path.floor {
            (floor.run)(TIMES);
            floor_name(&mut floor.run);
        }
    }
    Ok(())
}

fn count() -> Result<Counts> {
    let stands: Vec<Value> = ALGORITHMS.into_iter().map(|algorithm| Stand::new(algorithm).public()).collect();
    let out = env::temp_dir().join(format!("jwt-paths-{}", std::process::id()));
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .arg("run")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind: {error}"))?;
    child.stdin.take().ok_or("no input")?.write_all(Value::from(stands).to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    let profile = fs::read_to_string(&out)?;
    fs::remove_file(&out)?;
    if !output.status.success() {
        return Err("the paths could not be run".into());
    }
    let inclusive = inclusive(&profile);
    let cost = |name: &str| {
        let found = inclusive.iter().find(|(function, _)| function.contains(name));
        found.map_or(0, |(_, cost)| *cost / TIMES)
    };
    let printed = String::from_utf8(output.stdout)?;
    let counts = printed.lines().enumerate().filter_map(|(number, line)| {
        let (name, allocations) = line.split_once('\t')?;
        let instructions = cost(&format!("path_{number:02}")).checked_sub(cost(&format!("floor_{number:02}")))?;
        Some((name.to_owned(), (instructions, allocations.parse().ok()?)))
    });
    Ok(counts.collect())
}

/// The cost of each function with all that it calls, from the profile's own format.
fn inclusive(profile: &str) -> HashMap<String, u64> {
    let (mut names, mut costs, mut current) = (HashMap::new(), HashMap::new(), String::new());
    for line in profile.lines() {
        let named = line.strip_prefix("fn=").map(|name| (true, name));
        if let Some((own, name)) = named.or(line.strip_prefix("cfn=").map(|name| (false, name))) {
            let (id, name) = name.split_once(' ').unwrap_or((name, ""));
            if !name.is_empty() {
                names.insert(id.to_owned(), name.to_owned());
            }
            if own {
                current = names.get(id).cloned().unwrap_or_default();
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or(0);
            *costs.entry(current.clone()).or_insert(0) += cost;
        }
    }
    costs
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
    // Another compiler makes other instructions.
    let tolerance = if text.lines().next().is_some_and(|line| line.ends_with(&rustc())) { 5 } else { 20 };
    let (mut counts, mut worse) = (count()?, 0);
    for line in text.lines().skip(1) {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap_or_default();
        let mut number = || cells.next().and_then(|cell| cell.parse::<u64>().ok()).ok_or("an illegible record");
        let (instructions, allocations) = (number()?, number()?);
        let Some((now, allocated)) = counts.remove(name) else { return Err(format!("no path is `{name}`").into()) };
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
        return Err(format!("`{name}` is not recorded").into());
    }
    if worse > 0 { Err(format!("{worse} paths cost more than was recorded").into()) } else { Ok(()) }
}
