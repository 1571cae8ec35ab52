//! What the checkers have tried, told in the way of `tests/it/figures.rs`.
#![allow(clippy::print_stdout, reason = "a figure is for whoever runs the models")]

use std::io::Write;

/// Prints how many schedules this model has passed, and keeps it in the folder `FAULTS_FIGURES`, if that is set.
pub(super) fn report(schedules: u64, kind: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("main").to_owned();
    println!("figure: row 34, schedules: {schedules} {kind} ({test})");
    let Some(folder) = std::env::var_os("FAULTS_FIGURES") else { return };
    let name = format!("34-{}.tsv", test.replace("::", "."));
    std::fs::File::options()
        .create(true)
        .append(true)
        .open(std::path::Path::new(&folder).join(name))
        .and_then(|mut file| {
            writeln!(file, "34\tschedules without a counterexample\t{schedules} {kind}\t{test}")
        })
        .expect("the folder FAULTS_FIGURES exists and can be written to");
}
