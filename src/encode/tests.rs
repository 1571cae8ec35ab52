use super::*;
use crate::clock::Stamp;
use crate::limits::DEPTH_MAX;
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct};
use std::collections::BTreeMap;

fn encode(value: &impl Serialize, event_bytes_max: usize) -> (Encoded, String) {
    let mut event = Event::vacant(Stamp(0));
    let ended = Encoder::new(event_bytes_max).encode(value, &mut event);
    (ended, String::from_utf8(event.text().to_vec()).unwrap())
}

#[test]
fn ordinary_events_are_byte_for_byte_what_serde_json_writes() {
    let value = serde_json::json!({"id": 7, "s": "grüße, 世界 🎉 \"quoted\\\" \n", "f": 1.5e-7, "n": null, "a": [1, {}]});
    assert_eq!(encode(&value, 1024), (Encoded::Whole, value.to_string()));
}

#[test]
fn nan_and_infinities_are_null_and_a_map_with_struct_keys_fails() {
    assert_eq!(encode(&[f64::NAN, f64::INFINITY], 1024).1, "[null,null]");
    let odd: BTreeMap<Vec<u8>, u8> = [(vec![1], 1)].into();
    assert!(matches!(encode(&odd, 1024).0, Encoded::Failed(_)));
}

#[test]
fn raw_json_is_copied_except_line_breaks_and_unprintable_characters() {
    let raw =
        serde_json::value::RawValue::from_string("{\"a\" :\n\t1.50, \"\u{2028}\": null}".to_owned()).unwrap();
    let expected = r#"[{"a" :  1.50, "\u2028": null},null]"#;
    assert_eq!(encode(&(raw, ()), 1024), (Encoded::Whole, expected.to_owned()));
}

/// These tests build serde_json with `raw_value` and without `arbitrary_precision`;
/// tests/fuzz covers the other combinations.
#[test]
fn a_struct_is_raw_json_if_serde_json_recognizes_its_name_and_an_object_if_not() {
    struct Named(&'static str);
    impl Serialize for Named {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct(self.0, 1)?;
            fields.serialize_field(self.0, &format_args!("{}.50", 1))?;
            fields.end()
        }
    }
    for (name, expected) in
        [(RAW, "1.50"), ("$serde_json::private::Number", r#"{"$serde_json::private::Number":"1.50"}"#)]
    {
        assert_eq!(encode(&Named(name), 100), (Encoded::Whole, expected.to_owned()));
        assert_eq!(serde_json::to_string(&Named(name)).unwrap(), expected);
    }
}

#[test]
fn text_with_escapes_that_fits_exactly_is_whole_and_a_byte_more_is_cut() {
    for (piece, written) in
        [("\n", 2), ("\u{1b}", 6), ("\u{fe0f}", 6), ("\u{e0041}", 12), ("ж", 2), ("漢", 3), ("🎉", 4)]
    {
        for pieces in 1..200 {
            let len = pieces * written + 2;
            let text = piece.repeat(pieces);
            assert_eq!(encode(&text, len).0, Encoded::Whole, "{piece:?} {pieces}");
            assert_eq!(encode(&text, len - 1).0, Encoded::Oversized, "{piece:?} {pieces}");
            assert_eq!(encode(&text, len.div_ceil(2)).0, Encoded::Oversized, "{piece:?} {pieces}");
            assert_eq!(encode(&text, len.div_ceil(2) - 1).0, Encoded::TooLong, "{piece:?} {pieces}");
        }
    }
}

#[test]
fn an_event_over_its_maximum_is_whole_up_to_twice_that_and_cut_beyond() {
    for (content, expected) in
        [(98, Encoded::Whole), (99, Encoded::Oversized), (198, Encoded::Oversized), (199, Encoded::TooLong)]
    {
        assert_eq!(encode(&"x".repeat(content), 100).0, expected, "{content}");
    }
}

struct Endless;
impl Serialize for Endless {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        loop {
            seq.serialize_element("for ever")?;
        }
    }
}

struct Stubborn;
impl Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        drop(seq.serialize_element(&"x".repeat(500)));
        drop(seq.serialize_element(&1));
        seq.end()
    }
}

