//! Which profiles belong together, and in which order.

use crate::made::{MINUTE_NANOS, ROWS, profile, wire_of};
use crate::wire;
use overspill::heap_compare::{CompareError, Comparing, Profile, Warning, compare};
use prost::Message;

fn text(wire: &mut wire::Profile, text: &str) -> i64 {
    wire.string_table.push(text.to_owned());
    wire.string_table.len() as i64 - 1
}

fn read(wire: &wire::Profile) -> Profile {
    Profile::read(&wire.encode_to_vec()).unwrap()
}

/// A profile as the memory watch writes it, this many minutes after the process started.
fn of_process(process: &str, uptime: i64, minute: i64) -> Profile {
    let mut wire = wire_of(minute, ROWS);
    wire.comment = vec![
        text(&mut wire, "cause threshold"),
        text(&mut wire, &format!("overspill.process={process}")),
        text(&mut wire, &format!("overspill.uptime_ns={}", uptime * MINUTE_NANOS)),
    ];
    read(&wire)
}

#[test]
fn profiles_that_do_not_belong_together_are_refused() {
    let at = |minute| profile(minute, ROWS);
    assert_eq!(compare(&[]).unwrap_err(), CompareError::TooFew(0));
    assert_eq!(compare(&[at(0), at(1)]).unwrap_err(), CompareError::TooFew(2));
    let swapped = compare(&[at(2), at(0), at(1)]).unwrap_err();
    assert_eq!(swapped, CompareError::NotInOrder { profile: 2, by_time: vec![2, 3, 1] });
    assert!(swapped.to_string().contains("the order of time, which is 2 3 1"), "{swapped}");
    let mut other = wire_of(2, ROWS);
    let build = other.mapping[0].build_id;
    other.string_table[usize::try_from(build).unwrap()] = "deadbeef".to_owned();
    let three = [at(0), at(1), read(&other)];
    let other = compare(&three).unwrap_err();
    assert!(other.to_string().contains("/opt/service (build deadbeef)"), "{other}");
    let meant = Comparing::new().allow_different_processes().compare(&three).unwrap();
    assert!(meant.warnings().contains(&Warning::OtherProgram { profile: 3 }), "{:?}", meant.warnings());
}

#[test]
fn the_same_file_given_twice_is_reported_as_such_in_any_position() {
    let at = |minute| profile(minute, ROWS);
    let table = [([0, 1, 1], 2, 3), ([1, 1, 2], 1, 2), ([0, 1, 0], 1, 3), ([0, 0, 0], 1, 2)];
    for (minutes, first, second) in table {
        let said = compare(&minutes.map(at)).unwrap_err();
        assert_eq!(said, CompareError::SameMoment { first, second }, "{minutes:?}");
        assert!(said.to_string().contains("the same moment, or one file twice"), "{said}");
    }
}

#[test]
fn two_processes_are_not_compared_unless_asked_for() {
    let (a, b) = ("0123456789abcdef", "fedcba9876543210");
    let three = [of_process(a, 1, 1), of_process(b, 2, 2), of_process(a, 3, 3)];
    let said = compare(&three).unwrap_err().to_string();
    assert!(said.starts_with("two processes: profile 2") && said.contains(b), "{said}");
    let meant = Comparing::new().allow_different_processes().compare(&three).unwrap();
    assert!(meant.warnings().contains(&Warning::TwoProcesses { profile: 2 }), "{:?}", meant.warnings());
    let one = compare(&[of_process(a, 1, 1), of_process(a, 2, 2), of_process(a, 3, 3)]).unwrap();
    assert_eq!(one.warnings(), []);
    // A profile that does not say is reported.
    let some = compare(&[of_process(a, 1, 1), profile(2, ROWS), of_process(a, 3, 3)]).unwrap();
    assert_eq!(some.warnings(), [Warning::ProcessUnknownOf(vec![2])]);
    let none = compare(&[1, 2, 3].map(|minute| profile(minute, ROWS))).unwrap();
    assert_eq!(none.warnings(), [Warning::ProcessUnknown]);
}

/// The wall clock is set back in between.
#[test]
fn the_process_s_own_clock_gives_order_and_intervals_where_all_have_it() {
    let a = "0123456789abcdef";
    let comparison =
        compare(&[of_process(a, 10, 100), of_process(a, 20, 40), of_process(a, 50, 41)]).unwrap();
    assert_eq!(comparison.lasting().map(|lasting| lasting.as_secs()), [600, 1_800]);
    let swapped = compare(&[of_process(a, 20, 1), of_process(a, 10, 2), of_process(a, 50, 3)]).unwrap_err();
    assert_eq!(swapped, CompareError::NotInOrder { profile: 2, by_time: vec![2, 1, 3] });
}

#[test]
fn a_different_path_or_address_in_memory_is_reported() {
    let spoilt = |minute, spoil: fn(&mut wire::Profile)| {
        let mut wire = wire_of(minute, ROWS);
        (wire.mapping[0].memory_start, wire.mapping[0].memory_limit) = (0x5500_0000_0000, 0x5500_0010_0000);
        spoil(&mut wire);
        read(&wire)
    };
    let moved = spoilt(2, |wire| wire.string_table[5] = "/srv/service".to_owned());
    let path = spoilt(0, |_| {}).program().to_owned();
    assert_eq!(path, "/opt/service");
    let elsewhere = spoilt(2, |wire| wire.mapping[0].memory_start -= 0x1000);
    let of = |third: Profile| {
        let comparison = compare(&[spoilt(0, |_| {}), spoilt(1, |_| {}), third]).unwrap();
        comparison.warnings().to_vec()
    };
    let (first, other) = ("/opt/service".to_owned(), "/srv/service".to_owned());
    assert!(of(moved).contains(&Warning::OtherPath { profile: 3, first, other }));
    assert!(of(elsewhere).contains(&Warning::OtherAddress { profile: 3 }));
}
