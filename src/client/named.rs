//! Events with a name.

use super::Client;
use crate::encode::Encoded;
use crate::event::Event;
use crate::mark::NameId;
use crate::outcome::Emitted;
use crate::shared::Shared;
use serde::Serialize;

impl Client {
    /// Like [`emit`](Client::emit), for an event with a name: `"order_placed"`. A format that has a place for names writes it there. In
    /// other formats the name is the first member of the event's JSON: `{"event.name":"order_placed","order":7}`
    /// ([`Builder::name_field`](crate::Builder::name_field)). An event that is not an object then goes under `"value"`.
    ///
    /// Use few names, fixed in the program. The client stores the first [`EVENT_NAMES`](crate::limits::EVENT_NAMES) or so as a number until
    /// the event is sent. Any other name is copied into the event at once, and so is one that is longer than
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
    /// Like [`emit`](Client::emit).
    #[inline]
    pub fn emit_named<T: Serialize + ?Sized>(&self, name: &'static str, event: &T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, Name(name), event),
        }
    }

    /// [`emit_with`](Client::emit_with) for an event with a [name](Client::emit_named).
    #[inline]
    pub fn emit_named_with<T: Serialize>(&self, name: &'static str, make: impl FnOnce() -> T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, Name(name), &make()),
        }
    }
}

/// How an event gets its name. It is a type parameter, so that an event without a name does not even check for one.
pub(super) trait Naming {
    /// Names an event; `encoded` is the result of encoding it.
    fn name(self, shared: &Shared, event: &mut Event, encoded: Encoded) -> Encoded;
}

pub(super) struct NoName;

impl Naming for NoName {
    #[inline]
    fn name(self, _: &Shared, _: &mut Event, encoded: Encoded) -> Encoded {
        encoded
    }
}

pub(super) struct Name(&'static str);

impl Naming for Name {
    #[inline]
    fn name(self, shared: &Shared, event: &mut Event, encoded: Encoded) -> Encoded {
        match (encoded, shared.common.names.number(self.0)) {
            (Encoded::Whole, Some(number)) => {
                event.name = number;
                match shared.encoder.has_room_for(event, shared.common.added_by_name(self.0)) {
                    true => Encoded::Whole,
                    false => Encoded::Oversized,
                }
            }
            (Encoded::Oversized, Some(number)) => {
                event.name = number;
                Encoded::Oversized
            }
            (Encoded::Whole | Encoded::Oversized, None) => oddly(shared, event, self.0),
            (encoded, _) => encoded,
        }
    }
}

/// The name goes into the text at once.
#[cold]
fn oddly(shared: &Shared, event: &mut Event, name: &'static str) -> Encoded {
    let mut text_of_name = Event::vacant(event.emitted_at);
    match shared.encoder.encode(name, &mut text_of_name) {
        Encoded::Whole | Encoded::Oversized => {}
        too_long => return too_long,
    }
    let whole = shared.common.with_odd_name(event.text(), text_of_name.text());
    shared.encoder.recycle(&mut text_of_name);
    event.name = NameId::NONE;
    shared.encoder.replace(event, &whole)
}
