//! The reports that `.ci/soak` left of the last soaks: they take hours, so this program does not run them.

use crate::Failure;
use std::fmt::Write;
use std::path::Path;

/// The reports in the folder, from the troubles to the verdict. Empty if there are none.
pub fn of(folder: &Path) -> Result<String, Failure> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(String::new()) };
    let mut reports: Vec<_> = entries.flatten().map(|entry| entry.path().join("report.txt")).collect();
    reports.retain(|report| report.exists());
    reports.sort();
    let mut text = String::new();
    for report in reports {
        let report = std::fs::read_to_string(report)?;
        let end = report.lines().skip_while(|line| !line.starts_with("Troubles:"));
        let lines: Vec<&str> =
            end.filter(|line| !line.starts_with("Pictures:") && !line.starts_with("Log:")).collect();
        if !lines.is_empty() {
            write!(text, "\n```text\n{}\n```\n", lines.join("\n"))?;
        }
    }
    if text.is_empty() {
        return Ok(text);
    }
    Ok(format!("\n### The last soaks (`.ci/soak`), an allocator each\n{text}"))
}
