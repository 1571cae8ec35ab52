//! The output of a command: a table in the terminal, the same table as Markdown, raw data as JSON, and goals checked by arithmetic.

use crate::Failure;
use crate::statistics::Spread;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::PathBuf;

/// A row per system, a column per figure; the same text for a terminal and for a page.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn of(heads: &[&str]) -> Table {
        Table { rows: vec![heads.iter().map(|&head| head.to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Aligned, so that it is readable as plain text.
    pub fn markdown(&self) -> String {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0)
        };
        let mut text = String::new();
        for (nth, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let gap = " ".repeat(width(column).saturating_sub(cell.chars().count()));
                let _ =
                    if column == 0 { write!(text, "| {cell}{gap} ") } else { write!(text, "| {gap}{cell} ") };
            }
            text.push_str("|\n");
            if nth == 0 {
                for column in 0..row.len() {
                    let dashes = "-".repeat(width(column) + 1);
                    let _ = if column == 0 { write!(text, "|{dashes}-") } else { write!(text, "|{dashes}:") };
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// A goal, what was measured for it, and whether it holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Goal {
    pub name: String,
    pub goal: String,
    pub measured: String,
    pub holds: bool,
    /// Filled in when the goal is saved.
    #[serde(default)]
    pub command: String,
}

impl Goal {
    /// A figure that must be at most `limit`.
    pub fn at_most(name: &str, what: &str, measured: f64, limit: f64, unit: &str) -> Goal {
        Goal {
            name: name.to_owned(),
            goal: format!("{what}: at most {limit}{unit}"),
            measured: format!("{}{unit}", short(measured)),
            holds: measured <= limit,
            command: String::new(),
        }
    }

    /// A figure that must be at least `limit`.
    pub fn at_least(name: &str, what: &str, measured: f64, limit: f64, unit: &str) -> Goal {
        Goal {
            goal: format!("{what}: at least {limit}{unit}"),
            holds: measured >= limit,
            ..Goal::at_most(name, what, measured, limit, unit)
        }
    }
}

/// All output of one run of a command.
pub struct Page {
    command: &'static str,
    text: String,
    goals: Vec<Goal>,
}

/// Where commands write their results: `target/peers`, or the folder in PEERS_RESULTS.
pub fn folder() -> Result<PathBuf, Failure> {
    let folder = std::env::var_os("PEERS_RESULTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers")),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

impl Page {
    pub fn of(command: &'static str) -> Page {
        Page { command, text: circumstances(), goals: Vec::new() }
    }

    pub fn say(&mut self, text: &str) {
        let _ = write!(self.text, "\n{text}\n");
    }

    pub fn table(&mut self, table: &Table) {
        let _ = write!(self.text, "\n{}", table.markdown());
    }

    /// A picture that the command has drawn into the folder.
    pub fn picture(&mut self, file: &str, what: &str) {
        let _ = write!(self.text, "\n![{what}](costs/{file})\n");
    }

    pub fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// Prints the page, and saves it with its raw data.
    pub fn keep(mut self, raw: &impl Serialize) -> Result<(), Failure> {
        for goal in &mut self.goals {
            goal.command = self.command.to_owned();
        }
        println!("{}", self.text);
        for goal in &self.goals {
            let verdict = if goal.holds { "holds " } else { "MISSED" };
            println!("{verdict}  {:4} {}, measured {}", goal.name, goal.goal, goal.measured);
        }
        let folder = folder()?;
        let name = self.command;
        std::fs::write(folder.join(format!("{name}.md")), &self.text)?;
        std::fs::write(folder.join(format!("{name}.goals.json")), serde_json::to_vec_pretty(&self.goals)?)?;
        std::fs::write(folder.join(format!("{name}.json")), serde_json::to_vec_pretty(raw)?)?;
        crate::drawn::draw(name, &self.text, &folder)?;
        println!("\nsaved in target/peers/: {name}.md, {name}.json (raw data), {name}.goals.json");
        Ok(())
    }
}

/// What it was measured with, and when.
fn circumstances() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            Some(text.lines().find(|line| line.starts_with("model name"))?.split_once(": ")?.1.to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    let rustc = std::process::Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(
            || "rustc of unknown version".to_owned(),
            |text| text.split(" (").next().unwrap_or("").to_owned(),
        );
    let profile = if cfg!(debug_assertions) {
        "**a debug build: no figure here means anything**"
    } else {
        "cargo's default release profile (no LTO, 16 codegen units) with line tables"
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let system = std::env::consts::OS;
    format!(
        "`benches/peers/run {}`: {cores} shared {processor} cores, {system}, {rustc}, {profile}, {date}.\n",
        arguments.join(" ")
    )
}

/// The version of a crate in our lock file.
pub fn version(name: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let start = format!("name = \"{name}\"\nversion = \"");
    // If there are two, the last is the newest, which is ours.
    lock.rsplit_once(&start).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("?").to_owned()
}

/// Three significant digits.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "-".to_owned(),
        size if size >= 1000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 => format!("{value:.2}"),
        size if size < 0.00005 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// Only the median.
pub fn median(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".to_owned(), |spread| short(spread.median))
}

/// The median and the quartiles.
pub fn quartiles(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "-".to_owned(),
        |spread| format!("{} ({} – {})", short(spread.median), short(spread.low), short(spread.high)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        let shown = [1234567.0, 123.4, 12.34, 1.234, 0.001234, 0.0, f64::NAN].map(short);
        assert_eq!(shown, ["1,234,567", "123", "12.3", "1.23", "0.0012", "0", "-"]);
    }

    #[test]
    fn a_goal_is_judged_by_its_figure() {
        assert!(Goal::at_most("P1", "mean", 0.9, 0.9, " x").holds);
        assert!(!Goal::at_most("P1", "mean", 0.91, 0.9, " x").holds);
        assert!(!Goal::at_least("P8", "speed", 0.94, 0.95, " x").holds);
    }

    #[test]
    fn a_table_is_aligned() {
        let mut table = Table::of(&["a", "long head"]);
        table.row(vec!["x".to_owned(), "1".to_owned()]);
        assert_eq!(table.markdown(), "| a | long head |\n|---|----------:|\n| x |         1 |\n");
    }
}
