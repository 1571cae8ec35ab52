//! Writes the output and pictures of a run into GUIDE.md. Nobody edits them by hand.

use super::judge::Experiment;
use super::{Arguments, Failure, table};
use std::path::{Path, PathBuf};

/// Replaces each `<!-- name -->…<!-- /name -->` of GUIDE.md, and the pictures next to it.
pub fn write(experiment: &Experiment, report: &str, arguments: &Arguments) -> Result<(), Failure> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("leak_experiment");
    let guide = folder.join("GUIDE.md");
    let mut text =
        std::fs::read_to_string(&guide).map_err(|error| format!("{}: {error}", guide.display()))?;
    let comparison = &experiment.variants[0].comparison;
    put(&mut text, "circumstances", &circumstances(arguments))?;
    put(&mut text, "table", &format!("```text\n{}```", table::of(comparison, 3)))?;
    put(&mut text, "report", &format!("```text\n{}\n```", report.trim_end()))?;
    std::fs::write(&guide, text)?;
    for picture in ["leak_experiment.svg", "flame.svg"] {
        std::fs::copy(arguments.out.join(picture), folder.join(picture))?;
    }
    println!("Written: {} and its pictures", relative(&guide).display());
    Ok(())
}

fn put(text: &mut String, name: &str, block: &str) -> Result<(), Failure> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let from = text.find(&begin).ok_or_else(|| format!("GUIDE.md has no {begin}"))? + begin.len();
    let to = text[from..].find(&end).ok_or_else(|| format!("GUIDE.md has no {end}"))? + from;
    text.replace_range(from..to, &format!("\n{block}\n"));
    Ok(())
}

fn circumstances(arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    format!(
        "Written by `tests/lab/run leak_experiment --write-guide` ({} s, {} events/s, one allocation in {} KiB looked \
         at) on {cores} {machine} cores, {system}, {date}.",
        arguments.seconds,
        arguments.rate,
        (1_u64 << arguments.lg_prof_sample) >> 10
    )
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path)
}
