//! Makes one table of the figures, which are one file per test.

use crate::Failure;
use crate::rows::PARTS;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// One figure: what it is, its value, the test that measured it.
struct Figure {
    what: String,
    value: String,
    test: String,
}

/// The table, and the rows without a measurement.
pub fn of(folder: &Path) -> Result<(String, Vec<u32>), Failure> {
    let figures = read(folder)?;
    let (mut table, mut missing) = (String::new(), Vec::new());
    for part in PARTS {
        writeln!(table, "\n### {}\n", part.title)?;
        writeln!(table, "| # | fault | promise | measured | by |")?;
        writeln!(table, "|---|---|---|---|---|")?;
        for row in part.rows {
            let figures = figures.get(&row.number).map_or(&[][..], Vec::as_slice);
            let values = values_of(figures);
            let mut tests: Vec<String> = figures
                .iter()
                .map(|figure| format!("`{}`", figure.test.replace("::", "::&#8203;")))
                .collect();
            tests.dedup();
            if values.is_empty() {
                missing.push(row.number);
            }
            let measured = values.join("<br>");
            let (number, fault, promise) = (row.number, row.fault, row.promise);
            writeln!(table, "| {number} | {fault} | {promise} | {measured} | {} |", tests.join("<br>"))?;
        }
    }
    Ok((table, missing))
}

/// A line for each kind of figure; several tests, or several runs of one, may have measured the same.
fn values_of(figures: &[Figure]) -> Vec<String> {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for figure in figures {
        match kinds.iter_mut().find(|(what, _)| *what == figure.what) {
            Some((_, values)) if values.contains(&figure.value.as_str()) => {}
            Some((_, values)) => values.push(&figure.value),
            None => kinds.push((&figure.what, vec![&figure.value])),
        }
    }
    kinds.into_iter().map(|(what, values)| format!("{what}: **{}**", values.join("**, **"))).collect()
}

fn read(folder: &Path) -> Result<BTreeMap<u32, Vec<Figure>>, Failure> {
    let mut figures: BTreeMap<u32, Vec<Figure>> = BTreeMap::new();
    let folder_of = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}; run the tests first", folder.display()))?;
    let mut paths: Vec<_> = folder_of.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "tsv")) {
        for line in std::fs::read_to_string(path)?.lines() {
            let mut fields = line.split('\t').map(|field| field.replace('|', "\\|"));
            let (Some(row), Some(what), Some(value), Some(test)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(format!("{}: not four fields: {line}", path.display()).into());
            };
            let row = row.parse().map_err(|_| format!("{}: {row:?} is not a row", path.display()))?;
            figures.entry(row).or_default().push(Figure { what, value, test });
        }
    }
    Ok(figures)
}
