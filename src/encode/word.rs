//! A single word where JSON allows nothing else: a map's key, in quotes, or text that is JSON already, unchanged.

use super::compound::write_key;
use super::json::{Done, Json, Refusal};
use super::slot::Slot;
use super::text::write_raw;
use serde::ser::{self, Error, Impossible, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};
use std::fmt::Display;
use std::io;

/// The serializer of a word.
pub(super) struct Word<'j, 'e> {
    json: &'j mut Json<'e>,
    kind: WordKind,
}

#[derive(Clone, Copy)]
enum WordKind {
    /// With `comma` commas (0 or 1) in front, and a colon after it.
    Key(usize),
    Raw,
}

impl<'j, 'e> Word<'j, 'e> {
    pub(super) fn key(json: &'j mut Json<'e>, comma: usize) -> Self {
        Word { json, kind: WordKind::Key(comma) }
    }

    pub(super) fn raw(json: &'j mut Json<'e>) -> Self {
        Word { json, kind: WordKind::Raw }
    }

    /// Writes a number as a key, in quotes.
    fn quoted(self, write: impl FnOnce(&mut Slot<'e>) -> io::Result<()>) -> Done {
        match self.kind {
            WordKind::Raw => self.refused(),
            WordKind::Key(comma) => {
                self.json.slot.put(&b",\""[1 - comma..])?;
                write(&mut self.json.slot).map_err(|_| super::slot::SlotFull)?;
                Ok(self.json.slot.put(b"\":")?)
            }
        }
    }

    /// serde_json accepts raw JSON only from strings, but keys also from wrappers of a string.
    fn only_key(self) -> Result<Self, Refusal> {
        match self.kind {
            WordKind::Key(_) => Ok(self),
            WordKind::Raw => self.refused(),
        }
    }

    fn wrapped<T: ?Sized + Serialize>(self, value: &T) -> Done {
        self.json.enter_wrapper()?;
        value.serialize(Word { json: &mut *self.json, kind: self.kind })?;
        self.json.leave_wrapper();
        Ok(())
    }

    fn refused<T>(self) -> Result<T, Refusal> {
        Err(match self.kind {
            WordKind::Key(_) => Refusal::key(),
            WordKind::Raw => Refusal::custom("raw JSON that is not a string"),
        })
    }
}

macro_rules! numbers {
    ($($method:ident($number:ty) $write:ident;)*) => {
        $(fn $method(self, number: $number) -> Done {
            self.quoted(|slot| CompactFormatter.$write(slot, number))
        })*
    };
}

macro_rules! refused {
    ($($method:ident($($argument:ty),*) -> $returned:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$returned, Refusal> {
            self.refused()
        })*
    };
}

impl ser::Serializer for Word<'_, '_> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Impossible<(), Refusal>;
    type SerializeTuple = Impossible<(), Refusal>;
    type SerializeTupleStruct = Impossible<(), Refusal>;
    type SerializeTupleVariant = Impossible<(), Refusal>;
    type SerializeMap = Impossible<(), Refusal>;
    type SerializeStruct = Impossible<(), Refusal>;
    type SerializeStructVariant = Impossible<(), Refusal>;

    fn serialize_str(self, text: &str) -> Done {
        match self.kind {
            WordKind::Key(comma) => write_key(self.json, comma, text)?,
            WordKind::Raw => write_raw(&mut self.json.slot, text)?,
        }
        Ok(())
    }

    fn serialize_char(self, character: char) -> Done {
        self.only_key()?.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.only_key()?.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Done {
        self.only_key()?.wrapped(value)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Done {
        self.only_key()?.wrapped(value)
    }

    fn collect_str<T: ?Sized + Display>(self, value: &T) -> Done {
        match self.kind {
            WordKind::Key(comma) => {
                self.json.slot.put(&b","[..comma])?;
                self.json.collect_str(value)?;
                Ok(self.json.slot.put(b":")?)
            }
            WordKind::Raw => self.json.collect_raw(value),
        }
    }

    numbers! {
        serialize_bool(bool) write_bool;
        serialize_i8(i8) write_i8;
        serialize_i16(i16) write_i16;
        serialize_i32(i32) write_i32;
        serialize_i64(i64) write_i64;
        serialize_i128(i128) write_i128;
        serialize_u8(u8) write_u8;
        serialize_u16(u16) write_u16;
        serialize_u32(u32) write_u32;
        serialize_u64(u64) write_u64;
        serialize_u128(u128) write_u128;
    }

    fn serialize_f32(self, number: f32) -> Done {
        if number.is_finite() {
            self.quoted(|slot| CompactFormatter.write_f32(slot, number))
        } else {
            self.refused()
        }
    }

    fn serialize_f64(self, number: f64) -> Done {
        if number.is_finite() {
            self.quoted(|slot| CompactFormatter.write_f64(slot, number))
        } else {
            self.refused()
        }
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Done {
        self.refused()
    }

    refused! {
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
