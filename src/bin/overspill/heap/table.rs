//! The result for people: the verdict first, then what grew, how
//! certain that is, whose code it was, and how it was called.

use crate::units::grouped as count_of;
use overspill::heap_compare::{
    Comparison, FORECAST_INTERVALS, Frame, Grown, Held, Level, Owner, SIGMAS, Verdict,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Number of frames shown outward and inward from the culprit.
const CALLERS_MAX: usize = 6;
const CALLED_MAX: usize = 3;

pub(crate) fn of(comparison: &Comparison, top: usize) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_all(&mut text, comparison, top);
    text
}

fn write_all(out: &mut String, comparison: &Comparison, top: usize) -> std::fmt::Result {
    let [first, second] = comparison.lasting().map(|lasting| format!("{:.0} s", lasting.as_secs_f64()));
    let held: Vec<String> = comparison.total().iter().map(total).collect();
    writeln!(out, "Held in all: {}; {first} and {second} apart.", held.join(", "))?;
    writeln!(
        out,
        "{} call stacks; one allocation in {} was looked at.",
        comparison.stacks(),
        binary(comparison.sample_period_bytes())
    )?;
    whole(out, comparison)?;
    for warning in comparison.warnings() {
        writeln!(out, "Note: {warning}.")?;
    }
    writeln!(out)?;
    let persistent = comparison.persistent();
    if persistent.is_empty() {
        nothing(out, comparison)?;
    } else {
        writeln!(out, "GREW IN BOTH INTERVALS: a leak is one of these; the first is the first suspect.")?;
        stacks(out, persistent, top)?;
    }
    if !comparison.once().is_empty() {
        writeln!(
            out,
            "\nGREW ONCE: caches that have filled, start-up; or just begun: a fourth profile would tell."
        )?;
        stacks(out, comparison.once(), top.min(5))?;
    }
    names(out, comparison, top)
}

/// The heap as a whole, with its own error.
fn whole(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let growth = comparison.whole();
    let [first, second] = growth
        .intervals
        .map(|interval| format!("{} ±{}", signed(interval.bytes), megabytes(interval.standard_error_bytes)));
    let verdict = match growth.verdict {
        Verdict::Persistent => "it grew in both intervals",
        Verdict::Once => "it grew, but not in both intervals",
        Verdict::Shrank => "it shrank",
        _ => "no more than sampling error explains",
    };
    writeln!(out, "As a whole: {first}, then {second}: {verdict}.")
}

/// An all-clear, as far as the data allow one.
fn nothing(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let whole = &comparison.whole().whole;
    let unseen = megabytes(comparison.detectable_bytes() as f64);
    if !comparison.once().is_empty() {
        writeln!(out, "NOTHING GREW IN BOTH INTERVALS beyond what sampling error explains.")
    } else if whole.sigmas() > SIGMAS {
        writeln!(
            out,
            "UNDECIDED: the whole is {} more than at first, more than chance brings easily (±{}); take a fourth profile \
             later.",
            signed(whole.bytes),
            megabytes(whole.standard_error_bytes)
        )
    } else {
        writeln!(
            out,
            "NOTHING GREW IN BOTH INTERVALS beyond what sampling error explains; less than {unseen} MB in all would not \
             be seen."
        )
    }
}

fn stacks(out: &mut String, grown: &[Grown], top: usize) -> std::fmt::Result {
    writeln!(
        out,
        "{:>3}  {:>20}  {:>20}  {:>10} {:>10}  {:>7}  {:>13}",
        "#", "bytes, 1st interval", "bytes, 2nd interval", "objects", "objects", "sure", "10 more: bytes"
    )?;
    const { assert!(FORECAST_INTERVALS == 10) };
    for (stack, rank) in grown.iter().take(top).zip(1..) {
        let growth = stack.growth();
        let [first, second] = growth.intervals.map(|interval| {
            format!("{} ±{}", signed(interval.bytes), megabytes(interval.standard_error_bytes))
        });
        let [objects, more_objects] =
            stack.objects_grown().map(|count| count.map_or("?".to_owned(), grouped));
        let forecast = match growth.verdict {
            Verdict::Persistent => format!("+{} MB", megabytes(growth.forecast_bytes as f64)),
            _ => "-".to_owned(),
        };
        writeln!(
            out,
            "{rank:>3}  {first:>20}  {second:>20}  {objects:>10} {more_objects:>10}  {:>7}  {forecast:>13}",
            sure(growth.confidence)
        )?;
        common(out, stack)?;
        calls(out, stack)?;
    }
    if grown.len() > top {
        writeln!(out, "     and {} more (--top N)", grown.len() - top)?;
    }
    Ok(())
}

