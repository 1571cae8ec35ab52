//! Encodes any `Serialize` as JSON, once, on the caller's thread, straight into the event's slot.
//!
//! In: a value. Out: an [`Event`] whose text both the request and the log use, or the reason why there is none.
//!
//! - E2: work and memory are bounded by twice `event_bytes_max`, even if the value is long, endless or deep. The
//!   one exception is nesting that serde does not report, see [`WRAPPERS_MAX`](crate::limits::WRAPPERS_MAX).
//! - E3: the text is one line of printable characters. Control, format, bidi and other
//!   invisible characters, which serde_json would copy, are written as the equivalent
//!   `\uXXXX`, so that the log can carry the identical text (`unprintable`).
//! - E4: a text reported as whole is one JSON value, whatever its `Serialize` does (see `json`).
//! - E5: whatever serde_json accepts, map keys included, has the same bytes here, and whatever it
//!   refuses is refused here, whichever of its features are on.
//!
//! Not here, on purpose: what to do with an event that is too long; the client decides.

mod json;
mod compound;
mod word;
mod raw;
mod text;
mod contents;
mod escape;
mod window;
mod unprintable;
mod slot;

use crate::event::{Blocks, Event};
use crate::sync::contain;
use json::{Json, Soundness};
use raw::Raw;
use serde::Serialize;
use slot::Slot;
pub(crate) use unprintable::is_unprintable;

/// The encoder of one client.
#[derive(Debug)]
pub(crate) struct Encoder {
    blocks: Blocks,
    raw: Raw,
    event_bytes_max: usize,
}

/// How an encoding ended; the event holds the text in the first two cases.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Encoded {
    Whole,
    /// Longer than `event_bytes_max`, but whole: it can still go to the log.
    Oversized,
    /// Longer than twice `event_bytes_max`: cut off, no content.
    TooLong,
    /// The value's `Serialize` failed, panicked or nested too deep.
    Failed(String),
}

impl Encoder {
    pub(crate) fn new(event_bytes_max: usize) -> Encoder {
        Encoder {
            blocks: Blocks::new(2 * event_bytes_max),
            raw: Raw::as_serde_json_has_it(),
            event_bytes_max,
        }
    }

    pub(crate) fn encode(&self, value: &(impl Serialize + ?Sized), event: &mut Event) -> Encoded {
        let ended = contain(|| {
            let slot = Slot::new(event.inline_room(), &self.blocks, 2 * self.event_bytes_max);
            let mut json = Json::new(slot, self.raw);
            let ended = value.serialize(&mut json);
            let soundness = json.soundness();
            let (len, block) = json.slot.into_text();
            event.hold(len, block);
            (ended, soundness)
        });
        let len = event.text().len();
        match ended {
            Err(panicked) => Encoded::Failed(format!("Serialize panicked: {}", panicked.0)),
            Ok((Err(refusal), _)) if refusal.is_cut() => Encoded::TooLong,
            Ok((_, Soundness::Cut)) => Encoded::TooLong,
            Ok((Err(refusal), _)) => Encoded::Failed(refusal.to_string()),
            Ok((Ok(()), Soundness::Broken)) => {
                Encoded::Failed("its Serialize ignored an error, or left something unfinished".to_owned())
            }
            // A maximum smaller than the slot's inline room is first checked here.
            Ok((Ok(()), Soundness::Sound)) if len > 2 * self.event_bytes_max => Encoded::TooLong,
            Ok((Ok(()), Soundness::Sound)) if len > self.event_bytes_max => Encoded::Oversized,
            Ok((Ok(()), Soundness::Sound)) => Encoded::Whole,
        }
    }

    /// Whether the text may grow by `bytes`.
    #[inline]
    pub(crate) fn has_room_for(&self, event: &Event, bytes: usize) -> bool {
        event.text().len() + bytes <= self.event_bytes_max
    }

    /// Replaces the event's text, unless the new one is too long.
    pub(crate) fn replace(&self, event: &mut Event, text: &[u8]) -> Encoded {
        if text.len() > 2 * self.event_bytes_max {
            return Encoded::TooLong;
        }
        self.recycle(event);
        let block = match event.inline_room().get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                None
            }
            None => {
                let mut block = self.blocks.take(text.len());
                block[..text.len()].copy_from_slice(text);
                Some(block)
            }
        };
        event.hold(text.len(), block);
        if text.len() > self.event_bytes_max { Encoded::Oversized } else { Encoded::Whole }
    }

    /// Frees the event's memory: its block becomes a spare.
    #[inline]
    pub(crate) fn recycle(&self, event: &mut Event) {
        if let Some(block) = event.take_block() {
            self.blocks.give(block);
        }
    }
}

/// Makes foreign text (an error, a panic) fit for one printable field.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
