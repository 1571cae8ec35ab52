//! Writes JSON from serde's data model in serde_json's compact form, byte for byte except for unprintable characters.
//!
//! In: the calls of a `Serialize`. Out: text in a [`Slot`]. The serializer is our own
//! because most of an event is strings: serde_json checks each byte of them, and a second
//! pass would have to look for unprintable characters. serde_json writes the numbers.
//!
//! - JS1: if it is [`Sound`](Soundness::Sound) at the end, the text is one JSON value, whatever
//!   the `Serialize` did in between. An error that it ignores or a panic that it catches in an
//!   element, a key without a value, an array that it never ends: each is remembered, or shows in
//!   `depth` and `steps`. Text that claims to be JSON already (`RawValue`) is trusted.
//! - JS2: depth is bounded, for arrays and objects and for wrappers that write nothing (`Option`, newtypes).

use super::compound::Compound;
use super::raw::Raw;
use super::slot::{Slot, SlotFull};
use super::text::{write_contents, write_raw, write_string};
use crate::limits::{DEPTH_MAX, WRAPPERS_MAX};
use serde::ser::{self, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};
use std::fmt::{self, Display};

/// Why a value has no JSON.
#[derive(Debug)]
pub(super) struct Refusal(Box<RefusalCause>);

/// Boxed, so that the `Result` that each step returns is one word.
#[derive(Debug)]
enum RefusalCause {
    Cut,
    Deep,
    Key,
    Said(String),
}

impl Refusal {
    pub(super) fn key() -> Refusal {
        Refusal(Box::new(RefusalCause::Key))
    }

    pub(super) fn is_cut(&self) -> bool {
        matches!(*self.0, RefusalCause::Cut)
    }

    #[cold]
    fn deep() -> Refusal {
        Refusal(Box::new(RefusalCause::Deep))
    }
}

