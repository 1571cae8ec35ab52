//! Compares our JSON with serde_json's: the same bytes for every value of serde's
//! data model, except for unprintable characters.

mod token;

use super::*;
use serde::Serializer;
use token::{Key, NAMES, Token};

fn any_text() -> impl Strategy<Value = String> {
    let characters = prop_oneof![3 => proptest::char::range(' ', '~'), 1 => hostile(), 1 => any::<char>()];
    let script = |first, last| proptest::collection::vec(proptest::char::range(first, last), 0..30);
    // Runs of one script, as in real text, and characters in random order.
    let runs = prop_oneof![
        proptest::collection::vec(characters, 0..40),
        script('a', 'z'),
        script('\u{a0}', '\u{17f}'),
        script('а', 'я'),
        script('\u{600}', '\u{6ff}'),
        script('\u{e00}', '\u{e5f}'),
        script('\u{1780}', '\u{17ff}'),
        script('\u{2000}', '\u{206f}'),
        script('\u{3000}', '\u{30ff}'),
        script('\u{3130}', '\u{318f}'),
        script('一', '龥'),
        script('\u{fe00}', '\u{ffff}'),
        script('\u{1f300}', '\u{1f6ff}'),
    ];
    proptest::collection::vec(runs, 0..5).prop_map(|runs| runs.into_iter().flatten().collect())
}

fn any_key() -> impl Strategy<Value = Key> {
    let plain = prop_oneof![
        any_text().prop_map(Key::Str),
        any::<char>().prop_map(Key::Char),
        any::<bool>().prop_map(Key::Bool),
        (any::<u8>(), any::<i128>()).prop_map(|(width, value)| Key::Int(width, value)),
        any::<f32>().prop_map(Key::F32),
        any::<f64>().prop_map(Key::F64),
        (0..NAMES.len()).prop_map(Key::Variant),
        any_text().prop_map(Key::Displayed),
    ];
    prop_oneof![
        30 => plain,
        1 => refused_keys(),
    ]
    .prop_recursive(3, 4, 1, |inner| {
        prop_oneof![
            4 => inner.clone(),
            1 => inner.clone().prop_map(|key| Key::Newtype(Box::new(key))),
            1 => inner.prop_map(|key| Key::Some(Box::new(key))),
        ]
    })
}

/// The keys that JSON cannot have.
const REFUSED: [Key; 8] =
    [Key::Unit, Key::None, Key::Bytes, Key::UnitStruct, Key::NewtypeVariant, Key::Seq, Key::Map, Key::Struct];

fn refused_keys() -> impl Strategy<Value = Key> {
    proptest::sample::select(REFUSED.to_vec())
}

fn any_token() -> impl Strategy<Value = Token> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Token::Bool),
        (any::<u8>(), any::<i128>()).prop_map(|(width, value)| Token::Int(width, value)),
        any::<f32>().prop_map(Token::F32),
        any::<f64>().prop_map(Token::F64),
        any::<char>().prop_map(Token::Char),
        any_text().prop_map(Token::Str),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Token::Bytes),
        any_text().prop_map(Token::Displayed),
        any::<u8>().prop_map(Token::Empty),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let named = (0..NAMES.len(), inner.clone());
        prop_oneof![
            (any::<u8>(), inner.clone()).prop_map(|(which, token)| Token::Wrapped(which, Box::new(token))),
            (any::<u8>(), proptest::collection::vec(inner.clone(), 0..6))
                .prop_map(|(which, tokens)| Token::Row(which, tokens)),
            (any::<u8>(), proptest::collection::vec(named, 0..6))
                .prop_map(|(which, fields)| Token::Fields(which, fields)),
            proptest::collection::vec((any_key(), inner), 0..6).prop_map(Token::Map),
        ]
    })
}

/// serde_json's text, with unprintable characters written as the equivalent `\uXXXX`.
fn oracle(value: &Token) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|text| escaped(&text))
}

