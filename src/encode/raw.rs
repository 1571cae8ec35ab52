//! Decides which structs are JSON already: serde_json's own, if it is built with them.
//!
//! serde_json's `RawValue`, and its `Number` of arbitrary precision, ask to be copied unchanged by passing a struct
//! with a name that only serde_json uses. It recognizes the names only if its features `raw_value` and
//! `arbitrary_precision` are on, and any other crate in the program may enable them. So each client tests serde_json
//! once: a name that it writes as an object, we write as an object too.

use serde::Serializer;
use serde::ser::SerializeStruct;

const NUMBER: &str = "$serde_json::private::Number";
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Which of the two names serde_json recognizes in this program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    number: bool,
    value: bool,
}

impl Raw {
    pub(super) fn as_serde_json_has_it() -> Raw {
        Raw { number: is_heeded(NUMBER), value: is_heeded(RAW_VALUE) }
    }

    /// Whether a struct of this name is JSON already.
    #[inline]
    pub(super) fn is_asked_for(self, name: &'static str) -> bool {
        (self.number && name == NUMBER) || (self.value && name == RAW_VALUE)
    }
}

fn is_heeded(name: &'static str) -> bool {
    let mut text = Vec::new();
    let mut asked = serde_json::Serializer::new(&mut text);
    let ended = asked.serialize_struct(name, 1).and_then(|mut fields| {
        fields.serialize_field(name, "7")?;
        fields.end()
    });
    ended.is_ok() && text == b"7"
}