impl From<SlotFull> for Refusal {
    #[cold]
    fn from(SlotFull: SlotFull) -> Refusal {
        Refusal(Box::new(RefusalCause::Cut))
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            RefusalCause::Cut => f.write_str("longer than twice event_bytes_max"),
            RefusalCause::Deep => write!(
                f,
                "nested deeper than {DEPTH_MAX} arrays and objects, or {WRAPPERS_MAX} newtypes and Options"
            ),
            RefusalCause::Key => {
                f.write_str("a map key that is neither a string nor a number, nor wraps one")
            }
            RefusalCause::Said(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Refusal {}

impl ser::Error for Refusal {
    fn custom<T: Display>(said: T) -> Refusal {
        Refusal(Box::new(RefusalCause::Said(said.to_string())))
    }
}

pub(super) type Done = Result<(), Refusal>;

/// Whether something went wrong that the text does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Soundness {
    Sound,
    /// An element failed, and the `Serialize` may have ignored it.
    Broken,
    /// The text was cut, and the `Serialize` may have ignored it.
    Cut,
}

/// One value's serializer.
pub(super) struct Json<'e> {
    pub(super) slot: Slot<'e>,
    raw: Raw,
    depth: usize,
    wrappers: usize,
    /// Steps that have begun but not ended: unwinding through one leaves it half written.
    steps: usize,
    soundness: Soundness,
}

impl<'e> Json<'e> {
    pub(super) fn new(slot: Slot<'e>, raw: Raw) -> Json<'e> {
        Json { slot, raw, depth: 0, wrappers: 0, steps: 0, soundness: Soundness::Sound }
    }

    /// See JS1.
    pub(super) fn soundness(&self) -> Soundness {
        let unended = self.depth > 0 || self.steps > 0;
        if unended && self.soundness == Soundness::Sound { Soundness::Broken } else { self.soundness }
    }

    /// Writes a part of a larger value. If it fails or unwinds, it leaves half of the part behind.
    /// This is remembered, because the `Serialize` may ignore it.
    #[inline]
    pub(super) fn step(&mut self, step: impl FnOnce(&mut Json<'e>) -> Done) -> Done {
        self.steps += 1;
        step(self).map_err(|refusal| self.broken(refusal))?;
        self.steps -= 1;
        Ok(())
    }

    /// Remembers a failure as it propagates, in case the `Serialize` ignores it.
    #[cold]
    pub(super) fn broken(&mut self, refusal: Refusal) -> Refusal {
        self.soundness = if refusal.is_cut() || self.soundness == Soundness::Cut {
            Soundness::Cut
        } else {
            Soundness::Broken
        };
        refusal
    }

    /// Opens `levels` arrays and objects.
    #[inline]
    pub(super) fn open(&mut self, levels: usize, bracket: &[u8]) -> Done {
        self.depth += levels;
        if self.depth > DEPTH_MAX {
            return Err(self.broken(Refusal::deep()));
        }
        Ok(self.slot.put(bracket)?)
    }

    #[inline]
    pub(super) fn close(&mut self, levels: usize, bracket: &[u8]) -> Done {
        self.slot.put(bracket).map_err(|cut| self.broken(cut.into()))?;
        self.depth -= levels;
        Ok(())
    }

    /// Writes `{"variant":` and the bracket after it.
    fn open_variant(&mut self, variant: &str, bracket: &[u8]) -> Done {
        self.open(1, b"{")?;
        write_string(&mut self.slot, variant)?;
        Ok(self.slot.put(bracket)?)
    }

    /// Writes the value inside a wrapper, which writes nothing itself.
    #[inline]
    fn wrapped<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        self.enter_wrapper()?;
        value.serialize(&mut *self)?;
        self.leave_wrapper();
        Ok(())
    }

    #[inline]
    pub(super) fn enter_wrapper(&mut self) -> Done {
        self.wrappers += 1;
        if self.wrappers > WRAPPERS_MAX { Err(self.broken(Refusal::deep())) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn leave_wrapper(&mut self) {
        self.wrappers -= 1;
    }
}

/// Numbers, as serde_json writes them.
macro_rules! numbers {
    ($($method:ident $number:ty => $write:ident,)*) => {
        $(#[inline]
        fn $method(self, number: $number) -> Done {
            CompactFormatter.$write(&mut self.slot, number).map_err(|_| SlotFull.into())
        })*
    };
}

impl<'j, 'e> ser::Serializer for &'j mut Json<'e> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Compound<'j, 'e>;
    type SerializeTuple = Compound<'j, 'e>;
    type SerializeTupleStruct = Compound<'j, 'e>;
    type SerializeTupleVariant = Compound<'j, 'e>;
    type SerializeMap = Compound<'j, 'e>;
    type SerializeStruct = Compound<'j, 'e>;
    type SerializeStructVariant = Compound<'j, 'e>;

    numbers! {
        serialize_i8 i8 => write_i8,
        serialize_i16 i16 => write_i16,
        serialize_i32 i32 => write_i32,
        serialize_i64 i64 => write_i64,
        serialize_i128 i128 => write_i128,
        serialize_u8 u8 => write_u8,
        serialize_u16 u16 => write_u16,
        serialize_u32 u32 => write_u32,
        serialize_u64 u64 => write_u64,
        serialize_u128 u128 => write_u128,
    }

    #[inline]
    fn serialize_f32(self, number: f32) -> Done {
        match number.is_finite() {
            true => CompactFormatter.write_f32(&mut self.slot, number).map_err(|_| SlotFull.into()),
            false => self.serialize_unit(),
        }
    }

    #[inline]
    fn serialize_f64(self, number: f64) -> Done {
        match number.is_finite() {
            true => CompactFormatter.write_f64(&mut self.slot, number).map_err(|_| SlotFull.into()),
            false => self.serialize_unit(),
        }
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Done {
        Ok(self.slot.put(if value { b"true" } else { b"false" })?)
    }

    fn serialize_char(self, character: char) -> Done {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Done {
        Ok(write_string(&mut self.slot, text)?)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Done {
        self.collect_seq(bytes)
    }

    #[inline]
    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Done {
        self.wrapped(value)
    }

    #[inline]
    fn serialize_unit(self) -> Done {
        Ok(self.slot.put(b"null")?)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Done {
        self.wrapped(value)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.open_variant(variant, b":")?;
        value.serialize(&mut *self)?;
        self.close(1, b"}")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Refusal> {
        self.open(1, b"[")?;
        Ok(Compound::array(self))
    }

    fn serialize_tuple(self, elements: usize) -> Result<Self::SerializeTuple, Refusal> {
        self.serialize_seq(Some(elements))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        fields: usize,
    ) -> Result<Self::SerializeTupleStruct, Refusal> {
        self.serialize_seq(Some(fields))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Refusal> {
        self.open_variant(variant, b":")?;
        self.open(1, b"[")?;
        Ok(Compound::array_variant(self))
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refusal> {
        self.open(1, b"{")?;
        Ok(Compound::object(self))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, fields: usize) -> Result<Self::SerializeStruct, Refusal> {
        if self.raw.is_asked_for(name) {
            Ok(Compound::raw(self, name))
        } else {
            self.serialize_map(Some(fields))
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Refusal> {
        self.open_variant(variant, b":")?;
        self.open(1, b"{")?;
        Ok(Compound::object_variant(self))
    }

    fn collect_str<T: ?Sized + Display>(self, value: &T) -> Done {
        self.step(|json| {
            json.slot.put(b"\"")?;
            json.display(value, write_contents)?;
            Ok(json.slot.put(b"\"")?)
        })
    }
}

/// How the pieces of a `Display` are written.
type Write = for<'t> fn(&mut Slot<'_>, &'t str) -> Result<(), SlotFull>;

impl Json<'_> {
    /// Writes a `Display` that is JSON already.
    pub(super) fn collect_raw(&mut self, value: &(impl Display + ?Sized)) -> Done {
        self.step(|json| json.display(value, write_raw))
    }

    fn display(&mut self, value: &(impl Display + ?Sized), write: Write) -> Done {
        let mut displaying = Displaying { slot: &mut self.slot, write, cut: None };
        let ended = fmt::Write::write_fmt(&mut displaying, format_args!("{value}"));
        match (ended, displaying.cut) {
            (_, Some(cut)) => Err(cut.into()),
            (Err(fmt::Error), None) => Err(ser::Error::custom("its Display failed")),
            (Ok(()), None) => Ok(()),
        }
    }
}

/// Passes the pieces of a `Display` on to the JSON.
struct Displaying<'a, 'e> {
    slot: &'a mut Slot<'e>,
    write: Write,
    cut: Option<SlotFull>,
}

impl fmt::Write for Displaying<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.write)(self.slot, text).map_err(|cut| {
            self.cut = Some(cut);
            fmt::Error
        })
    }
}