#[test]
fn an_endless_value_is_cut_and_one_that_ignores_the_cut_does_not_pass_as_whole() {
    assert_eq!(encode(&Endless, 10_000).0, Encoded::TooLong);
    assert_eq!(encode(&Stubborn, 100).0, Encoded::TooLong);
}

#[derive(Serialize)]
struct Deep(Option<Box<[Deep]>>);

#[test]
fn a_value_nested_a_million_deep_fails_without_overflowing_the_stack() {
    let mut deep = Deep(None);
    for _ in 0..1_000_000 {
        deep = Deep(Some(Box::new([deep])));
    }
    assert!(matches!(encode(&deep, 1 << 20).0, Encoded::Failed(text) if text.contains("nested")));
    // Dropping it would recurse just as deep.
    std::mem::forget(deep);
}

#[derive(Serialize)]
struct Wrapped(Option<Box<Wrapped>>);

#[test]
fn a_value_wrapped_a_million_times_without_a_bracket_fails_as_well() {
    let mut wrapped = Wrapped(None);
    for _ in 0..1_000_000 {
        wrapped = Wrapped(Some(Box::new(wrapped)));
    }
    assert!(matches!(encode(&wrapped, 1 << 20).0, Encoded::Failed(text) if text.contains("nested")));
    std::mem::forget(wrapped);
}

struct KeyChain(usize);
impl Serialize for KeyChain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_str("key"),
            more => serializer.serialize_newtype_struct("K", &KeyChain(more - 1)),
        }
    }
}

#[test]
fn a_key_wrapped_a_million_times_fails_as_well() {
    struct Map(usize);
    impl Serialize for Map {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(KeyChain(self.0), 1)])
        }
    }
    assert_eq!(encode(&Map(100), 100), (Encoded::Whole, r#"{"key":1}"#.to_owned()));
    assert!(matches!(encode(&Map(1_000_000), 100).0, Encoded::Failed(text) if text.contains("nested")));
}

/// Ways to leave a value half written and still return `Ok`.
enum Careless {
    PassesOverAnError,
    PassesOverADepth,
    NeverEndsAnArray,
    EndsWithAKey,
    GivesAValueWithoutAKey,
    GivesTwoKeys,
    CatchesAPanicInAnElement,
    CatchesAPanicInAField,
    CatchesAPanicInADisplay,
    IsRawWithoutAField,
    IsRawTwice,
    IsRawUnderAnotherName,
    IsRawButANumber,
    IsRawButACharacter,
    IsRawButWrapped,
}

const RAW: &str = "$serde_json::private::RawValue";

fn raw<S: serde::Serializer>(serializer: S, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct(RAW, 1)?;
    fields.serialize_field(RAW, value)?;
    fields.end()
}

struct PanicsInTheMiddle;
impl std::fmt::Display for PanicsInTheMiddle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("half")?;
        panic!("of a text")
    }
}

struct Displayed;
impl Serialize for Displayed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&PanicsInTheMiddle)
    }
}

struct Fails;
impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("half", "a")?;
        Err(serde::ser::Error::custom("on purpose"))
    }
}

