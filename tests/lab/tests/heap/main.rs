//! Three heap profiles: a leak ranks first, noise is not growth, and files that are not profiles are recognized.

#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

#[path = "../../../it/figures.rs"]
mod figures;
mod files;
mod made;
mod nameless;
mod processes;
mod shapes;
#[path = "../../../../src/ext/wire.rs"]
mod wire;

use made::{MINUTE_NANOS, PERIOD, ROWS, Row, profile, wire_of};
use overspill::heap_compare::{Comparing, Comparison, Profile, Verdict, compare};
use proptest::prelude::*;
use prost::Message;
use std::time::Duration;

fn three(rows: [&[Row<'_>]; 3]) -> Comparison {
    compare(&[0, 1, 2].map(|minute| profile(minute as i64, rows[minute]))).unwrap()
}

#[test]
fn a_cache_that_fills_and_stays_ranks_below_a_smaller_leak() {
    let (cache, leak): (&[&str], &[&str]) = (&["service::cache"], &["service::leak"]);
    let comparison = three([
        &[(cache, 1, 1_000_000), (leak, 1, 50_000_000)],
        &[(cache, 900, 900_000_000), (leak, 2, 100_000_000)],
        &[(cache, 900, 900_000_000), (leak, 3, 150_000_000)],
    ]);
    let names = |grown: &[overspill::heap_compare::Grown]| -> Vec<String> {
        grown.iter().map(|stack| stack.culprit().function().to_owned()).collect()
    };
    assert_eq!(names(comparison.persistent()), ["service::leak"]);
    assert_eq!(names(comparison.once()), ["service::cache"]);
    let leak = &comparison.persistent()[0];
    assert_eq!(leak.growth().intervals.map(|interval| interval.bytes), [50_000_000; 2]);
    assert_eq!(leak.objects_grown(), [Some(1); 2]);
    assert_eq!(leak.growth().forecast_bytes, 500_000_000);
    assert_eq!(comparison.lasting(), [Duration::from_secs(60); 2]);
    assert_eq!(comparison.sample_period_bytes(), PERIOD);
}

/// Where a library's buffer grows is chance: one leak is one stack, named after the line that called the library.
#[test]
fn what_a_library_does_for_one_line_of_code_is_one_stack() {
    const SERDE: &str = "serde_json::ser::to_vec@/root/.cargo/registry/src/x/serde_json/src/ser.rs";
    const OWN: [&str; 3] = [
        "<service::Event as serde::ser::Serialize>::serialize@src/event.rs",
        SERDE,
        "service::keep@src/keep.rs",
    ];
    let grown = |tens: i64| -> Vec<(Vec<&str>, i64, i64)> {
        let beneath = |name, bytes| ([&[name], &OWN[..]].concat(), tens, bytes);
        vec![
            beneath("alloc::raw_vec::finish_grow", 4_000_000 * tens),
            beneath("alloc::vec::push", 6_000_000 * tens),
        ]
    };
    let rows = [1, 2, 3].map(|step| grown(step * 10));
    let rows =
        rows.each_ref().map(|rows| rows.iter().map(|(f, o, b)| (&**f, *o, *b)).collect::<Vec<Row<'_>>>());
    let comparison = three(rows.each_ref().map(|rows| &**rows));
    let [stack] = comparison.persistent() else { panic!("{comparison:?}") };
    assert_eq!(stack.culprit().to_string(), "service::keep (src/keep.rs:7)");
    assert_eq!(stack.growth().intervals.map(|interval| interval.bytes), [100_000_000; 2]);
    assert_eq!(stack.deepest()[0].function(), "alloc::vec::push");
    let folded = comparison.folded();
    let ends = "service::keep (src/keep.rs:7);serde_json::ser::to_vec (src/ser.rs:7);\
                <service::Event as serde::ser::Serialize>::serialize (src/event.rs:7) 200000000\n";
    assert_eq!(folded, ends);
}

/// An executor under `main` runs unrelated tasks: they are not one stack.
#[test]
fn tasks_of_libraries_under_one_executor_stay_apart() {
    const POLL: &str = "tokio::runtime::task::poll@/root/.cargo/registry/src/x/tokio/src/task.rs";
    let leak: &[&str] = &[
        "alloc::vec::push",
        "hyper::conn@/root/.cargo/registry/src/x/hyper/c.rs",
        POLL,
        "service::main@src/main.rs",
    ];
    let other: &[&str] = &[
        "alloc::vec::push",
        "h2::frame@/root/.cargo/registry/src/x/h2/f.rs",
        POLL,
        "service::main@src/main.rs",
    ];
    let at = |leaked, held| -> Vec<Row<'_>> { vec![(leak, 1, leaked), (other, 1, held)] };
    let rows = [at(50_000_000, 90_000_000), at(100_000_000, 40_000_000), at(150_000_000, 10_000_000)];
    let comparison = three(rows.each_ref().map(|rows| &**rows));
    let [stack] = comparison.persistent() else { panic!("{comparison:?}") };
    assert_eq!(stack.stack()[0].function(), "hyper::conn");
    assert_eq!(stack.culprit().function(), "service::main");
}

#[test]
fn with_more_than_three_profiles_a_sawtooth_is_not_persistent_growth() {
    let stack: &[&str] = &["service::saw"];
    let at = |minute: i64, held: i64| {
        profile(minute, &[(stack, 1, held * 1_000_000), (&["service::rest"], 1, 600_000)])
    };
    let profiles = |held: [i64; 5]| [0, 1, 2, 3, 4].map(|minute| at(minute, held[minute as usize]));
    assert_eq!(compare(&profiles([100, 200, 300, 400, 500])).unwrap().persistent().len(), 1);
    let saw = compare(&profiles([100, 400, 300, 50, 500])).unwrap();
    assert_eq!((saw.persistent().len(), saw.once().len()), (0, 1));
    assert_eq!(saw.once()[0].growth().verdict, Verdict::Once);
    assert_eq!(saw.once()[0].held().len(), 5);
}

proptest! {
    /// A file copied while it was written, or otherwise damaged, gives a profile or an error, never a panic.
    #[test]
    fn a_profile_with_any_bytes_changed_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), end in any::<prop::sample::Index>()
    ) {
        let mut bytes = wire_of(0, ROWS).encode_to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(read) = Profile::read(&bytes) {
            let others = [1, 2].map(|minute| profile(minute * 1_000_000, ROWS));
            let _ = read.stacks().count();
            let mut three = vec![read];
            three.extend(others);
            three.sort_by_key(Profile::taken);
            let comparing = Comparing::new().allow_different_processes();
            let _ = comparing.compare(&three).map(|comparison| (comparison.folded(), format!("{comparison:?}")));
        }
        let _ = Profile::read(&bytes[..end.index(bytes.len())]);
    }

    #[test]
    fn any_values_and_times_are_compared_without_a_panic(values in any::<[[u32; 2]; 6]>(), gaps in any::<[u16; 2]>()) {
        let shift = |value: u32| i64::from(value) << 31;
        let at = |minute: usize| {
            let [a, b] = [values[minute * 2], values[minute * 2 + 1]].map(|[objects, bytes]| (shift(objects), shift(bytes) + 1));
            let mut wire = wire_of(0, &[(&["service::a"], a.0, a.1), (&["service::b"], b.0, b.1)]);
            wire.time_nanos += gaps[..minute].iter().map(|gap| i64::from(*gap) * MINUTE_NANOS + 1).sum::<i64>();
            Profile::read(&wire.encode_to_vec()).unwrap()
        };
        let comparison = compare(&[at(0), at(1), at(2)]).unwrap();
        prop_assert!(comparison.persistent().iter().all(|stack| stack.growth().verdict == Verdict::Persistent));
        prop_assert!(comparison.once().iter().all(|stack| stack.growth().verdict == Verdict::Once));
    }
}
