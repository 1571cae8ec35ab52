//! The pprof format, read as a stream: bytes in, parts out, with each stack kept in a tree.
//!
//! The messages are those of `profile.proto`; `src/ext/wire.rs` has them all. Decoded at once,
//! a profile takes several times its length in memory, mostly for stacks that share their
//! callers: so samples go into the tree one by one. The parts of the format may come in any
//! order, and samples come before the names of what they count: all their values are kept.
//!
//! PF1: reading ends with parts or an error, whatever the bytes are.
//! PF2: if a text is not UTF-8, its invalid bytes are replaced.

use super::error::ProfileError;
use super::parts::{ProfileLocation, ProfileMapping, ProfileParts};
use super::source::Unpacked;

/// A field of a message.
enum MessageField<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of fixed width: the format does not use any.
    Other,
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (nth, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * nth);
        if byte & 0x80 == 0 {
            *bytes = &bytes[nth + 1..];
            return Some(value);
        }
    }
    None
}

fn split<'a>(bytes: &mut &'a [u8], count: u64) -> Option<&'a [u8]> {
    let (front, back) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
    *bytes = back;
    Some(front)
}

/// The fields of a message, one after the other; `None` if it is not a message.
fn fields<'a>(mut bytes: &'a [u8], mut tell: impl FnMut(u64, MessageField<'a>) -> Option<()>) -> Option<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => MessageField::Number(varint(&mut bytes)?),
            1 => split(&mut bytes, 8).map(|_| MessageField::Other)?,
            2 => {
                let count = varint(&mut bytes)?;
                MessageField::Bytes(split(&mut bytes, count)?)
            }
            5 => split(&mut bytes, 4).map(|_| MessageField::Other)?,
            _ => return None,
        };
        tell(key >> 3, field)?;
    }
    Some(())
}

/// A message whose fields are all numbers, as far as they are read.
fn numbers<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let mut all = [0; N];
    fields(bytes, |tag, field| {
        if let (MessageField::Number(number), Some(place)) = (field, all.get_mut(tag as usize)) {
            *place = number;
        }
        Some(())
    })?;
    Some(all)
}

/// Numbers, packed or one per field.
fn each(field: MessageField<'_>, mut tell: impl FnMut(u64)) -> Option<()> {
    match field {
        MessageField::Number(number) => tell(number),
        MessageField::Bytes(mut bytes) => {
            while !bytes.is_empty() {
                tell(varint(&mut bytes)?);
            }
        }
        MessageField::Other => {}
    }
    Some(())
}

/// Reads a profile's parts.
pub(super) fn read(mut input: Unpacked<'_>) -> Result<ProfileParts, ProfileError> {
    let mut parts = ProfileParts::new();
    let mut sample = SampleValues::default();
    let mut message = Vec::new();
    loop {
        let read = next(&mut input, &mut message)?;
        let kept = match read {
            FieldRead::Field(tag, Some(number)) => parts.number(tag, number),
            FieldRead::Field(2, None) => sample.read(&message).and_then(|()| parts.sample(&mut sample)),
            FieldRead::Field(tag, None) => parts.message(tag, &message),
            FieldRead::End => break,
            FieldRead::Cut => return Err(parts.unfinished("it ends in the middle: the file is cut off")),
            FieldRead::Wrong => None,
        };
        if kept.is_none() {
            return Err(parts.unfinished("bytes that do not belong to a profile"));
        }
    }
    if parts.texts.begin_well() {
        Ok(parts)
    } else {
        Err(parts.unfinished("it ends before its texts: the file is cut off"))
    }
}

enum FieldRead {
    /// The tag, and the number, or the message in the buffer.
    Field(u64, Option<u64>),
    End,
    Cut,
    Wrong,
}

