//! The kind of event in a record: its name, from the record or from the event's JSON.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Fields that hold an event's name, in the order in which they are tried. The first is overspill's.
#[derive(Debug, Default, Deserialize)]
struct NameFields<'a> {
    #[serde(borrow, default, rename = "event.name")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    type_: Option<&'a RawValue>,
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
}

/// The names of the events in a record: of one event, or of each in a pack. `None`: no name.
pub(crate) fn names(event: &str, events: u32) -> Vec<Option<String>> {
    if events == 1 {
        return vec![serde_json::from_str(event).ok().and_then(|named| name(&named))];
    }
    let all: Vec<NameFields<'_>> = serde_json::from_str(event).unwrap_or_default();
    all.iter().map(name).collect()
}

fn name(named: &NameFields<'_>) -> Option<String> {
    [named.event_name, named.name, named.event, named.type_, named.kind]
        .into_iter()
        .flatten()
        .find_map(|value| serde_json::from_str::<String>(value.get()).ok())
        .filter(|name| !name.is_empty() && name.len() <= 64)
}
