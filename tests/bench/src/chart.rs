//! The chart: bars on a logarithmic scale, because the slowest takes a thousand times as long as the fastest.

use std::fmt::Write as _;

use crate::report::Group;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 320.0;
const RIGHT: f64 = 70.0;
const ROW: f64 = 20.0;
const LEAST: f64 = 50.0;
const DECADES: f64 = 3.5;

/// Light and dark colors: an image does not know its page, only the reader's preference.
const STYLE: &str = "\
text { fill: #1e293b; stroke: #ffffff; stroke-width: 4px; paint-order: stroke } .page { fill: #ffffff } .grid { stroke: #cbd5e1 } .own { fill: #2563eb } .other { fill: #94a3b8 }
@media (prefers-color-scheme: dark) {
text { fill: #e2e8f0; stroke: #0f172a } .page { fill: #0f172a } .grid { stroke: #475569 } .own { fill: #60a5fa } .other { fill: #64748b }
}";

/// Draws panels of groups of bars, in the given order.
pub fn draw(groups: &[Group]) -> String {
    let (mut marks, mut y, mut panel) = (String::new(), 8.0, "");
    for (number, (of, group, bars)) in groups.iter().enumerate() {
        if *of != panel {
            panel = of;
            y += if number == 0 { 20.0 } else { 32.0 };
            let _ = writeln!(marks, "<text x=\"8\" y=\"{y}\" font-size=\"15\" font-weight=\"bold\">{panel}</text>");
            let rows = |(of, _, bars): &&Group| (*of == panel).then_some(bars.len() as f64 * ROW + 28.0);
            let height: f64 = groups[number..].iter().map_while(|group| rows(&group)).sum();
            axis(&mut marks, y + 24.0, height - 6.0);
            y += 28.0;
        }
        let _ = writeln!(marks, "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{group}</text>", y + 16.0);
        y += 22.0;
        for (name, nanos) in bars {
            let class = if name.starts_with("this library") { "own" } else { "other" };
            let (middle, end) = (y + 13.0, at(*nanos));
            let _ = writeln!(
                marks,
                "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text><rect class=\"{class}\" x=\"{LEFT}\" \
                 y=\"{}\" width=\"{:.1}\" height=\"14\"/><text x=\"{:.1}\" y=\"{middle}\">{}</text>",
                LEFT - 8.0,
                y + 2.0,
                end - LEFT,
                end + 6.0,
                time(*nanos)
            );
            y += ROW;
        }
        y += 6.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<style>\n{STYLE}\n</style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         {marks}</svg>\n",
        height = y + 8.0
    )
}

/// Draws lines and labels at the powers of ten.
fn axis(marks: &mut String, y: f64, height: f64) {
    for (nanos, label) in [(100.0, "100 ns"), (1e3, "1 µs"), (1e4, "10 µs"), (1e5, "100 µs")] {
        let x = at(nanos);
        let _ = writeln!(
            marks,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\"/><text x=\"{x:.1}\" y=\"{y}\" \
             text-anchor=\"middle\">{label}</text>",
            y + 6.0,
            y + height
        );
    }
    let _ = writeln!(
        marks,
        "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">time, logarithmic; shorter is faster</text>",
        LEFT - 8.0
    );
}

fn at(nanos: f64) -> f64 {
    LEFT + (nanos.max(LEAST) / LEAST).log10() / DECADES * (WIDTH - LEFT - RIGHT)
}

fn time(nanos: f64) -> String {
    if nanos < 10_000.0 { format!("{nanos:.0} ns") } else { format!("{:.1} µs", nanos / 1e3) }
}
