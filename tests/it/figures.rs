//! Figures that the tests measure, for the table of `tests/lab/run faults`.
#![allow(unreachable_pub, reason = "a test binary has no public API")]

use std::fmt::Display;
use std::io::Write;

/// Prints a figure. If `FAULTS_FIGURES` is set, also stores it in that folder under the name of this test.
///
/// `row` is a row of the table of faults, `what` describes the figure in a few words.
pub fn report(row: u32, what: &str, figure: impl Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("main").to_owned();
    println!("figure: row {row}, {what}: {figure} ({test})");
    let Some(folder) = std::env::var_os("FAULTS_FIGURES") else { return };
    let name = format!("{row:02}-{}.tsv", test.replace("::", "."));
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(std::path::Path::new(&folder).join(name))
        .expect("the folder FAULTS_FIGURES exists and can be written to");
    writeln!(file, "{row}\t{what}\t{figure}\t{test}").expect("a figure can be written");
}
