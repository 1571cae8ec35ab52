//! What a scenario needs from a server.

use crate::Failure;
use crate::process::Process;
use overspill::Builder;
use serde_json::{Value, json};

pub trait Backend {
    /// Server and version, and what stands in front of it.
    fn name(&self) -> String;

    fn nature(&self) -> Nature;

    /// Starts the server, or starts it again on what it has kept, and waits until it answers.
    fn start(&mut self) -> Result<(), Failure>;

    /// The running server, if there is one.
    fn process(&mut self) -> &mut Option<Process>;

    /// SIGSTOP: it accepts connections and answers nothing until it continues.
    fn stop(&mut self) -> Result<(), Failure> {
        self.process().as_ref().map_or(Ok(()), Process::stop)
    }

    /// SIGKILL.
    fn kill(&mut self) {
        *self.process() = None;
    }

    /// A client for the server, with the right credentials.
    fn client(&self) -> Builder;

    /// The same with wrong credentials, if it uses any, and what it replies to them.
    fn impostor(&self) -> Option<(Builder, &'static str)> {
        None
    }

    /// The ids from `first` on that the server has, repeated for each copy. `expected` of them should be there within a
    /// moment. For a server that stores nothing: those that have arrived since the last call.
    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure>;

    /// An event with this id that does not fit the schema of the others.
    fn poison(&self, id: u64) -> Value {
        json!({ "id": id, "n": "a text where a number was", "price": 1.5, "text": "poison" })
    }
}

pub struct Nature {
    pub keeps: Keeps,
    pub poison: Poison,
    pub body_limit: BodyLimit,
    pub gzip: Packed,
    pub zstd: Packed,
}

/// What a server has after a SIGKILL.
#[derive(Clone, Copy, PartialEq)]
pub enum Keeps {
    /// Everything that it had acknowledged.
    All,
    /// Nothing, or all but the most recent events. That is the server's choice; a client cannot change it.
    Nothing,
}

/// What happens to the poisoned event.
#[derive(Clone, Copy)]
pub enum Poison {
    /// It is refused, with a text that contains this.
    Refused(&'static str),
    /// It is accepted: the server refuses nothing that the format writes.
    Taken,
    /// It is accepted with a 2xx, but altered.
    Altered(&'static str),
}

/// What happens to compressed bodies.
#[derive(Clone, Copy)]
pub enum Packed {
    Unpacked,
    /// None of it is stored, and the answer says this.
    Refused(&'static str),
    /// `build` refuses the settings.
    NotOffered,
}

/// The maximum length of a body.
#[derive(Clone, Copy)]
pub enum BodyLimit {
    /// A body larger than this many bytes gets a 413, whose text contains this.
    At(usize, &'static str),
    /// The format's own limit, which `build` enforces: bodies up to that length are accepted.
    Full(usize),
    None(&'static str),
}

pub fn event(id: u64) -> Value {
    json!({ "id": id, "n": id, "price": 1.5, "text": "an order" })
}

/// Odd but valid events, which a parser may get wrong.
pub fn odd_event(id: u64) -> Value {
    let mut deep = json!("bottom");
    for nth in 0..60 {
        deep = if nth % 2 == 0 { json!([deep, null]) } else { json!({ "in": deep, "": 0 }) };
    }
    json!({
        "id": id, "n": "a text", "price": null, "": "an empty name", "deep": deep, "large": u64::MAX, "least": i64::MIN, "tiny": 5e-324,
        "huge": f64::MAX, "minus": -0.0, "quote\"d": "\\\u{0}\u{1f}\u{7f}\u{2028}😀\"", "message": { "no": "text" }, "level": 7,
        "trace_id": "00000000000000000000000000000000", "span_id": "xyz", "time": "now", "empty": {}, "none": [],
        "mixed": [1, "two", 3.0, false, null, [], {}],
    })
}