fn escaped(json: &str) -> String {
    let mut text = String::new();
    for character in json.chars() {
        if is_unprintable(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// Every kind of key that serde offers, bare and wrapped: written or refused as serde_json does.
#[test]
fn a_key_of_any_kind_is_written_or_refused_like_serde_json_does() {
    let mut keys = vec![
        Key::Str("eu".to_owned()),
        Key::Str("\"\n\u{202e}ключ".to_owned()),
        Key::Char('x'),
        Key::Char('\u{fe0f}'),
        Key::Bool(true),
        Key::Bool(false),
        Key::F32(0.1),
        Key::F32(f32::NAN),
        Key::F64(-0.0),
        Key::F64(1e300),
        Key::F64(f64::INFINITY),
        Key::Displayed("displayed".to_owned()),
    ];
    keys.extend(REFUSED);
    keys.extend(
        (0..10).flat_map(|width| [0, 7, -1, i128::MIN, i128::MAX].map(|value| Key::Int(width, value))),
    );
    keys.extend((0..NAMES.len()).map(Key::Variant));
    let (some, newtype) = (|key| Key::Some(Box::new(key)), |key| Key::Newtype(Box::new(key)));
    let mut taken = 0;
    for key in keys {
        let wrapped = [
            key.clone(),
            some(key.clone()),
            newtype(key.clone()),
            some(newtype(key.clone())),
            newtype(some(key.clone())),
            some(some(some(key))),
        ];
        for key in wrapped {
            let map = Token::Map(vec![(key, Token::Empty(0))]);
            match (encode(&map, 1000), oracle(&map)) {
                ((Encoded::Whole, text), Ok(expected)) => {
                    assert_eq!(text, expected);
                    taken += 1;
                }
                ((Encoded::Failed(_), _), Err(_)) => {}
                (ours, theirs) => panic!("{map:?}: {ours:?} and {theirs:?}"),
            }
        }
    }
    assert!(taken > 300, "{taken}");
}

/// Names short enough for the compiler to frame, longer ones, and ones with escapes, including at the end
/// of the room. Only a name's text matters, not its address: several names here begin at the same address.
#[test]
fn a_name_of_any_length_and_text_is_written_as_it_reads() {
    struct Named(&'static str, usize);
    impl Serialize for Named {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("S", 2)?;
            fields.serialize_field("pad", &"x".repeat(self.1))?;
            fields.serialize_field(self.0, &1)?;
            fields.serialize_field(self.0, &2)?;
            fields.end()
        }
    }
    const NAME: &str = "a_name_that_is_longer_than_all_that_are_framed_at_once";
    const ODD: &str = "na\"me\\of\nтело\u{7f}\u{fe0f} and more of it, for the windows";
    let encoder = Encoder::new(1 << 10);
    for name in [NAME, ODD] {
        for end in (0..=name.len()).filter(|end| name.is_char_boundary(*end)) {
            for pad in [0, 150, 160, 165, 170, 175, 180, 185, 190, 195, 200, 205, 480] {
                let (mut event, named) = (Event::vacant(Stamp(0)), Named(&name[..end], pad));
                assert_eq!(encoder.encode(&named, &mut event), Encoded::Whole);
                let expected = escaped(&serde_json::to_string(&named).unwrap());
                assert_eq!(std::str::from_utf8(event.text()).unwrap(), expected);
            }
        }
    }
}

/// The pieces of the benches' corpora, and everything that stops a window.
const PIECES: [&str; 40] = [
    "order ",
    "ожидалось, ",
    "ещё ",
    "订单已付款",
    "，等待",
    "支払い済み",
    "キューが",
    "주문이 ",
    "🎉 ",
    "🚀🚀 ",
    "🔥💡",
    "❤\u{fe0f}",
    "✔\u{fe0f} ",
    "👩\u{200d}💻",
    "⚠\u{fe0f} took ",
    "say \"hell\" ",
    "path \\usr\\b ",
    "abcde\n",
    "a line of some text\n",
    "\r\n\t",
    "{\"id\":7,",
    "“quoted” – ",
    "wait… ",
    "l’été ",
    "größer ",
    "طلب ",
    "\u{600}\u{61c}",
    "คำสั่งซื้อ",
    "आदेश ",
    "ქარ",
    "Việt ",
    "\u{1160}\u{17b4}\u{180b}",
    "\u{34f}\u{85}\u{ad}",
    "\u{2800}├──",
    "\u{3164}\u{ffa0}ａ",
    "\u{e0041}\u{1d173}",
    "\0\u{1b}[31m\u{7f}",
    "x",
    "é",
    "漢",
];

/// Mixtures as long as the room and longer, starting at each position in it, so that the room ends inside every kind of piece.
fn mixtures_are_what_serde_json_writes() {
    let (mut random, encoder) = (0x9e37_79b9_7f4a_7c15_u64, Encoder::new(1 << 12));
    let mut below = |end: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33) as usize % end
    };
    for case in 0..30_000 {
        let mut text = String::new();
        for _ in 0..below(30) {
            // Repeats some of them: a run, as in real text.
            text += &PIECES[below(PIECES.len())].repeat(1 + below(4) * below(2));
        }
        let value = ("x".repeat(case % 230), text);
        let mut event = Event::vacant(Stamp(0));
        assert_eq!(encoder.encode(&value, &mut event), Encoded::Whole, "{value:?}");
        let expected = escaped(&serde_json::to_string(&value).unwrap());
        assert_eq!(std::str::from_utf8(event.text()).unwrap(), expected);
    }
}

#[test]
fn a_mixture_of_any_scripts_and_escapes_ends_and_is_what_serde_json_writes() {
    let (ended, watched) = std::sync::mpsc::channel();
    let mixtures = std::thread::spawn(move || {
        mixtures_are_what_serde_json_writes();
        ended.send(())
    });
    let waited = watched.recv_timeout(std::time::Duration::from_secs(120));
    assert_ne!(waited, Err(std::sync::mpsc::RecvTimeoutError::Timeout), "encoding does not end");
    mixtures.join().unwrap().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_byte_for_byte_what_serde_json_writes_except_unprintable_characters(token in any_token()) {
        match (encode(&token, 1 << 20), oracle(&token)) {
            ((Encoded::Whole, text), Ok(expected)) => prop_assert_eq!(text, expected),
            ((Encoded::Failed(_), _), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?} and {:?}", ours, theirs),
        }
    }

    #[test]
    fn a_string_of_any_length_with_one_odd_character_anywhere_is_what_serde_json_writes(
        length in 0_usize..70, at in 0_usize..70, odd in prop_oneof![hostile(), any::<char>()],
    ) {
        let mut text: Vec<char> = ('a'..='z').cycle().take(length).collect();
        text.insert(at.min(length), odd);
        let token = Token::Str(text.into_iter().collect());
        prop_assert_eq!(encode(&token, 1 << 20).1, oracle(&token).unwrap());
    }
}
