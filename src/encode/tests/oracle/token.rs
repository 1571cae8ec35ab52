//! Values that call each method of a serializer and of a key serializer.

use super::*;
use serde::Serializer;
use serde::ser::{
    SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

/// A value that calls each method of a serializer.
#[derive(Debug, Clone)]
pub(super) enum Token {
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
pub(super) enum Key {
    Str(String),
    Char(char),
    Bool(bool),
    Int(u8, i128),
    F32(f32),
    F64(f64),
    Variant(usize),
    Newtype(Box<Key>),
    Some(Box<Key>),
    Displayed(String),
    Unit,
    None,
    Bytes,
    UnitStruct,
    NewtypeVariant,
    Seq,
    Map,
    Struct,
}

pub(super) const NAMES: [&str; 7] =
    ["id", "a_longer_name_of_a_field", "", "with \"quotes\"", "ключ", "li\nne", "\u{202e}"];

pub(super) fn int<S: Serializer>(serializer: S, width: u8, value: i128) -> Result<S::Ok, S::Error> {
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
            Key::Some(key) => serializer.serialize_some(key),
            Key::Unit => serializer.serialize_unit(),
            Key::None => serializer.serialize_none(),
            Key::Bytes => serializer.serialize_bytes(b"key"),
            Key::UnitStruct => serializer.serialize_unit_struct("key"),
            Key::NewtypeVariant => serializer.serialize_newtype_variant("E", 0, "key", &1),
            Key::Seq => serializer.collect_seq(["key"]),
            Key::Map => serializer.collect_map([("key", 1)]),
            Key::Struct => serializer.serialize_struct("key", 0)?.end(),
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
