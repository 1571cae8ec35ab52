//! Events that are each odd in one way, among a hundred ordinary events: the odd event is accepted, or it is the only event in
//! the log.

use crate::Failure;
use crate::backend::{Backend, event};
use crate::flow::Flow;
use crate::judge::Expected;
use serde_json::{Value, json};

const AROUND: u64 = 50;
/// Above all ids of the earlier scenarios.
const FIRST: u64 = 50_000_000;
const IDS_APART: u64 = 1_000;
const WORDS_SHOWN: usize = 100;

fn kinds() -> Vec<(&'static str, Value)> {
    let deep = (0..60)
        .fold(json!(0), |inner, nth| if nth % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) });
    vec![
        ("a text for a number", json!({ "n": "seven" })),
        ("a fraction", json!({ "n": 1.5 })),
        ("a negative number", json!({ "n": -1 })),
        ("more than 63 bits", json!({ "n": u64::MAX })),
        ("a huge number", json!({ "n": 1e300 })),
        ("a boolean for a number", json!({ "n": true })),
        ("null", json!({ "n": null })),
        ("an array for a number", json!({ "n": [1, 2] })),
        ("an object for a number", json!({ "n": { "a": 1 } })),
        ("a number for a text", json!({ "text": 7 })),
        ("an object for a text", json!({ "text": { "a": "b" } })),
        ("an extra member", json!({ "more": 1 })),
        ("an empty name", json!({ "": 1 })),
        ("a name with dots", json!({ ".a..b.": 1 })),
        ("an odd name", json!({ "a \"b\"\\,= \n😀": 1 })),
        ("a long name", json!({ "x".repeat(5_000): 1 })),
        ("a reserved name", json!({ "time": "now", "_id": "x", "_source": 1, "value": 1 })),
        ("an odd text", json!({ "text": "\u{0}\u{1f}\u{7f}\\\"\\n\r\n\t\u{2028}\u{feff}😀\\" })),
        ("a long text", json!({ "text": "é".repeat(25_000) })),
        (
            "many members",
            (0..2_000).map(|nth| (format!("m{nth}"), json!(nth))).collect::<serde_json::Map<_, _>>().into(),
        ),
        ("deeply nested", json!({ "deep": deep })),
    ]
}

/// What was refused, and what was wrong.
pub fn play(backend: &mut dyn Backend) -> Result<(String, Vec<String>), Failure> {
    let (mut refused, mut wrong, kinds) = (Vec::new(), Vec::new(), kinds());
    let taken = kinds.len();
    for (nth, (kind, members)) in (0..).zip(kinds) {
        let first = FIRST + nth * IDS_APART;
        let flow = Flow::new(backend.client(), first)?;
        flow.emit_all(AROUND);
        let odd = flow.emit(|id| with(event(id), members));
        flow.emit_all(AROUND);
        let seen = flow.end(backend, Vec::new())?;
        let expected =
            if seen.log.is_empty() { Expected::AllDelivered } else { Expected::Refused(vec![odd], "") };
        if !seen.log.is_empty() {
            let words: String = seen.words().chars().take(WORDS_SHOWN).collect();
            println!("    {kind}: {words} ({} posts)", seen.posts);
            refused.push(kind);
        }
        wrong.extend(seen.wrong(&expected).into_iter().map(|wrong| format!("{kind}: {wrong}")));
    }
    let taken = taken - refused.len();
    let refused =
        if refused.is_empty() { String::new() } else { format!("; refused alone: {}", refused.join(", ")) };
    Ok((format!("{taken} kinds accepted{refused}"), wrong))
}

fn with(mut event: Value, members: Value) -> Value {
    if let (Value::Object(event), Value::Object(members)) = (&mut event, members) {
        event.extend(members);
    }
    event
}
