use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Stamp {
    Stamp(0).after(seconds * SECOND)
}

#[test]
fn connections_are_renewed_by_age_and_a_request_waits_only_if_the_old_ones_are_stale() {
    let mut renewals = Renewals::begin(at(0), Duration::ZERO, 2 * SECOND);
    // By age: requests go on with the old ones meanwhile.
    assert_eq!(renewals.next(at(59), Duration::ZERO, 2 * SECOND), None);
    assert_eq!((renewals.next(at(60), Duration::ZERO, 2 * SECOND), renewals.needed), (Some(1), 0));
    assert_eq!(renewals.next(at(119), Duration::ZERO, 2 * SECOND), None);
    // The endpoint keeps them for less: once.
    assert_eq!((renewals.next(at(119), Duration::ZERO, SECOND), renewals.needed), (Some(2), 2));
    assert_eq!(renewals.next(at(119), Duration::ZERO, SECOND), None);
    // The machine has slept, or was said to: once each. The clocks differ a little.
    assert_eq!(renewals.next(at(120), SUSPENDED_MIN / 2, SECOND), None);
    assert_eq!((renewals.next(at(120), SECOND, SECOND), renewals.needed), (Some(3), 3));
    assert_eq!(renewals.next(at(121), SECOND + SUSPENDED_MIN / 2, SECOND), None);
    renewals.stale = Stale::Yes;
    assert_eq!((renewals.next(at(122), SECOND, SECOND), renewals.needed), (Some(4), 4));
    assert_eq!(renewals.next(at(181), SECOND, SECOND), None);
    assert_eq!((renewals.next(at(182), SECOND, SECOND), renewals.needed), (Some(5), 4));
}
