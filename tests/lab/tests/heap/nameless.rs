//! Stripped programs: the first frame that not all stacks share, as an address for which tools find the name.

use crate::made::{PERIOD, wire_of};
use crate::wire;
use overspill::heap_compare::{Owner, Profile, compare};
use prost::Message;

const BEGINS: u64 = 0x5500_0000_0000;

/// Stacks of addresses in a program that was loaded in two pieces, as linkers lay it out: the code lies a page further in memory
/// than in the file.
fn stripped(minute: i64, stacks: &[(&[u64], i64)]) -> Profile {
    let mut wire = wire_of(minute, &[]);
    let program = wire.mapping[0];
    wire.mapping = vec![
        wire::Mapping {
            memory_start: BEGINS + 0x2000,
            memory_limit: BEGINS + 0x9_0000,
            file_offset: 0x1000,
            ..program
        },
        wire::Mapping {
            id: 2,
            memory_start: BEGINS,
            memory_limit: BEGINS + 0x1000,
            file_offset: 0,
            ..program
        },
    ];
    for (addresses, bytes) in stacks {
        let location_id = addresses.iter().map(|address| address + 1).collect();
        wire.sample.push(wire::Sample { location_id, value: vec![1, *bytes], label: Vec::new() });
        for address in *addresses {
            let (id, address) = (address + 1, BEGINS + address);
            wire.location.push(wire::Location { id, mapping_id: 1, address, ..Default::default() });
        }
    }
    Profile::read(&wire.encode_to_vec()).unwrap()
}

const PROFILER: u64 = 0x8_0000;
const MALLOC: u64 = 0x8_1000;
const KEEP: u64 = 0x3_0010;
const SERVE: u64 = 0x3_1000;
const MAIN: u64 = 0x2_0000;

#[test]
fn the_culprit_of_a_stripped_program_is_the_first_frame_that_not_all_share() {
    let at = |minute: i64| {
        let leaked = 50_000_000 * (minute + 1);
        let others = |nth: u64| [PROFILER, MALLOC, 0x4_0000 + nth * 16, SERVE, MAIN];
        let all: Vec<[u64; 5]> = (0..5).map(others).collect();
        let mut stacks: Vec<(&[u64], i64)> = all.iter().map(|stack| (&stack[..], 9_000_000)).collect();
        stacks.push((&[PROFILER, MALLOC, KEEP, SERVE, MAIN], leaked));
        stripped(minute, &stacks)
    };
    let comparison = compare(&[at(0), at(1), at(2)]).unwrap();
    let [first] = comparison.persistent() else { panic!("{comparison:?}") };
    assert_eq!(first.culprit().owner(), Owner::Unknown);
    // The linker's address, which differs from the offset in the file.
    assert_eq!(first.culprit().address(), Some(("/opt/service", KEEP)));
    assert_eq!(first.growth().intervals[0].bytes, 50_000_000);
}

/// Some of six stacks allocate through one function of the allocator, the others through another: neither function says anything.
#[test]
fn a_frame_that_only_some_others_share_is_not_the_culprit() {
    const REALLOC: u64 = 0x8_2000;
    let at = |minute: i64| {
        let steady: [&[u64]; 3] = [
            &[PROFILER, MALLOC, 0x4_0000, MAIN],
            &[PROFILER, REALLOC, 0x4_0100, MAIN],
            &[PROFILER, REALLOC, 0x4_0200],
        ];
        let mut stacks: Vec<(&[u64], i64)> = steady.map(|stack| (stack, 9_000_000)).into();
        stacks.push((&[PROFILER, MALLOC, KEEP, SERVE, MAIN], 50_000_000 * (minute + 1)));
        stripped(minute, &stacks)
    };
    let comparison = compare(&[at(0), at(1), at(2)]).unwrap();
    assert_eq!(comparison.persistent()[0].culprit().address(), Some(("/opt/service", KEEP)));
}

/// Without names: each depth grows by a twentieth of a sample period.
#[test]
fn recursion_in_a_stripped_program_is_found_by_its_address() {
    let at = |minute: i64| {
        let mut all: Vec<(Vec<u64>, i64)> =
            (0..8).map(|nth| (vec![PROFILER, MALLOC, 0x4_0000 + nth * 16, SERVE, MAIN], 9_000_000)).collect();
        for depth in 1..=100 {
            let stack = [vec![PROFILER, MALLOC], vec![KEEP; depth], vec![SERVE, MAIN]].concat();
            all.push((stack, 400_000 + minute * PERIOD as i64));
        }
        let stacks: Vec<(&[u64], i64)> = all.iter().map(|(stack, bytes)| (&stack[..], *bytes)).collect();
        stripped(minute, &stacks)
    };
    let comparison = compare(&[at(0), at(1), at(2)]).unwrap();
    let first = &comparison.persistent()[0];
    assert_eq!(first.culprit().address(), Some(("/opt/service", KEEP)), "{:?}", first.level());
    assert_eq!(first.growth().intervals[0].bytes, 100 * PERIOD as i64);
}