fn next(input: &mut Unpacked<'_>, message: &mut Vec<u8>) -> Result<FieldRead, ProfileError> {
    let Some(key) = streamed(input)? else {
        return Ok(if input.fill()?.is_empty() { FieldRead::End } else { FieldRead::Wrong });
    };
    let length = match key & 7 {
        0 => {
            return Ok(
                streamed(input)?.map_or(FieldRead::Cut, |number| FieldRead::Field(key >> 3, Some(number)))
            );
        }
        1 => 8,
        2 => match streamed(input)? {
            Some(length) => length,
            None => return Ok(FieldRead::Cut),
        },
        5 => 4,
        _ => return Ok(FieldRead::Wrong),
    };
    message.clear();
    let mut left = length;
    while left > 0 {
        let bytes = input.fill()?;
        if bytes.is_empty() {
            return Ok(FieldRead::Cut);
        }
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        message.extend_from_slice(&bytes[..count]);
        input.consume(count);
        left -= count as u64;
    }
    let tag = if key & 7 == 2 { key >> 3 } else { u64::MAX };
    Ok(FieldRead::Field(tag, None))
}

fn streamed(input: &mut Unpacked<'_>) -> Result<Option<u64>, ProfileError> {
    let mut value = 0_u64;
    for nth in 0..10 {
        let Some(&byte) = input.fill()?.first() else { return Ok(None) };
        input.consume(1);
        value |= u64::from(byte & 0x7f) << (7 * nth);
        if byte & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// One sample, while it is read.
#[derive(Default)]
struct SampleValues {
    locations: Vec<u64>,
    values: Vec<i64>,
}

impl SampleValues {
    fn read(&mut self, message: &[u8]) -> Option<()> {
        self.locations.clear();
        self.values.clear();
        fields(message, |tag, field| match tag {
            1 => each(field, |id| self.locations.push(id)),
            2 => each(field, |value| self.values.push(value as i64)),
            _ => Some(()),
        })
    }
}

/// Reads what the messages contain.
impl ProfileParts {
    /// If it began as a profile, it is a damaged one.
    fn unfinished(&self, place: &'static str) -> ProfileError {
        let has_begun =
            !self.types.is_empty() && (self.samples > 0 || self.types.iter().all(|(kind, _)| *kind > 0));
        if has_begun { ProfileError::Damaged(place) } else { ProfileError::NotAProfile("something else") }
    }

    fn number(&mut self, tag: u64, number: u64) -> Option<()> {
        match tag {
            9 => self.time_nanos = number as i64,
            12 => self.period = number as i64,
            13 => self.comments.push(number as i64),
            1..=6 => return None,
            _ => {}
        }
        Some(())
    }

    fn message(&mut self, tag: u64, message: &[u8]) -> Option<()> {
        match tag {
            1 => {
                let [_, kind, unit] = numbers(message)?;
                self.types.push((kind as i64, unit as i64));
            }
            3 => {
                let [_, id, begins, ends, offset, file, build_id] = numbers(message)?;
                let (file, build_id) = (file as i64, build_id as i64);
                self.mappings.push(ProfileMapping { id, begins, ends, offset, file, build_id });
            }
            4 => self.location(message)?,
            5 => {
                let [_, id, name, _, file] = numbers(message)?;
                self.functions.insert(id, (name as i64, file as i64));
            }
            6 => _ = self.texts.push(message),
            13 => each(MessageField::Bytes(message), |comment| self.comments.push(comment as i64))?,
            _ => {}
        }
        Some(())
    }

    fn location(&mut self, message: &[u8]) -> Option<()> {
        let begins = self.lines.len();
        let mut location = ProfileLocation { begins, ..ProfileLocation::default() };
        fields(message, |tag, field| {
            match (tag, field) {
                (1, MessageField::Number(id)) => location.id = id,
                (2, MessageField::Number(id)) => location.mapping = id,
                (3, MessageField::Number(address)) => location.address = address,
                (4, MessageField::Bytes(line)) => {
                    let [_, function, line] = numbers(line)?;
                    self.lines.push((function, line as i64));
                }
                _ => {}
            }
            Some(())
        })?;
        location.ends = self.lines.len();
        self.locations.push(location);
        Some(())
    }

    /// Adds a sample's values to its stack.
    fn sample(&mut self, sample: &mut SampleValues) -> Option<()> {
        self.samples += 1;
        self.add(&sample.locations, &sample.values)
    }
}
