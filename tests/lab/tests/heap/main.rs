//! Three heap profiles: a leak comes first, noise is not growth, and what is not a profile is told apart.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it means"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

#[path = "../../../it/figures.rs"]
mod figures;
mod made;
#[path = "../../../../src/ext/wire.rs"]
mod wire;

use fastrand::Rng;
use made::{MINUTE_NANOS, PERIOD, Place, Row, gzipped, profile, sampled, wire_of};
use overspill::heap_compare::{CompareError, Comparison, Profile, ProfileError, Verdict, compare};
use proptest::prelude::*;
use prost::Message;
use std::time::Duration;

const MB: u64 = 1_000_000;

fn drawn(random: &mut Rng, range: std::ops::Range<f64>) -> f64 {
    range.start * (range.end / range.start).powf(random.f64())
}

/// A leak of 60 MB a minute; thirty caches of up to five times that, which fill while they are watched; and three hundred places that
/// hold what they hold, and replace it.
fn service_with_a_leak(random: &mut Rng) -> Vec<Place> {
    let size = |random: &mut Rng| drawn(random, 32.0..1e6) as u64;
    let mut places = vec![Place {
        name: "service::leak".to_owned(),
        object_bytes: 300,
        held_bytes: [60 * MB, 120 * MB, 180 * MB],
        turnover: 0.0,
    }];
    for number in 0..30 {
        let (capacity, minutes) = (drawn(random, 20e6..300e6), drawn(random, 0.2..2.0));
        let age = random.f64() * 3.0;
        places.push(Place {
            name: format!("service::cache_{number}"),
            object_bytes: size(random),
            held_bytes: [0.0, 1.0, 2.0].map(|at| (capacity * (1.0 - (-(at + age) / minutes).exp())) as u64),
            turnover: random.f64() / 2.0,
        });
    }
    places.extend(steady_places(300, random));
    places
}

fn steady_places(count: usize, random: &mut Rng) -> Vec<Place> {
    let place = |number| Place {
        name: format!("service::place_{number}"),
        object_bytes: drawn(random, 32.0..1e6) as u64,
        held_bytes: [drawn(random, 1e5..2e8) as u64; 3],
        turnover: random.f64(),
    };
    (0..count).map(place).collect()
}

#[test]
fn a_seeded_leak_among_growing_caches_comes_first() {
    const SEEDS: u64 = 200;
    let comes_first = |seed| {
        let mut random = Rng::with_seed(seed);
        let comparison = compare(&sampled(&service_with_a_leak(&mut random), &mut random)).unwrap();
        comparison.persistent().first().is_some_and(|first| first.culprit().function() == "service::leak")
    };
    let first = (0..SEEDS).filter(|seed| comes_first(*seed)).count();
    figures::report(38, "a leak among 30 growing caches ranked first, simulated", format!("{first}/{SEEDS}"));
    assert!(first as u64 * 20 >= SEEDS * 19, "{first} of {SEEDS}");
}

#[test]
fn what_sampling_alone_makes_grow_is_not_called_growth() {
    const SEEDS: u64 = 20;
    let (mut persistent, mut once) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = Rng::with_seed(seed);
        let comparison = compare(&sampled(&steady_places(1_000, &mut random), &mut random)).unwrap();
        persistent += comparison.persistent().len();
        once += comparison.once().len();
    }
    figures::report(38, "stacks of 20,000 steady ones that were said to grow", persistent);
    assert!(persistent == 0 && once <= 5, "{persistent} persistent, {once} once");
}

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

/// Where a library's buffer had to grow is chance: one leak is one stack, named after the line that called the library.
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

