//! Arrays and objects: the separators between their elements, and whether each was ended.

use super::json::{Done, Json, Refusal};
use super::slot::SlotFull;
use super::text::{unplain, write_string};
use super::word::Word;
use serde::ser::{self, Error, Serialize};

/// An open array or object. If it is never ended, its depth remains, and [`Json::soundness`] reports that.
pub(super) struct Compound<'j, 'e> {
    json: &'j mut Json<'e>,
    at: At,
    end: CompoundEnd,
}

/// What is written next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    First,
    Later,
    /// The value of the key that was just written.
    Value,
}

/// How the array or object ends.
#[derive(Clone, Copy)]
enum CompoundEnd {
    Array,
    Object,
    ArrayInObject,
    ObjectInObject,
    /// Text that is copied without brackets; holds the name of its field.
    Raw(&'static str),
}

impl<'j, 'e> Compound<'j, 'e> {
    pub(super) fn array(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: CompoundEnd::Array }
    }

    #[inline]
    pub(super) fn object(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: CompoundEnd::Object }
    }

    pub(super) fn array_variant(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: CompoundEnd::ArrayInObject }
    }

    pub(super) fn object_variant(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: CompoundEnd::ObjectInObject }
    }

    /// Raw JSON. `name` is the name of the struct and of its only field.
    pub(super) fn raw(json: &'j mut Json<'e>, name: &'static str) -> Self {
        Compound { json, at: At::First, end: CompoundEnd::Raw(name) }
    }

    #[inline]
    fn element<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        let comma = if self.at == At::First { &b""[..] } else { b"," };
        self.at = At::Later;
        self.json.step(|json| {
            json.slot.put(comma)?;
            value.serialize(json)
        })
    }

    #[inline]
    fn key<T: ?Sized + Serialize>(&mut self, key: &T) -> Done {
        let comma = match self.at {
            At::First => 0,
            At::Later => 1,
            At::Value => return self.out_of_turn(),
        };
        self.at = At::Value;
        self.json.step(|json| key.serialize(Word::key(json, comma)))
    }

    #[inline]
    fn value<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        if self.at != At::Value {
            return self.out_of_turn();
        }
        self.at = At::Later;
        self.json.step(|json| value.serialize(json))
    }

    #[cold]
    fn out_of_turn(&mut self) -> Done {
        self.json.step(|_| Err(Refusal::custom("a map whose keys and values do not take turns")))
    }

    /// A field of a struct: comma, key and colon in one step. Always inline, because the compiler
    /// then knows the name and reduces its check and its frame to a few constants.
    #[inline(always)]
    fn field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Done {
        if let CompoundEnd::Raw(name) = self.end {
            return self.raw_field(name == key, value);
        }
        let comma = usize::from(self.at != At::First);
        self.at = At::Later;
        // Outside the step: no user code runs here, so nothing unwinds.
        write_key(self.json, comma, key).map_err(|cut| self.json.broken(cut.into()))?;
        self.json.step(|json| value.serialize(json))
    }

    /// The only field of raw JSON. serde_json would accept none, or several, and would then write invalid JSON.
    #[cold]
    fn raw_field<T: ?Sized + Serialize>(&mut self, is_its_name: bool, value: &T) -> Done {
        if self.at != At::First || !is_its_name {
            return self.json.step(|_| Err(Refusal::custom("raw JSON of two fields, or of another")));
        }
        self.at = At::Later;
        self.json.step(|json| value.serialize(Word::raw(json)))
    }

    #[inline]
    fn finish(self) -> Done {
        match (self.at, self.end) {
            (At::First, CompoundEnd::Raw(_)) => {
                Err(self.json.broken(Refusal::custom("raw JSON of no field")))
            }
            (At::Value, _) => Err(self.json.broken(Refusal::custom("a map that ends with a key"))),
            (_, CompoundEnd::Array) => self.json.close(1, b"]"),
            (_, CompoundEnd::Object) => self.json.close(1, b"}"),
            (_, CompoundEnd::ArrayInObject) => self.json.close(2, b"]}"),
            (_, CompoundEnd::ObjectInObject) => self.json.close(2, b"}}"),
            (_, CompoundEnd::Raw(_)) => Ok(()),
        }
    }
}

/// Writes `,"key":`. Names are short and usually known to the compiler, which then checks and frames them itself.
#[inline(always)]
pub(super) fn write_key(json: &mut Json<'_>, comma: usize, key: &str) -> Result<(), SlotFull> {
    if let Some(ahead) = json.slot.ahead::<NAME_ROOM>() {
        if frame(ahead, comma, key.as_bytes()) {
            json.slot.advance(comma + key.len() + 3);
            return Ok(());
        }
    }
    write_long_key(json, comma, key)
}

const NAME_BYTES_MAX: usize = 24;
/// The length of a framed name with its comma.
const NAME_ROOM: usize = NAME_BYTES_MAX + 4;

/// Writes a plain name in its frame. If `comma` is 0, the quote overwrites the comma. Returns `false` if the name is long or has escapes:
/// the bytes written then do not count as text.
#[inline(always)]
fn frame(to: &mut [u8; NAME_ROOM], comma: usize, name: &[u8]) -> bool {
    let len = name.len();
    if len > NAME_BYTES_MAX || comma > 1 {
        return false;
    }
    to[0] = b',';
    to[comma] = b'"';
    let room = &mut to[comma + 1..];
    let found = match len {
        17.. => word::<8>(room, name, 0) | word::<8>(room, name, 8) | word::<8>(room, name, len - 8),
        8.. => word::<8>(room, name, 0) | word::<8>(room, name, len - 8),
        4.. => word::<4>(room, name, 0) | word::<4>(room, name, len - 4),
        2.. => word::<2>(room, name, 0) | word::<2>(room, name, len - 2),
        1 => word::<1>(room, name, 0),
        0 => 0,
    };
    room[len] = b'"';
    room[len + 1] = b':';
    found == 0
}

/// Copies `N` bytes; returns whether one of them is not plain.
#[inline(always)]
fn word<const N: usize>(to: &mut [u8], from: &[u8], at: usize) -> u64 {
    let mut word = [b' '; 8];
    word[..N].copy_from_slice(&from[at..at + N]);
    to[at..at + N].copy_from_slice(&word[..N]);
    unplain(u64::from_le_bytes(word))
}

/// Writes a name that is long, has escapes, or is near the end of the room.
#[inline(never)]
fn write_long_key(json: &mut Json<'_>, comma: usize, key: &str) -> Result<(), SlotFull> {
    json.slot.put(&b","[..comma])?;
    write_string(&mut json.slot, key)?;
    json.slot.put(b":")
}

macro_rules! elements {
    ($($which:ident :: $method:ident),*) => {
        $(impl ser::$which for Compound<'_, '_> {
            type Ok = ();
            type Error = Refusal;

            #[inline]
            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Done {
                self.finish()
            }
        })*
    };
}

macro_rules! fields {
    ($($which:ident),*) => {
        $(impl ser::$which for Compound<'_, '_> {
            type Ok = ();
            type Error = Refusal;

            #[inline(always)]
            fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Done {
                self.field(key, value)
            }

            #[inline]
            fn end(self) -> Done {
                self.finish()
            }
        })*
    };
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);
fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Refusal;

    #[inline]
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Done {
        self.key(key)
    }

    #[inline]
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        self.value(value)
    }

    #[inline]
    fn end(self) -> Done {
        self.finish()
    }
}
