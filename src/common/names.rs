//! The names of events, each known by a number that travels with its events.
//!
//! In: `&'static str`. Out: a number, and the text again. NM1: two names are never mistaken for each other: they are compared byte for byte
//! with our own copies. NM2: bounded: a name without a free slot, or one with unusual characters, has no number; its events carry it in
//! their text.

use crate::limits::{EVENT_NAME_BYTES_MAX, EVENT_NAMES};
use crate::mark::NameId;
use std::sync::OnceLock;

/// How many slots a name may try, one after the other.
const TRIES: usize = 8;
const _: () = assert!(EVENT_NAMES.is_power_of_two() && EVENT_NAMES < u16::MAX as usize);

/// The names that one client has seen.
#[derive(Debug)]
pub(crate) struct Names {
    /// A power of two.
    count: usize,
    /// Nothing is allocated before the first name.
    places: OnceLock<Box<[OnceLock<Box<str>>]>>,
}

impl Names {
    /// For a client with this queue: a small one should not pay for many.
    pub(crate) fn for_queue(events_max: usize) -> Names {
        Names { count: events_max.min(EVENT_NAMES).next_power_of_two(), places: OnceLock::new() }
    }

    /// The same number of slots, without any names.
    pub(super) fn again(&self) -> Names {
        Names { count: self.count, places: OnceLock::new() }
    }

    /// Maximum bytes that they take.
    pub(crate) fn bytes_max(&self) -> usize {
        self.count * (size_of::<OnceLock<Box<str>>>() + EVENT_NAME_BYTES_MAX)
    }

    /// The name's permanent number. Takes no lock; the first time a name is seen, a call waits for another that sees it at the same moment.
    #[inline]
    pub(crate) fn number(&self, name: &'static str) -> Option<NameId> {
        let places = self.places.get_or_init(|| (0..self.count).map(|_| OnceLock::new()).collect());
        // Names are adjacent in the program: a multiplication spreads them. A text that exists twice may have two numbers.
        let tag = (name.as_ptr() as u64) ^ (name.len() as u64) << 32;
        let first = (tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
        for nth in 0..TRIES {
            let place = (first + nth) & (self.count - 1);
            let known = match places[place].get() {
                Some(known) => known,
                None if is_odd(name) => return None,
                None => places[place].get_or_init(|| name.into()),
            };
            if **known == *name {
                // Less than 65,535.
                return Some(NameId(place as u16 + 1));
            }
        }
        None
    }

    /// Empty for none.
    #[inline]
    pub(crate) fn text(&self, number: NameId) -> &str {
        let place = match number.0.checked_sub(1) {
            Some(nth) => self.places.get().and_then(|places| places.get(usize::from(nth))),
            None => return "",
        };
        place.and_then(OnceLock::get).map_or("", |name| name)
    }
}

/// Whether a name differs between JSON, a log line and its plain text.
#[cold]
fn is_odd(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    name.is_empty() || name.len() > EVENT_NAME_BYTES_MAX || !name.bytes().all(plain)
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn leaked(name: String) -> &'static str {
        Box::leak(name.into_boxed_str())
    }

    #[test]
    fn a_name_keeps_its_number_and_no_two_names_share_one() {
        let names = Names::for_queue(usize::MAX);
        let all: Vec<&'static str> = (0..4 * EVENT_NAMES).map(|nth| leaked(format!("name.{nth}"))).collect();
        let numbers: Vec<Option<NameId>> = all.iter().map(|name| names.number(name)).collect();
        let known = numbers.iter().flatten().count();
        assert!(known > EVENT_NAMES / 2 && known <= EVENT_NAMES, "{known}");
        for (name, number) in all.iter().zip(&numbers) {
            assert_eq!(names.number(name), *number);
            assert!(number.is_none_or(|number| names.text(number) == *name));
        }
        // Another address, or part of a text at the same one.
        let name = all[numbers.iter().position(Option::is_some).unwrap()];
        let again = leaked(name.to_owned());
        assert!(names.number(again).is_none_or(|number| names.text(number) == name));
        assert!(names.number(&name[..3]).is_none_or(|number| names.text(number) == "nam"));
    }

    #[test]
    fn names_that_json_or_a_line_would_change_have_no_number() {
        let names = Names::for_queue(usize::MAX);
        let long = leaked("n".repeat(EVENT_NAME_BYTES_MAX + 1));
        for odd in
            ["", "quo\"te", "back\\slash", "gr\u{fc}n", "line\nbreak", "\u{202e}evil", "del\u{7f}", long]
        {
            assert_eq!(names.number(odd), None, "{odd:?}");
        }
        let longest = &long[1..];
        assert!(["a", "order placed", "a.b-c_d/e", longest].iter().all(|name| names.number(name).is_some()));
        assert_eq!(names.text(NameId::NONE), "");
        assert_eq!(names.text(NameId(u16::MAX)), "");
    }

    #[test]
    fn threads_that_meet_a_name_at_the_same_moment_find_the_same_number() {
        let all: Vec<&'static str> = (0..200).map(|nth| leaked(format!("name.{nth}"))).collect();
        let names = Names::for_queue(usize::MAX);
        let found: Vec<Vec<Option<NameId>>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| all.iter().map(|name| names.number(name)).collect())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (nth, name) in all.iter().enumerate() {
            let numbers: Vec<_> = found.iter().filter_map(|found| found[nth]).collect();
            assert!(numbers.iter().all(|number| names.text(*number) == *name), "{name}");
        }
    }
}