/// What several stacks have in common, if there is more than one.
fn common(out: &mut String, grown: &Grown) -> std::fmt::Result {
    let (name, stacks) = (grown.name(), grown.spread());
    match grown.level() {
        Level::Function => writeln!(out, "     the function {name}, by {stacks} stacks; the heaviest:"),
        Level::Calls => writeln!(out, "     {name} and what it calls, by {stacks} stacks; the heaviest:"),
        Level::Package => writeln!(out, "     {name}, all of it, by {stacks} stacks; the heaviest:"),
        Level::Whole => writeln!(out, "     the whole heap, spread over {stacks} stacks; the heaviest:"),
        _ => Ok(()),
    }
}

/// The culprit, the function it called that allocated, and its callers.
fn calls(out: &mut String, stack: &Grown) -> std::fmt::Result {
    let (whole, culprit) = shown(stack);
    writeln!(out, "     >>> {}", stack.culprit())?;
    let called = |frame: &&Arc<Frame>| frame.owner() != Owner::Runtime;
    for frame in whole[..culprit].iter().rev().filter(called).take(CALLED_MAX) {
        writeln!(out, "           which called {frame}")?;
    }
    let callers: Vec<_> =
        whole[culprit..].iter().skip(1).filter(|frame| frame.owner() != Owner::Runtime).collect();
    for (frame, times) in runs(&callers).iter().take(CALLERS_MAX) {
        let times = if *times > 1 { format!(", {times} times") } else { String::new() };
        writeln!(out, "         called by {frame}{times}")?;
    }
    let runs = runs(&callers).len();
    if runs > CALLERS_MAX {
        writeln!(out, "         and {} more callers (--json has all)", runs - CALLERS_MAX)?;
    }
    Ok(())
}

/// The heaviest stack, and the culprit's position on it.
fn shown(stack: &Grown) -> (&[Arc<Frame>], usize) {
    let whole = stack.deepest();
    let is_it = |frame: &Arc<Frame>| **frame == *stack.culprit();
    let same = |frame: &Arc<Frame>| frame.name() == stack.culprit().name();
    (whole, whole.iter().position(is_it).or_else(|| whole.iter().position(same)).unwrap_or(0))
}

/// A function that calls itself takes one line.
fn runs<'a>(frames: &[&'a Arc<Frame>]) -> Vec<(&'a Frame, usize)> {
    let mut runs: Vec<(&Frame, usize)> = Vec::new();
    for frame in frames {
        match runs.last_mut() {
            Some((last, times)) if *last == &***frame => *times += 1,
            _ => runs.push((frame, 1)),
        }
    }
    runs
}

/// For frames without names: the commands that find the names.
fn names(out: &mut String, comparison: &Comparison, top: usize) -> std::fmt::Result {
    let mut by_file = BTreeMap::<&str, Vec<u64>>::new();
    let shown_stacks =
        comparison.persistent().iter().take(top).chain(comparison.once().iter().take(top.min(5)));
    for stack in shown_stacks {
        let (whole, culprit) = shown(stack);
        let frames = whole[culprit.saturating_sub(CALLED_MAX)..].iter().take(CALLED_MAX + 1 + CALLERS_MAX);
        for (file, address) in frames.filter_map(|frame| frame.address()).filter(|(file, _)| !file.is_empty())
        {
            let addresses = by_file.entry(file).or_default();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    for (file, addresses) in by_file {
        let addresses: Vec<String> = addresses.iter().map(|address| format!("{address:#x}")).collect();
        writeln!(
            out,
            "\nNames for {file}, from a build of it that was not stripped:\n  addr2line -pfiCe {file} {}\n  \
             go tool pprof -top {file} PROFILE",
            addresses.join(" ")
        )?;
    }
    Ok(())
}

pub(crate) fn total(held: &Held) -> String {
    let objects = held.objects.map(|count| format!(" in {} objects", count_of(count)));
    format!("{} MB{}", megabytes(held.bytes as f64), objects.unwrap_or_default())
}

fn sure(confidence: f64) -> String {
    if confidence > 0.999 { ">99.9 %".to_owned() } else { format!("{:.1} %", confidence * 100.0) }
}

fn signed(bytes: i64) -> String {
    let sign = if bytes < 0 { '-' } else { '+' };
    format!("{sign}{} MB", megabytes(bytes.unsigned_abs() as f64))
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1}", bytes / 1e6)
}

fn grouped(count: i64) -> String {
    format!("{}{}", if count < 0 { '-' } else { '+' }, count_of(count.unsigned_abs()))
}

fn binary(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
