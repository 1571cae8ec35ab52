//! The user's side of every hook, as badly behaved as possible.

use crate::books::Books;
use crate::plan::{Bodies, Hooks, Log, Plan};
use fastrand::Rng;
use overspill::format::{Body, Events, Format, JsonArray, Layout, Overhead, Refused};
use overspill::spill::Record;
use overspill::transport::Reply;
use overspill::{Client, Observer, Signal, SpillSink};
use serde::ser::{Error, SerializeStruct};
use serde::{Serialize, Serializer};
use std::io;
use std::panic::{panic_any, set_hook, take_hook};
use std::sync::{Arc, Mutex, Once};

/// A planned panic.
struct Planned;

pub fn planned_panic() -> ! {
    panic_any(Planned)
}

/// Silences planned panics.
pub fn silence_planned_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !info.payload().is::<Planned>() {
                before(info);
            }
        }));
    });
}

/// One in this many.
struct Dice(Mutex<Rng>);

impl Dice {
    fn new(rng: &mut Rng) -> Dice {
        Dice(Mutex::new(rng.fork()))
    }

    fn one_in(&self, many: u32) -> bool {
        self.0.lock().unwrap().u32(..many) == 0
    }
}

/// A log that fails, panics, and keeps what it accepts.
pub struct Sink {
    books: Arc<Books>,
    fails: bool,
    dice: Dice,
    /// Notices may be written next to events; the events' outcome must not depend on them.
    notice_dice: Dice,
}

impl Sink {
    pub fn primary(plan: &Plan, rng: &mut Rng, books: &Arc<Books>) -> Sink {
        Sink::new(plan.log != Log::Good, rng, books)
    }

    pub fn fallback(plan: &Plan, rng: &mut Rng, books: &Arc<Books>) -> Sink {
        Sink::new(plan.log == Log::Lossy, rng, books)
    }

    fn new(fails: bool, rng: &mut Rng, books: &Arc<Books>) -> Sink {
        let notice_dice = Dice::new(&mut rng.clone());
        Sink { books: Arc::clone(books), fails, dice: Dice::new(rng), notice_dice }
    }
}

impl SpillSink for Sink {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        if self.fails && self.dice.one_in(7) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.fails && self.dice.one_in(29) {
            planned_panic();
        }
        self.books.write(record);
        Ok(())
    }

    fn notice(&self, _: &overspill::spill::Notice<'_>) -> io::Result<()> {
        if self.fails && self.notice_dice.one_in(5) {
            planned_panic();
        }
        Ok(())
    }
}

/// Counts every signal, checks the books in each, and panics now and then.
pub struct Watcher {
    books: Arc<Books>,
    panics: bool,
    dice: Dice,
}

impl Watcher {
    pub fn new(plan: &Plan, rng: &mut Rng, books: &Arc<Books>) -> Watcher {
        Watcher { books: Arc::clone(books), panics: plan.hooks == Hooks::Panicking, dice: Dice::new(rng) }
    }
}

impl Observer for Watcher {
    fn signal(&self, signal: &Signal<'_>) {
        self.books.signal(signal);
        if self.panics && self.dice.one_in(10) {
            planned_panic();
        }
    }
}

/// A JSON array that sometimes panics, or cannot read its own answers.
pub struct Framing {
    panics: bool,
    bodies: Bodies,
    dice: Dice,
}

impl Framing {
    pub fn new(plan: &Plan, rng: &mut Rng) -> Framing {
        Framing { bodies: plan.bodies, panics: plan.hooks == Hooks::Panicking, dice: Dice::new(rng) }
    }
}

impl Format for Framing {
    fn content_type(&self) -> &'static str {
        JsonArray.content_type()
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        if self.panics && self.dice.one_in(40) {
            planned_panic();
        }
        JsonArray.encode(events, body);
        if self.panics && self.dice.one_in(40) {
            body.push([b' '; 1000]);
        }
    }

    fn overhead(&self) -> Overhead {
        JsonArray.overhead()
    }

    fn layout(&self) -> Layout {
        match self.bodies {
            Bodies::Encoded => Layout::Encoded,
            Bodies::Framed => JsonArray.layout(),
        }
    }

    fn refused(&self, _: &Reply, _: usize) -> Refused {
        match self.panics {
            true if self.dice.one_in(40) => planned_panic(),
            true if self.dice.one_in(20) => Refused::Unknown,
            _ => Refused::None,
        }
    }
}

/// An event, and how it misbehaves while it is encoded.
pub struct Event<'a> {
    pub id: u64,
    pub padding: &'a str,
    pub manner: Manner<'a>,
}

pub enum Manner<'a> {
    Good,
    Fails,
    Panics,
    /// Emits another event in the middle of its own encoding.
    Emits(&'a Client, &'a dyn Fn(&Client)),
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Event", 2)?;
        fields.serialize_field("id", &self.id)?;
        match self.manner {
            Manner::Good => {}
            Manner::Fails => return Err(S::Error::custom("planned")),
            Manner::Panics => planned_panic(),
            Manner::Emits(client, emit) => emit(client),
        }
        fields.serialize_field("padding", self.padding)?;
        fields.end()
    }
}
