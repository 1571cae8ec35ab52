//! Files: heap profiles are read; other files are recognized, with advice on what to do.

use crate::made::{PERIOD, ROWS, gzipped, wire_of};
use crate::wire;
use overspill::heap_compare::{Owner, Profile, ProfileError, Warning, compare};
use proptest::prelude::*;
use prost::Message;
use std::time::{Duration, SystemTime};

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
    // As jemalloc_pprof writes it: only bytes, and no period.
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

/// The error message for a profile with this damage.
fn said_of(spoil: impl FnOnce(&mut wire::Profile)) -> String {
    let mut wire = wire_of(0, ROWS);
    spoil(&mut wire);
    Profile::read(&wire.encode_to_vec()).unwrap_err().to_string()
}

#[test]
fn a_file_that_is_not_a_heap_profile_is_refused_and_the_error_says_what_it_is() {
    let read = |bytes: &[u8]| Profile::read(bytes).unwrap_err().to_string();
    let table = [
        (read(b""), "an empty file"),
        (read(b"bytes: 17\n"), "a text"),
        (read(b"heap_v2/524288\n  t*: 1: 2 [0: 0]\n"), "it ends before MAPPED_LIBRARIES"),
        (read(HEAP_V2.as_bytes()), "does not say when it was taken"),
        (read(b"heap profile: 1: 2 [1: 2] @ heapprofile"), "go tool pprof -proto"),
        (read(b"\x7fELF\x02\x01\x01"), "a program"),
        (read(b"\x28\xb5\x2f\xfd and so on"), "zstd -d"),
        (read(b"overspill memory report 1\nservice checkout\n"), "its line `because`"),
        (read(br#"{"head":{"callFrame":{"functionName":"(root)"}}}"#), ".heapprofile"),
        (read(br#"{"snapshot":{"meta":{}}}"#), ".heapsnapshot"),
        (read(b"<html><body>502 Bad Gateway</body></html>"), "the server answered"),
        (read(&[0xff; 100]), "something else"),
        (read(&gzipped(b"a log, gzipped")), "a text"),
        (read(&gzipped(&wire_of(0, ROWS).encode_to_vec())[..80]), "its gzip stream ends early"),
        (read(&gzipped(&gzipped(&wire_of(0, ROWS).encode_to_vec())[..80])), "its gzip stream ends early"),
        (
            said_of(|wire| wire.string_table[1..5].fill("alloc_space".to_owned())),
            "of all that was ever allocated",
        ),
        (said_of(|wire| wire.string_table[1..5].fill("cpu".to_owned())), "a CPU profile"),
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

/// Cut at any byte, including the boundaries between two messages.
#[test]
fn a_truncated_profile_is_reported_as_cut_off() {
    let whole = wire_of(0, ROWS).encode_to_vec();
    // Before the names of its values, nothing distinguishes a profile from other bytes.
    let begins = 2 * (2 + wire_of(0, ROWS).sample_type[0].encoded_len());
    for end in begins..whole.len() {
        match Profile::read(&whole[..end]) {
            Err(ProfileError::Damaged(place)) => {
                assert!(place.contains("cut off") || place.contains("does not have"), "at {end}: {place}");
            }
            // The time comes after the texts.
            Err(ProfileError::NoTime) | Ok(_) => {
                assert!(end > whole.len() - 22, "at {end} of {}", whole.len())
            }
            Err(other) => panic!("at {end} of {}: {other}", whole.len()),
        }
    }
}

#[test]
fn a_profile_that_was_gzipped_twice_is_read() {
    let twice = gzipped(&gzipped(&wire_of(0, ROWS).encode_to_vec()));
    assert_eq!(Profile::read(&twice).unwrap().held_by(|_| true).bytes, 1_800_000);
}

/// The names of a program may have any bytes.
#[test]
fn a_name_that_is_not_utf_8_is_read_with_the_byte_replaced() {
    let mut bytes = wire_of(0, ROWS).encode_to_vec();
    let at = bytes.windows(10).position(|bytes| bytes == b"service::a").unwrap();
    bytes[at + 9] = 0xff;
    let profile = Profile::read(&bytes).unwrap();
    assert!(profile.stacks().any(|(stack, _)| stack[0].function() == "service::\u{fffd}"));
}

#[test]
fn space_in_any_unit_is_read_as_bytes() {
    for (unit, each) in
        [("bytes", 1), ("", 1), ("B", 1), ("kilobytes", 1 << 10), ("KB", 1 << 10), ("MB", 1 << 20)]
    {
        let mut wire = wire_of(0, ROWS);
        let place = usize::try_from(wire.sample_type[1].unit).unwrap();
        wire.string_table[place] = unit.to_owned();
        let held = Profile::read(&wire.encode_to_vec()).unwrap().held_by(|_| true);
        assert_eq!(held.bytes, 1_800_000 * each, "{unit:?}");
    }
}

#[test]
fn numbers_beyond_the_maximum_are_read_as_the_maximum() {
    let two: &[crate::made::Row<'_>] = &[
        (&["alloc::a", "service::keep"], i64::MAX, i64::MAX),
        (&["alloc::b", "service::keep"], i64::MAX, i64::MAX),
        (&["alloc::c", "service::keep"], i64::MAX, i64::MAX),
    ];
    let least: &[crate::made::Row<'_>] = &[(&["alloc::a", "service::keep"], 1, 1)];
    let at = |minute: i64, rows| Profile::read(&wire_of(minute, rows).encode_to_vec()).unwrap();
    for order in [[least, least, two], [least, two, two], [two, two, least], [two, two, two]] {
        let comparison = compare(&[at(0, order[0]), at(1, order[1]), at(2, order[2])]).unwrap();
        let _ = (comparison.folded(), format!("{comparison:?}"));
        assert!(comparison.total().iter().all(|held| held.bytes > 0));
    }
    let doubled: [&[crate::made::Row<'_>]; 3] = [least, &[(&["service::keep"], 1, 1 << 40)], two];
    let comparison = compare(&[at(0, doubled[0]), at(1, doubled[1]), at(2, doubled[2])]).unwrap();
    assert!(comparison.folded().ends_with('\n'));
}

const HEAP_V2: &str = "heap_v2/524288\n  t*: 21: 8398848 [0: 0]\n  t0: 21: 8398848 [0: 0]\n\
    @ 0x550000002345 0x550000003346 0x7f0000001001\n  t*: 20: 10240 [0: 0]\n  t0: 20: 10240 [0: 0]\n\
    @ 0x550000002999\n  t*: 1: 8388608 [0: 0]\n\nMAPPED_LIBRARIES:\n\
    550000000000-550000001000 r--p 00000000 fe:00 11 /opt/my service\n\
    550000002000-550000009000 r-xp 00001000 fe:00 11 /opt/my service\n\
    7f0000000000-7f0000008000 r-xp 00000000 fe:00 12 /lib/x86_64-linux-gnu/libc.so.6\n\
    7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0 [stack]\n";

/// The profile is scaled as jemalloc scales it, and has the addresses that `addr2line` takes: counted from where the file begins in memory.
#[test]
fn jemalloc_s_own_dump_is_read() {
    let taken = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let profile = Profile::read_taken(HEAP_V2.as_bytes(), taken).unwrap();
    assert_eq!((profile.taken(), profile.program()), (taken, "/opt/my service"));
    assert_eq!(profile.sample_period_bytes(), 524_288);
    let all: Vec<_> = profile.stacks().collect();
    assert_eq!(all.len(), 2);
    let (stack, held) = all.iter().find(|(stack, _)| stack.len() == 3).unwrap();
    assert_eq!((held.bytes, held.objects), (10_490_881, Some(20_490)));
    assert_eq!(stack[0].address(), Some(("/opt/my service", 0x2344)));
    assert_eq!(stack[1].address(), Some(("/opt/my service", 0x3345)));
    assert_eq!((stack[0].owner(), stack[2].owner()), (Owner::Unknown, Owner::Runtime));
    let at = |minutes: u64| {
        Profile::read_taken(HEAP_V2.as_bytes(), taken + Duration::from_secs(60 * minutes)).unwrap()
    };
    let comparison = compare(&[at(0), at(1), at(2)]).unwrap();
    assert!(comparison.warnings().contains(&Warning::TimeGiven { profile: 1 }));
}

proptest! {
    #[test]
    fn a_dump_of_jemalloc_s_with_any_bytes_changed_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), end in any::<prop::sample::Index>()
    ) {
        let mut bytes = HEAP_V2.as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let taken = |minute: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minute);
        let read = |minute| Profile::read_taken(&bytes, taken(minute));
        if let (Ok(first), Ok(second), Ok(third)) = (read(1), read(2), read(3)) {
            let _ = compare(&[first, second, third]).map(|comparison| comparison.folded());
        }
        let _ = Profile::read_taken(&bytes[..end.index(bytes.len())], taken(1));
    }
}
