//! An event's time, as endpoints write it.

use super::Event;
use std::time::UNIX_EPOCH;

/// Nanoseconds since 1970. A time before 1970 or far in the future becomes the nearest representable one.
pub(super) fn nanos(event: &Event<'_>) -> u64 {
    let since_epoch = event.time().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// The same time, exact to the millisecond. The digits below distinguish the event
/// from others with the same time, because some endpoints treat two events at one
/// time as one. They keep one client's events in order, except for one in a million.
pub(super) fn distinct_nanos(event: &Event<'_>) -> u64 {
    const MILLI: u64 = 1_000_000;
    let id = event.id();
    // The client's random hexadecimal digits.
    let client = u64::from_str_radix(id.client, 16).unwrap_or(0);
    let apart = (id.seq % MILLI + client % MILLI) % MILLI;
    (nanos(event) / MILLI).saturating_mul(MILLI).saturating_add(apart)
}

/// A number in decimal digits, written without a formatter.
pub(super) struct Digits {
    digits: [u8; 20],
    start: usize,
}

impl Digits {
    pub(super) fn of(mut number: u64) -> Digits {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Digits { digits, start };
            }
        }
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// Pushes `client-seq` in pieces.
pub(super) fn push_id(event: &Event<'_>, mut push: impl FnMut(&[u8])) {
    let id = event.id();
    push(id.client.as_bytes());
    push(b"-");
    push(Digits::of(id.seq).as_ref());
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_formatter() {
        for number in [0, 7, 10, 999, 1_000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            assert_eq!(Digits::of(number).as_ref(), number.to_string().as_bytes());
        }
    }
}