/// Beneath `main` an executor runs everybody's tasks: they are not one stack.
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
fn with_more_than_three_profiles_a_saw_is_not_persistent_growth() {
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

const ROWS: &[Row<'_>] = &[(&["service::a"], 2, 1_200_000), (&["service::b"], 1, 600_000)];

#[test]
fn a_profile_is_read_gzipped_or_not_with_objects_and_period_or_without() {
    let mut wire = wire_of(0, ROWS);
    for bytes in [wire.encode_to_vec(), gzipped(&wire.encode_to_vec())] {
        let profile = Profile::read(&bytes).unwrap();
        assert_eq!(profile.sample_period_bytes(), PERIOD);
        let held = profile.held_by(|_| true);
        assert_eq!((held.bytes, held.objects), (1_800_000, Some(3)));
        assert_eq!(profile.program(), "/opt/service");
    }
    // As jemalloc_pprof writes it: bytes alone, and no period.
    wire.sample_type.remove(0);
    wire.sample.iter_mut().for_each(|sample| _ = sample.value.remove(0));
    wire.period = 0;
    let profile = Profile::read(&wire.encode_to_vec()).unwrap();
    let held = profile.held_by(|stack| stack[0].function() == "service::b");
    assert_eq!((held.bytes, held.objects), (600_000, None));
    assert_eq!(
        profile.sample_period_bytes(),
        PERIOD,
        "600,000 bytes is more than one period, and less than two"
    );
}

#[test]
fn a_place_without_symbols_is_a_program_and_an_address() {
    let mut wire = wire_of(0, ROWS);
    wire.location[0].line.clear();
    wire.location[0].address = 0x1f00;
    let profile = Profile::read(&wire.encode_to_vec()).unwrap();
    assert!(profile.stacks().any(|(stack, _)| stack[0].function() == "service+0x1f00"));
}

/// One profile, spoilt, and the beginning of what is said of it.
fn said_of(spoil: impl FnOnce(&mut wire::Profile)) -> String {
    let mut wire = wire_of(0, ROWS);
    spoil(&mut wire);
    Profile::read(&wire.encode_to_vec()).unwrap_err().to_string()
}

#[test]
fn what_is_not_a_heap_profile_is_refused_with_what_it_is() {
    let read = |bytes: &[u8]| Profile::read(bytes).unwrap_err().to_string();
    let table = [
        (read(b""), "an empty file"),
        (read(b"bytes: 17\n"), "a text"),
        (read(b"heap_v2/524288\n  t*: 1: 2 [0: 0]\n"), "an allocator's own dump in text"),
        (read(b"\x7fELF\x02\x01\x01"), "a program"),
        (read(&[0xff; 100]), "something else"),
        (read(&gzipped(b"a log, gzipped")), "a text"),
        (read(&gzipped(&wire_of(0, ROWS).encode_to_vec())[..80]), "its gzip stream ends early"),
        (said_of(|wire| wire.sample_type.clear()), "a profile of nothing"),
        (said_of(|wire| wire.string_table[1..5].fill("cpu".to_owned())), "a profile of cpu"),
        (said_of(|wire| wire.sample.clear()), "a heap profile without samples"),
        (said_of(|wire| wire.sample[0].value[1] = -1), "a difference of two profiles"),
        (said_of(|wire| wire.time_nanos = 0), "does not say when it was taken"),
        (said_of(|wire| wire.sample[0].value.clear()), "a sample without its values"),
        (said_of(|wire| wire.location.clear()), "a stack with a place that it does not have"),
        (said_of(|wire| wire.function.clear()), "a place in a function that it does not have"),
        (said_of(|wire| wire.mapping[0].filename = 99), "a text that it does not have"),
        (said_of(|wire| wire.function[0].name = -1), "a text that it does not have"),
    ];
    for (said, expected) in table {
        assert!(said.contains(expected), "{said:?} does not say {expected:?}");
    }
    let nowhere = Profile::read_file("/nowhere/1.pb.gz");
    assert!(matches!(nowhere, Err(ProfileError::Unreadable(_))), "{nowhere:?}");
}

#[test]
fn profiles_that_do_not_belong_together_are_refused() {
    let at = |minute| profile(minute, ROWS);
    assert_eq!(compare(&[]).unwrap_err(), CompareError::TooFew(0));
    assert_eq!(compare(&[at(0), at(1)]).unwrap_err(), CompareError::TooFew(2));
    let swapped = compare(&[at(2), at(0), at(1)]).unwrap_err();
    assert_eq!(swapped, CompareError::NotInOrder { profile: 2, by_time: vec![2, 3, 1] });
    assert!(swapped.to_string().contains("the order of time, which is 2 3 1"), "{swapped}");
    assert!(matches!(compare(&[at(0), at(1), at(1)]), Err(CompareError::NotInOrder { profile: 3, .. })));
    let mut other = wire_of(2, ROWS);
    let build = other.mapping[0].build_id;
    other.string_table[usize::try_from(build).unwrap()] = "deadbeef".to_owned();
    let other = compare(&[at(0), at(1), Profile::read(&other.encode_to_vec()).unwrap()]).unwrap_err();
    assert!(other.to_string().contains("/opt/service (build deadbeef)"), "{other}");
}

proptest! {
    /// Copied while it was written, or hit by anything else: a profile or an error, never a panic.
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
            let _ = compare(&[read.clone(), read.clone(), read]);
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
