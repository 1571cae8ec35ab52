//! Our JSON beside serde_json's: the same bytes for every value of serde's data model, but for what is not printable.

use super::*;
use serde::Serializer;
use serde::ser::{
    SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

/// A value that asks for each method of a serializer.
#[derive(Debug, Clone)]
enum Token {
    Bool(bool),
    Int(u8, i128),
    F32(f32),
    F64(f64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    Displayed(String),
    Empty(u8),
    Wrapped(u8, Box<Token>),
    Row(u8, Vec<Token>),
    Fields(u8, Vec<(usize, Token)>),
    Map(Vec<(Key, Token)>),
}

#[derive(Debug, Clone)]
enum Key {
    Str(String),
    Char(char),
    Bool(bool),
    Int(u8, i128),
    F32(f32),
    F64(f64),
    Variant(usize),
    Newtype(Box<Key>),
    Displayed(String),
    Unit,
}

const NAMES: [&str; 7] =
    ["id", "a_longer_name_of_a_field", "", "with \"quotes\"", "ключ", "li\nne", "\u{202e}"];

fn int<S: Serializer>(serializer: S, width: u8, value: i128) -> Result<S::Ok, S::Error> {
    match width % 10 {
        0 => serializer.serialize_i8(value as i8),
        1 => serializer.serialize_i16(value as i16),
        2 => serializer.serialize_i32(value as i32),
        3 => serializer.serialize_i64(value as i64),
        4 => serializer.serialize_i128(value),
        5 => serializer.serialize_u8(value as u8),
        6 => serializer.serialize_u16(value as u16),
        7 => serializer.serialize_u32(value as u32),
        8 => serializer.serialize_u64(value as u64),
        _ => serializer.serialize_u128(value as u128),
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Key::Str(text) => serializer.serialize_str(text),
            Key::Char(character) => serializer.serialize_char(*character),
            Key::Bool(value) => serializer.serialize_bool(*value),
            Key::Int(width, value) => int(serializer, *width, *value),
            Key::F32(value) => serializer.serialize_f32(*value),
            Key::F64(value) => serializer.serialize_f64(*value),
            Key::Variant(name) => serializer.serialize_unit_variant("E", 0, NAMES[*name]),
            Key::Newtype(key) => serializer.serialize_newtype_struct("N", key),
            Key::Displayed(text) => serializer.collect_str(text),
            Key::Unit => serializer.serialize_unit(),
        }
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Token::Bool(value) => serializer.serialize_bool(*value),
            Token::Int(width, value) => int(serializer, *width, *value),
            Token::F32(value) => serializer.serialize_f32(*value),
            Token::F64(value) => serializer.serialize_f64(*value),
            Token::Char(character) => serializer.serialize_char(*character),
            Token::Str(text) => serializer.serialize_str(text),
            Token::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Token::Displayed(text) => serializer.collect_str(text),
            Token::Empty(which) => match which % 4 {
                0 => serializer.serialize_none(),
                1 => serializer.serialize_unit(),
                2 => serializer.serialize_unit_struct("U"),
                _ => serializer.serialize_unit_variant("E", 1, NAMES[*which as usize % NAMES.len()]),
            },
            Token::Wrapped(which, token) => match which % 3 {
                0 => serializer.serialize_some(token),
                1 => serializer.serialize_newtype_struct("N", token),
                _ => {
                    let name = NAMES[*which as usize % NAMES.len()];
                    serializer.serialize_newtype_variant("E", 2, name, token)
                }
            },
            Token::Row(which, tokens) => match which % 4 {
                0 => serializer.collect_seq(tokens),
                1 => {
                    let mut row = serializer.serialize_tuple(tokens.len())?;
                    tokens.iter().try_for_each(|token| row.serialize_element(token))?;
                    row.end()
                }
                2 => {
                    let mut row = serializer.serialize_tuple_struct("T", tokens.len())?;
                    tokens.iter().try_for_each(|token| row.serialize_field(token))?;
                    row.end()
                }
                _ => {
                    let name = NAMES[*which as usize % NAMES.len()];
                    let mut row = serializer.serialize_tuple_variant("E", 3, name, tokens.len())?;
                    tokens.iter().try_for_each(|token| row.serialize_field(token))?;
                    row.end()
                }
            },
            Token::Fields(which, fields) => match which % 2 {
                0 => {
                    let mut row = serializer.serialize_struct("S", fields.len())?;
                    fields.iter().try_for_each(|(name, token)| row.serialize_field(NAMES[*name], token))?;
                    row.end()
                }
                _ => {
                    let name = NAMES[*which as usize % NAMES.len()];
                    let mut row = serializer.serialize_struct_variant("E", 4, name, fields.len())?;
                    fields.iter().try_for_each(|(name, token)| row.serialize_field(NAMES[*name], token))?;
                    row.end()
                }
            },
            Token::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let characters = prop_oneof![3 => proptest::char::range(' ', '~'), 1 => hostile(), 1 => any::<char>()];
    proptest::collection::vec(characters, 0..40).prop_map(|characters| characters.into_iter().collect())
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
        30 => plain.clone(),
        5 => plain.prop_map(|key| Key::Newtype(Box::new(key))),
        1 => Just(Key::Unit),
    ]
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

/// serde_json's text, with what is not printable written as the `\uXXXX` that means the same.
fn oracle(value: &Token) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for character in serde_json::to_string(value)?.chars() {
        if is_unprintable(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    Ok(text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_byte_for_byte_what_serde_json_writes_but_for_what_is_not_printable(token in any_token()) {
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