impl Serialize for Careless {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Careless::PassesOverAnError => {
                let mut seq = serializer.serialize_seq(None)?;
                drop(seq.serialize_element(&Fails));
                seq.end()
            }
            Careless::PassesOverADepth => {
                let mut seq = serializer.serialize_seq(None)?;
                let mut deep = Deep(None);
                (0..200)
                    .for_each(|_| deep = Deep(Some(Box::new([std::mem::replace(&mut deep, Deep(None))]))));
                drop(seq.serialize_element(&deep));
                seq.end()
            }
            Careless::NeverEndsAnArray => {
                struct Unended;
                impl Serialize for Unended {
                    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                        // The only way to an `Ok` without an `end` would be a second serializer,
                        // and there is none. So it panics, and the outer value contains the panic.
                        drop(serializer.serialize_seq(None)?);
                        panic!("unended")
                    }
                }
                let mut seq = serializer.serialize_seq(None)?;
                drop(contain(|| seq.serialize_element(&Unended)));
                seq.end()
            }
            Careless::EndsWithAKey => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_key("key")?;
                map.end()
            }
            Careless::GivesAValueWithoutAKey => {
                let mut map = serializer.serialize_map(None)?;
                drop(map.serialize_value(&1));
                map.end()
            }
            Careless::CatchesAPanicInAnElement => {
                let mut seq = serializer.serialize_seq(None)?;
                drop(contain(|| seq.serialize_element(&Panics)));
                seq.serialize_element(&1)?;
                seq.end()
            }
            Careless::CatchesAPanicInAField => {
                let mut fields = serializer.serialize_struct("S", 1)?;
                drop(contain(|| fields.serialize_field("a", &Panics)));
                fields.end()
            }
            Careless::CatchesAPanicInADisplay => {
                let mut seq = serializer.serialize_seq(None)?;
                drop(contain(|| seq.serialize_element(&Displayed)));
                seq.end()
            }
            Careless::IsRawWithoutAField => serializer.serialize_struct(RAW, 0)?.end(),
            Careless::IsRawTwice => {
                let mut fields = serializer.serialize_struct(RAW, 2)?;
                fields.serialize_field(RAW, "1")?;
                drop(fields.serialize_field(RAW, "2"));
                fields.end()
            }
            Careless::IsRawUnderAnotherName => {
                let mut fields = serializer.serialize_struct(RAW, 1)?;
                fields.serialize_field("other", "1")?;
                fields.end()
            }
            Careless::IsRawButANumber => raw(serializer, &1),
            Careless::IsRawButACharacter => raw(serializer, &'1'),
            Careless::IsRawButWrapped => raw(serializer, &Some("1")),
            Careless::GivesTwoKeys => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_key("one")?;
                drop(map.serialize_key("two"));
                map.serialize_value(&2)?;
                map.end()
            }
        }
    }
}

#[test]
fn a_careless_serialize_is_failed_and_never_half_a_json() {
    for careless in [
        Careless::PassesOverAnError,
        Careless::PassesOverADepth,
        Careless::NeverEndsAnArray,
        Careless::EndsWithAKey,
        Careless::GivesAValueWithoutAKey,
        Careless::GivesTwoKeys,
        Careless::CatchesAPanicInAnElement,
        Careless::CatchesAPanicInAField,
        Careless::CatchesAPanicInADisplay,
        Careless::IsRawWithoutAField,
        Careless::IsRawTwice,
        Careless::IsRawUnderAnotherName,
        Careless::IsRawButANumber,
        Careless::IsRawButACharacter,
        Careless::IsRawButWrapped,
    ] {
        let (ended, text) = encode(&careless, 10_000);
        assert!(matches!(ended, Encoded::Failed(_)), "{ended:?}: {text}");
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    Innermost(u8),
    Deeper(Box<Untagged>),
}

#[test]
fn levels_that_serde_does_not_report_do_not_count_towards_the_depth() {
    let mut untagged = Untagged::Innermost(7);
    for _ in 0..10 * DEPTH_MAX {
        untagged = Untagged::Deeper(Box::new(untagged));
    }
    assert_eq!(encode(&untagged, 100), (Encoded::Whole, "7".to_owned()));
}

struct Panics;
impl Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in the field \u{1b}[31m")
    }
}

#[test]
fn a_panic_in_serialize_is_contained() {
    assert!(matches!(encode(&Panics, 100).0, Encoded::Failed(text) if text.contains("in the field")));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        proptest::collection::vec(any::<char>(), 0..40)
            .prop_map(|chars| chars.into_iter().collect::<String>().into()),
        proptest::collection::vec(hostile(), 0..8)
            .prop_map(|chars| chars.into_iter().collect::<String>().into()),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::btree_map(".*", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn hostile() -> impl Strategy<Value = char> {
    proptest::sample::select(vec![
        '\n',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        '\u{9b}',
        '\u{2028}',
        '\u{202e}',
        '\0',
        '"',
        '\\',
        '\u{e0041}',
        'é',
        'ж',
        '漢',
        '🎉',
        '\u{fe0f}',
        '\u{180b}',
        '\u{34f}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{115f}',
        '\u{17b4}',
        '\u{2800}',
    ])
}

proptest! {
    #[test]
    fn any_value_reads_back_equal_and_is_one_line_of_printable_text(value in any_json()) {
        let (ended, text) = encode(&value, 1 << 20);
        prop_assert_eq!(ended, Encoded::Whole);
        prop_assert!(!text.chars().any(is_unprintable), "{}", text.escape_debug());
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(read, expected);
    }
}

mod oracle;
