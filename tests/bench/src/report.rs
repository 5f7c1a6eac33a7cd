//! What is written down.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::race::Outcome;
use crate::stand::{ALGORITHMS, Stand};

/// The compiler's version, as it tells it.
pub fn rustc() -> String {
    output("rustc", &["--version"]).unwrap_or_else(|| "an unknown compiler".to_owned())
}

fn output(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The name of the processor, and how many of it there are.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map(|(_, name)| name.trim());
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {processors} processors", name.unwrap_or("unknown processor"))
}

/// The memory that this process takes.
pub fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1024
}

/// The allocations of each path, counted in a process of its own: counting takes time.
pub fn allocations() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let stands: Vec<_> = ALGORITHMS.into_iter().map(|algorithm| Stand::new(algorithm).public()).collect();
    let paths = std::env::current_exe()?.with_file_name("paths");
    let mut child = Command::new(paths).arg("run").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or("no input")?, &stands)?;
    let printed = String::from_utf8(child.wait_with_output()?.stdout)?;
    let rows = printed.lines().filter_map(|line| line.split_once('\t'));
    Ok(rows.map(|(path, count)| (path.to_owned(), count.to_owned())).collect())
}

/// Tables in Markdown, and a chart.
pub struct Report {
    text: String,
    bars: Vec<(String, Vec<(String, f64)>)>,
}

impl Report {
    pub fn start() -> Self {
        let date = output("date", &["+%Y-%m-%d"]).unwrap_or_default();
        let text = format!(
            "# Measured\n\nWritten by `cargo run --release --manifest-path tests/bench/Cargo.toml` on {date}, on {}, with {}.\n\
             Medians of interleaved rounds; ratios are medians of the rounds' ratios. Times differ from machine to machine, ratios\n\
             less so.\n",
            machine(),
            rustc()
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

    /// Remembers results for the chart.
    pub fn bars(&mut self, group: &str, results: &[Outcome]) {
        let bars = results.iter().map(|result| (result.name.clone(), result.nanos)).collect();
        self.bars.push((group.to_owned(), bars));
    }

    /// Writes the tables and the chart into the documentation.
    pub fn write(&self) -> Result<(), Box<dyn Error>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../jwt-core/doc");
        fs::write(folder.join("measured.md"), &self.text)?;
        fs::write(folder.join("measured.svg"), self.chart())?;
        print!("{}", self.text);
        Ok(())
    }

    /// Bars on a logarithmic scale: what is compared lies a thousandfold apart.
    fn chart(&self) -> String {
        const WIDTH: f64 = 860.0;
        const LEFT: f64 = 290.0;
        const ROW: f64 = 20.0;
        let x = |nanos: f64| LEFT + (nanos.max(50.0) / 50.0).log10() / 3.6_f64 * (WIDTH - LEFT - 90.0);
        let (mut rows, mut y) = (String::new(), 34.0);
        for (group, bars) in &self.bars {
            y += 12.0;
            let _ = writeln!(rows, "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{group}</text>", y + 14.0);
            for (name, nanos) in bars {
                let fill = if name.starts_with("this library") { "#2563eb" } else { "#94a3b8" };
                let text = if *nanos < 10_000.0 { format!("{nanos:.0} ns") } else { format!("{:.1} µs", nanos / 1e3) };
                let (middle, end) = (y + 14.0, x(*nanos));
                let _ = writeln!(
                    rows,
                    "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text><rect x=\"{LEFT}\" y=\"{}\" \
                     width=\"{:.1}\" height=\"14\" fill=\"{fill}\"/><text x=\"{:.1}\" y=\"{middle}\">{text}</text>",
                    LEFT - 8.0,
                    y + 3.0,
                    end - LEFT,
                    end + 6.0
                );
                y += ROW;
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"#334155\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"8\" y=\"22\" font-size=\"14\" font-weight=\"bold\">One token, verified and decoded: shorter is faster, \
             each step to the right is tenfold in {tenfold:.0} points</text>\n{rows}</svg>\n",
            height = y + 12.0,
            tenfold = (WIDTH - LEFT - 90.0) / 3.6,
        )
    }
}
