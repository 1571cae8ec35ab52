//! Events with a name.

use super::Client;
use crate::encode::Encoded;
use crate::event::{Event, NameId};
use crate::outcome::Emitted;
use crate::settle::Settler;
use serde::Serialize;

impl Client {
    /// [`emit`](Client::emit), of an event that has a name: `"order_placed"`. A format that has a place for names writes it there; in
    /// others it is a member of the event's JSON, in front of its own: `{"event.name":"order_placed","order":7}`
    /// ([`Builder::name_field`](crate::Builder::name_field)). An event that is no object then stands under `"value"`.
    ///
    /// Names are few and part of the program: an event of the first [`EVENT_NAMES`](crate::limits::EVENT_NAMES) or so has its name by a number
    /// until it is sent; one with another name is copied with it at once, and so is one whose name is longer than
    /// [`EVENT_NAME_BYTES_MAX`](crate::limits::EVENT_NAME_BYTES_MAX) or not printable ASCII.
    ///
    /// ```
    /// # let events = overspill::Client::disabled();
    /// #[derive(serde::Serialize)]
    /// struct Order { order: u64 }
    /// events.emit_named("order_placed", &Order { order: 7 });
    /// ```
    ///
    /// # Blocking
    /// As [`emit`](Client::emit).
    #[inline]
    pub fn emit_named<T: Serialize + ?Sized>(&self, name: &'static str, event: &T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, Name(name), event),
        }
    }

    /// [`emit_with`](Client::emit_with), of an event that has a [name](Client::emit_named).
    #[inline]
    pub fn emit_named_with<T: Serialize>(&self, name: &'static str, make: impl FnOnce() -> T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, Name(name), &make()),
        }
    }
}

/// How an event comes to its name. By type, so that one without a name does not even ask.
pub(super) trait Naming {
    /// Of an event that was encoded so.
    fn name(self, settler: &Settler, event: &mut Event, encoded: Encoded) -> Encoded;
}

pub(super) struct NoName;

impl Naming for NoName {
    #[inline]
    fn name(self, _: &Settler, _: &mut Event, encoded: Encoded) -> Encoded {
        encoded
    }
}

pub(super) struct Name(&'static str);

impl Naming for Name {
    #[inline]
    fn name(self, settler: &Settler, event: &mut Event, encoded: Encoded) -> Encoded {
        match (encoded, settler.common.names.number(self.0)) {
            (Encoded::Whole, Some(number)) => {
                event.name = number;
                match settler.encoder.has_room_for(event, settler.common.added_by_name(self.0)) {
                    true => Encoded::Whole,
                    false => Encoded::Oversized,
                }
            }
            (Encoded::Oversized, Some(number)) => {
                event.name = number;
                Encoded::Oversized
            }
            (Encoded::Whole | Encoded::Oversized, None) => oddly(settler, event, self.0),
            (encoded, _) => encoded,
        }
    }
}

/// The name goes into the text at once.
#[cold]
fn oddly(settler: &Settler, event: &mut Event, name: &'static str) -> Encoded {
    let mut text_of_name = Event::vacant(event.emitted_at);
    match settler.encoder.encode(name, &mut text_of_name) {
        Encoded::Whole | Encoded::Oversized => {}
        too_long => return too_long,
    }
    let whole = settler.common.with_odd_name(event.text(), text_of_name.text());
    settler.encoder.recycle(&mut text_of_name);
    event.name = NameId::NONE;
    settler.encoder.replace(event, &whole)
}
