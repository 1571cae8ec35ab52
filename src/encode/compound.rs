//! Arrays and objects: what stands between their elements, and whether they were ended.

use super::json::{Done, Json, Refusal};
use super::keys::FRAMED_BYTES;
use super::slot::Cut;
use super::text::{copy, is_plain, write_string};
use super::word::Word;
use serde::ser::{self, Error, Serialize};

/// An array or an object under way. Not ended, it leaves its depth behind, and [`Json::state`] tells.
pub(super) struct Compound<'j, 'e> {
    json: &'j mut Json<'e>,
    at: At,
    end: End,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    First,
    Later,
    /// The value of the key that was written.
    Value,
}

/// What ends it.
#[derive(Clone, Copy)]
enum End {
    Array,
    Object,
    ArrayInObject,
    ObjectInObject,
    /// Text that is written as it is, without brackets of ours.
    Raw,
}

impl<'j, 'e> Compound<'j, 'e> {
    pub(super) fn array(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: End::Array }
    }

    #[inline]
    pub(super) fn object(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: End::Object }
    }

    pub(super) fn array_variant(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: End::ArrayInObject }
    }

    pub(super) fn object_variant(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: End::ObjectInObject }
    }

    pub(super) fn raw(json: &'j mut Json<'e>) -> Self {
        Compound { json, at: At::First, end: End::Raw }
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

    fn key<T: ?Sized + Serialize>(&mut self, key: &T) -> Done {
        let comma = match self.at {
            At::First => &b""[..],
            At::Later => b",",
            At::Value => return self.out_of_turn(),
        };
        self.at = At::Value;
        self.json.step(|json| {
            json.slot.put(comma)?;
            key.serialize(Word::key(json))?;
            Ok(json.slot.put(b":")?)
        })
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

    /// A field of a struct: comma, key and colon in one go.
    #[inline]
    fn field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Done {
        if let End::Raw = self.end {
            return self.raw_field(value);
        }
        let comma = usize::from(self.at != At::First);
        self.at = At::Later;
        self.json.step(|json| {
            write_key(json, comma, key)?;
            value.serialize(json)
        })
    }

    /// The one field of raw JSON.
    #[cold]
    fn raw_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        if self.at != At::First {
            return self.json.step(|_| Err(Refusal::custom("raw JSON of two fields")));
        }
        self.at = At::Later;
        self.json.step(|json| value.serialize(Word::raw(json)))
    }

    #[inline]
    fn finish(self) -> Done {
        match (self.at, self.end) {
            (At::First, End::Raw) => Err(self.json.broken(Refusal::custom("raw JSON of no field"))),
            (At::Value, _) => Err(self.json.broken(Refusal::custom("a map that ends with a key"))),
            (_, End::Array) => self.json.close(1, b"]"),
            (_, End::Object) => self.json.close(1, b"}"),
            (_, End::ArrayInObject) => self.json.close(2, b"]}"),
            (_, End::ObjectInObject) => self.json.close(2, b"}}"),
            (_, End::Raw) => Ok(()),
        }
    }
}

/// `,"key":`.
#[inline]
fn write_key(json: &mut Json<'_>, comma: usize, key: &'static str) -> Result<(), Cut> {
    if let Some(ahead) = json.slot.ahead::<{ FRAMED_BYTES + 1 }>() {
        ahead[0] = b',';
        // Over the comma, if there is to be none.
        let framed = ahead[comma..].first_chunk_mut().and_then(|to| json.keys.write(key, to));
        if let Some(len) = framed {
            json.slot.advance(comma + len);
            return Ok(());
        }
    }
    write_new_key(json, comma, key)
}

/// One that is not kept, or stands near the end of the room.
fn write_new_key(json: &mut Json<'_>, comma: usize, key: &'static str) -> Result<(), Cut> {
    if is_plain(key.as_bytes()) {
        let room = json.slot.room(comma + key.len() + 3)?;
        room[0] = b',';
        room[comma] = b'"';
        copy(&mut room[comma + 1..comma + 1 + key.len()], key.as_bytes());
        room[comma + 1 + key.len()] = b'"';
        room[comma + 2 + key.len()] = b':';
        return Ok(());
    }
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

            #[inline]
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
