use super::*;
use crate::clock::Source;
use crate::encode::{Encoded, Encoder};
use crate::event::Event;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::time::UNIX_EPOCH;

fn field(name: &str, value: Value) -> CommonField {
    CommonField { name: name.to_owned(), key: json!(name).to_string(), json: value.to_string() }
}

fn common(placement: Placement, fields: &[(&str, Value)], time: Option<&str>) -> Common {
    let fields = fields.iter().map(|(name, value)| field(name, value.clone())).collect();
    Common::new(placement, fields, time, "\"event.name\"", Names::for_queue(usize::MAX))
}

/// A clock that was started in 1970.
fn calendar() -> Calendar {
    Calendar::at(Stamp(0), UNIX_EPOCH)
}

fn spliced(common: &Common, text: &str, name: NameId) -> String {
    let text = {
        let clock = Clock::start(Source::Machine);
        let mut time = Some(Time::of(calendar()));
        common.text(text.as_bytes(), name, &mut time, (Stamp(1_500_000_000), clock)).into_owned()
    };
    String::from_utf8(text).unwrap()
}

#[test]
fn an_event_has_the_common_members_before_its_own() {
    let common = common(
        Placement::InEachEvent,
        &[("service.name", json!("orders")), ("shard", json!(7))],
        Some("\"at\""),
    );
    let placed = common.names.number("order_placed").unwrap();
    for (text, expected) in [
        (
            r#"{"order":7}"#,
            r#"{"service.name":"orders","shard":7,"event.name":"order_placed","at":"1970-01-01T00:00:01.500Z","order":7}"#,
        ),
        (
            "{}",
            r#"{"service.name":"orders","shard":7,"event.name":"order_placed","at":"1970-01-01T00:00:01.500Z"}"#,
        ),
        (
            "{ }",
            r#"{"service.name":"orders","shard":7,"event.name":"order_placed","at":"1970-01-01T00:00:01.500Z" }"#,
        ),
        (
            "[1]",
            r#"{"service.name":"orders","shard":7,"event.name":"order_placed","at":"1970-01-01T00:00:01.500Z","value":[1]}"#,
        ),
        (
            "null",
            r#"{"service.name":"orders","shard":7,"event.name":"order_placed","at":"1970-01-01T00:00:01.500Z","value":null}"#,
        ),
    ] {
        assert_eq!(spliced(&common, text, placed), expected);
    }
    let odd = common.with_odd_name(b"{}", br#""gr\u00fcn""#);
    assert_eq!(String::from_utf8(odd).unwrap(), r#"{"event.name":"gr\u00fcn"}"#);
}

#[test]
fn nothing_is_added_that_was_not_asked_for_or_that_the_format_writes_itself() {
    let nothing = common(Placement::InEachEvent, &[], None);
    assert_eq!((spliced(&nothing, "[1]", NameId::NONE).as_str(), nothing.added_max()), ("[1]", 0));
    let beside = common(Placement::OncePerRequest, &[("a", json!(1))], Some("\"at\""));
    let name = beside.names.number("n").unwrap();
    assert_eq!((spliced(&beside, "[1]", name).as_str(), beside.added_max()), ("[1]", 0));
    assert_eq!((beside.beside_events(), beside.name_beside(name)), (Some(r#"{"a":1}"#), "n"));
    let each = common(Placement::InEachEvent, &[("a", json!(1))], None);
    let name = each.names.number("n").unwrap();
    assert_eq!((each.beside_events(), each.name_beside(name)), (None, ""));
    assert_eq!(each.fields().json(), r#"{"a":1}"#);
    assert_eq!(nothing.fields().json(), "{}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// As `emit` writes it.
fn text_of(value: &Value) -> String {
    let mut event = Event::vacant(Stamp(0));
    assert_eq!(Encoder::new(1 << 20).encode(value, &mut event), Encoded::Whole);
    String::from_utf8(event.text().to_vec()).unwrap()
}

proptest! {
    #[test]
    fn what_is_spliced_is_the_json_of_the_merged_trees_and_has_the_announced_length(
        value in any_value(),
        fields in proptest::collection::btree_map("[ -~é\u{202e}\n]{1,8}", any_value(), 0..4),
        name in proptest::option::of(proptest::sample::select(vec!["a", "order placed", "x.y"])),
        timed in any::<bool>(),
    ) {
        let given: Vec<CommonField> = fields
            .iter()
            .map(|(name, value)| CommonField { name: name.clone(), key: text_of(&json!(name)), json: text_of(value) })
            .collect();
        let common = Common::new(Placement::InEachEvent, given, timed.then_some("\"@timestamp\""), "\"event.name\"", Names::for_queue(usize::MAX));
        let number = name.map_or(NameId::NONE, |name| common.names.number(name).unwrap());
        let text = text_of(&value);
        let whole = spliced(&common, &text, number);
        prop_assert_eq!(whole.len(), common.length(text.as_bytes(), number));
        prop_assert!(whole.len() <= text.len() + common.added_max() + common.added_by_name(name.unwrap_or_default()));

        let mut merged: Map<String, Value> = fields.into_iter().collect();
        merged.extend(name.map(|name| ("event.name".to_owned(), json!(name))));
        merged.extend(timed.then(|| ("@timestamp".to_owned(), json!("1970-01-01T00:00:01.500Z"))));
        let expected = match (merged.is_empty(), value) {
            (true, value) => value,
            (false, Value::Object(own)) => {
                merged.extend(own);
                Value::Object(merged)
            }
            (false, value) => {
                merged.insert("value".to_owned(), value);
                Value::Object(merged)
            }
        };
        prop_assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), expected);
        prop_assert!(!whole.contains(crate::encode::is_unprintable));
    }
}

#[test]
fn another_process_has_the_same_fields_and_has_seen_no_name() {
    let common = common(Placement::InEachEvent, &[("service.name", json!("orders"))], Some("\"at\""));
    let number = common.names.number("order_placed").unwrap();
    let again = common.again();
    assert_eq!((again.names.text(number), common.names.text(number)), ("", "order_placed"));
    assert_eq!(again.fields().json(), common.fields().json());
    assert_eq!((again.added_max(), again.names.bytes_max()), (common.added_max(), common.names.bytes_max()));
}
