//! The report: tables in Markdown, and a chart.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::chart;
use crate::race::Outcome;

/// Returns the compiler's version.
pub fn rustc() -> String {
    output("rustc", &["--version"]).unwrap_or_else(|| "an unknown compiler".to_owned())
}

fn output(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the processor's name and the number of processors.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map(|(_, name)| name.trim());
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {processors} processors", name.unwrap_or("unknown processor"))
}

/// Returns the load average of the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Returns the resident memory of this process.
pub fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1024
}

/// Runs another program of this package with this input, and returns the rows of cells that it prints.
pub fn counted(program: &str, arguments: &[&str], input: Option<&Value>) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut child = Command::new("cargo")
        .args(["run", "--quiet", "--release", "--manifest-path", manifest, "--bin", program, "--"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take().ok_or("no input")?;
    if let Some(input) = input {
        serde_json::to_writer(stdin, input)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{program} failed").into());
    }
    let printed = String::from_utf8(output.stdout)?;
    Ok(printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// Bars that belong together: their panel, their group, and nanoseconds by name.
pub type Group = (&'static str, String, Vec<(String, f64)>);

/// Tables in Markdown, and a chart.
pub struct Report {
    text: String,
    bars: Vec<Group>,
}

impl Report {
    pub fn start() -> Self {
        let date = output("date", &["+%Y-%m-%d"]).unwrap_or_default();
        let text = format!(
            "# Measured\n\nWritten by `cargo run --release --manifest-path tests/bench/Cargo.toml` on {date}, on {}, with {}.\n\
             Medians of interleaved rounds; ratios are medians of the rounds' ratios. Times differ from machine to machine, ratios\n\
             less so. When the run began, the load average of the last minute was {}.\n\n\
             Every library verifies the same token with the same checks, as far as it can be configured, and was checked to\n\
             refuse bad tokens; `tests/bench/src/peers.rs` says how each was set up. If you can choose a library's cryptography,\n\
             it's AWS-LC. axum-keycloak-auth gets a token with the claim `typ`, which it requires.\n",
            machine(),
            rustc(),
            load()
        );
        Self { text, bars: Vec::new() }
    }

    pub fn section(&mut self, title: &str) {
        let _ = writeln!(self.text, "\n## {title}\n");
        eprintln!("{title}");
    }

    pub fn table(&mut self, columns: &[&str]) {
        self.row(columns);
        self.row(&vec!["---"; columns.len()]);
    }

    pub fn row(&mut self, cells: &[&str]) {
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    pub fn text(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}\n");
    }

    /// Adds results to a panel of the chart.
    pub fn bars(&mut self, panel: &'static str, group: &str, results: &[Outcome]) {
        let bars = results.iter().map(|result| (result.name.clone(), result.nanos)).collect();
        self.bars.push((panel, group.to_owned(), bars));
    }

    /// Returns the tables.
    pub fn tables(&self) -> &str {
        &self.text
    }

    /// Writes the tables and the chart to the documentation.
    pub fn write(&self) -> Result<(), Box<dyn Error>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../jwt-core/doc");
        fs::write(folder.join("measured.md"), &self.text)?;
        fs::write(folder.join("measured.svg"), chart::draw(&self.bars))?;
        print!("{}", self.text);
        Ok(())
    }
}
