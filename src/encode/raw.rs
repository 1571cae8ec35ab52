//! Which structs are JSON already: serde_json's own, if it is built with them.
//!
//! serde_json's `RawValue`, and its `Number` of arbitrary precision, ask to be written as they are by a struct of a name that only
//! serde_json uses. It heeds a name if its feature `raw_value` or `arbitrary_precision` is on, and who turned them on is some other
//! crate of the program. So it is asked, once per client: what it writes as an object, we do.

use serde::Serializer;
use serde::ser::SerializeStruct;

const NUMBER: &str = "$serde_json::private::Number";
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Which of the two names serde_json heeds in this program.
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
