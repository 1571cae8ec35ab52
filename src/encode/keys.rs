//! Names of struct fields, checked and framed once: `"name":`, ready to be copied in one go.
//!
//! In: the names that serde's derive hands over with each field. Out: their text. The names are `&'static str`: the same
//! address and length mean the same text for as long as the program runs, so what was found out about one is true for ever.
//!
//! N1: a reader sees the whole text or none: the tag is stored last, with Release, and by one thread alone, which has claimed
//!     the place before. Nobody ever waits: who comes meanwhile, or finds the place taken by another name, does without.

use super::text::is_plain;
use std::sync::atomic::{AtomicU64, Ordering};

/// More than the fields of most programs' events; names that meet in one place cost what they cost without.
const PLACES: usize = 128;
const WORDS: usize = 3;
/// The longest framed name, copied whole whatever its length.
pub(super) const FRAMED_BYTES: usize = WORDS * size_of::<u64>();
/// What stands around a name.
const FRAME_BYTES: usize = br#""":"#.len();

// Neither is the tag of a name: no address is zero, and none of those that are kept is so long.
const VACANT: u64 = 0;
const CLAIMED: u64 = u64::MAX;
/// Above all addresses of today's machines, below it the address.
const LEN_SHIFT: u32 = 58;

/// The names that one client has seen.
#[derive(Debug)]
pub(super) struct Keys {
    places: Box<[Place; PLACES]>,
}

#[derive(Debug, Default)]
struct Place {
    /// Address and length of the name whose text this is.
    tag: AtomicU64,
    text: [AtomicU64; WORDS],
}

impl Default for Keys {
    fn default() -> Keys {
        Keys { places: Box::new(std::array::from_fn(|_| Place::default())) }
    }
}

impl Keys {
    /// The bytes that the names take.
    pub(super) const BYTES: usize = PLACES * size_of::<Place>();

    /// Writes `"key":` and says how long that is; what stands behind it is of no account. `None` if this name is not kept.
    #[inline]
    pub(super) fn write(&self, key: &'static str, to: &mut [u8; FRAMED_BYTES]) -> Option<usize> {
        let tag = tag_of(key)?;
        // Names stand side by side in the program: a multiplication spreads them.
        let first = (tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as usize % PLACES;
        let mut place = &self.places[first];
        if place.tag.load(Ordering::Acquire) != tag {
            let second = &self.places[first ^ 1];
            if second.tag.load(Ordering::Acquire) != tag {
                learn([place, second], tag, key);
                return None;
            }
            place = second;
        }
        // Word for word into its place: gathered first, they would have to wait for each other on the way.
        for (bytes, word) in to.chunks_exact_mut(size_of::<u64>()).zip(&place.text) {
            // Relaxed: written before the tag that we have seen with Acquire, and never again.
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        Some(key.len() + FRAME_BYTES)
    }
}

#[inline]
fn tag_of(key: &'static str) -> Option<u64> {
    let (address, len) = (key.as_ptr() as u64, key.len() as u64);
    (key.len() + FRAME_BYTES <= FRAMED_BYTES && address >> LEN_SHIFT == 0)
        .then_some(address | len << LEN_SHIFT)
}

/// The first time that this name is seen: for the next time.
#[cold]
fn learn(places: [&Place; 2], tag: u64, key: &'static str) {
    let claim = |place: &Place| {
        place.tag.compare_exchange(VACANT, CLAIMED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    let Some(place) = places.into_iter().find(|place| is_plain(key.as_bytes()) && claim(place)) else {
        return;
    };
    let mut text = [0; FRAMED_BYTES];
    text[0] = b'"';
    text[1..=key.len()].copy_from_slice(key.as_bytes());
    text[key.len() + 1..key.len() + FRAME_BYTES].copy_from_slice(b"\":");
    for (bytes, word) in text.chunks_exact(size_of::<u64>()).zip(&place.text) {
        let mut eight = [0; size_of::<u64>()];
        eight.copy_from_slice(bytes);
        word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
    }
    place.tag.store(tag, Ordering::Release);
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn text(keys: &Keys, key: &'static str) -> Option<String> {
        let mut text = [0; FRAMED_BYTES];
        let len = keys.write(key, &mut text)?;
        Some(String::from_utf8(text[..len].to_vec()).unwrap())
    }

    #[test]
    fn a_name_is_framed_from_the_second_time_on_and_others_are_left_to_the_caller() {
        let keys = Keys::default();
        for key in ["latency_ms", "", "exactly_21_characters"] {
            assert_eq!(text(&keys, key), None);
            assert_eq!(text(&keys, key), Some(format!("\"{key}\":")));
        }
        for key in ["exactly_22_characters_", "quo\"ted", "größe"] {
            assert_eq!([text(&keys, key), text(&keys, key)], [None, None], "{key}");
        }
    }

    #[test]
    fn no_name_has_the_tag_of_a_place_that_is_vacant_or_claimed() {
        // An empty one has an address that is none: that of its alignment.
        for key in ["", "a", "exactly_21_characters"] {
            assert!(!matches!(tag_of(key), None | Some(VACANT | CLAIMED)), "{key:?}");
        }
        assert!(FRAMED_BYTES - FRAME_BYTES < (CLAIMED >> LEN_SHIFT) as usize);
    }

    #[test]
    fn the_beginning_of_a_longer_name_at_the_same_address_is_another_name() {
        const LONG: &str = "status_code";
        let keys = Keys::default();
        for _ in 0..2 {
            for key in [LONG, &LONG[..6], &LONG[..5]] {
                assert!(text(&keys, key).is_none_or(|text| text == format!("\"{key}\":")));
            }
        }
    }

    #[test]
    fn two_names_that_share_a_place_are_never_taken_for_each_other() {
        let names: Vec<&'static str> =
            (0..1000).map(|nth| &*Box::leak(format!("name_{nth}").into_boxed_str())).collect();
        let keys = Keys::default();
        let mut framed = 0;
        for _ in 0..2 {
            for name in &names {
                if let Some(text) = text(&keys, name) {
                    assert_eq!(text, format!("\"{name}\":"));
                    framed += 1;
                }
            }
        }
        assert!((1..=PLACES).contains(&framed), "{framed}");
    }
}
