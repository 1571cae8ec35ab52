use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// JSON texts with brackets, commas, quotes and backslashes in the worst places.
fn any_text() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[\\[\\]{},\":\\\\ ]{0,12}",
        proptest::collection::vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        string.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((string.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
    .prop_map(|value| value.to_string())
}

/// The room for events in a line of the default length.
const ESCAPED_BYTES_MAX: usize = crate::limits::SPILL_LINE_BYTES - crate::limits::SPILL_FRAME_BYTES;

/// The longest form in which a formatter may write the text.
fn escaped(text: &str) -> usize {
    let json = serde_json::to_string(text).unwrap().len() - 2;
    json.max(format!("{text:?}").len() - 2)
}

/// Packs as many of the texts as fit; returns how many, and the array.
fn pack(texts: &[String]) -> (u32, String) {
    let mut pack = Pack::new(ESCAPED_BYTES_MAX, Arc::default());
    let events = texts.iter().take_while(|text| pack.add(text.as_bytes()) == PackFit::Yes).count();
    (events as u32, String::from_utf8(pack.close().to_vec()).unwrap())
}

proptest! {
    #[test]
    fn packed_texts_unpack_unchanged(texts in proptest::collection::vec(any_text(), 1..12)) {
        let (events, array) = pack(&texts);
        prop_assert_eq!(events as usize, texts.len());
        prop_assert_eq!(unpack(&array, events), Some(texts.iter().map(String::as_str).collect()));
        prop_assert_eq!(unpack(&array, events + 1), None);
        prop_assert_eq!(unpack(&array, events - 1), None);
        let read: Vec<Value> = serde_json::from_str(&array).unwrap();
        prop_assert_eq!(read.len(), texts.len());
    }

    #[test]
    fn any_text_unpacks_into_its_parts_or_not_at_all(text in "\\[?[\\[\\]{},\"\\\\a世 ]{0,24}\\]?", events in 0_u32..6) {
        if let Some(texts) = unpack(&text, events) {
            prop_assert_eq!(texts.len() as u32, events);
            prop_assert_eq!(format!("[{}]", texts.join(",")), text);
        }
    }

    #[test]
    fn a_pack_leaves_room_for_less_than_one_event_and_fits_one_record_in_any_escaping(
        piece in prop_oneof![Just("\\\""), Just("a"), Just("世"), Just("e\u{301}"), Just("\u{10fffd}")],
        repeats in proptest::collection::vec(0_usize..400, 60),
    ) {
        let texts: Vec<String> = repeats.iter().map(|&times| format!("\"{}\"", piece.repeat(times))).collect();
        let (events, array) = pack(&texts);
        prop_assert!(escaped(&array) <= ESCAPED_BYTES_MAX);
        if let Some(next) = texts.get(events as usize) {
            let longer = format!("{},{next}]", &array[..array.len() - 1]);
            prop_assert!(escaped(&longer) + 20 > ESCAPED_BYTES_MAX);
        }
    }
}

#[test]
fn an_event_longer_than_a_record_has_no_room_in_a_pack() {
    let mut pack = Pack::new(ESCAPED_BYTES_MAX, Arc::default());
    assert_eq!(pack.add(&[b'7'; ESCAPED_BYTES_MAX - 1]), PackFit::NoRoom);
    assert_eq!(pack.add(&[b'"'; ESCAPED_BYTES_MAX / 2]), PackFit::NoRoom);
    assert_eq!(pack.add(&[b'7'; ESCAPED_BYTES_MAX - 2]), PackFit::Yes);
    assert_eq!(pack.close().len(), ESCAPED_BYTES_MAX);
}
