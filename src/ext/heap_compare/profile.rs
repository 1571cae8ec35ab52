//! A heap profile, read: bytes in, call stacks with what they hold out.
//!
//! - P1: whatever the bytes are, reading ends with a profile or an error, and unpacks at most [`PROFILE_BYTES_MAX`].
//! - P2: what a profile holds in all is the sum over its stacks.

use super::super::wire;
use super::PROFILE_BYTES_MAX;
use super::error::ProfileError;
use super::frame::Frame;
use flate2::read::MultiGzDecoder;
use prost::Message;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A call stack, the innermost frame first.
pub type Stack = Vec<Arc<Frame>>;

/// What was held at some moment: estimates, for a heap profile is a sample.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Bytes.
    pub bytes: u64,
    /// Objects; `None` if the profile does not count them, as `jemalloc_pprof`'s own do not.
    pub objects: Option<u64>,
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Held) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.objects = match (self.objects, other.objects) {
            (Some(ours), Some(theirs)) => Some(ours.saturating_add(theirs)),
            (None, None) => None,
            (one, other) => one.or(other),
        };
    }
}

/// A heap profile in pprof format: what each call stack held when it was taken.
#[derive(Debug, Clone)]
pub struct Profile {
    taken: SystemTime,
    program: String,
    build_id: String,
    period_bytes: u64,
    counts_objects: bool,
    stacks: BTreeMap<Stack, Held>,
}

impl Profile {
    /// Reads a profile, gzipped or not, of jemalloc (`jemalloc_pprof`), Go (`/debug/pprof/heap`) or whoever else writes pprof
    /// with a sample type `inuse_space`.
    ///
    /// # Errors
    /// If it is something else; [`ProfileError`] says what, and what to do.
    pub fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
        Profile::of(&decoded(bytes)?)
    }

    /// Reads a profile from a file; blocks on the file system.
    ///
    /// # Errors
    /// As [`Profile::read`], and if the file cannot be read.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Profile, ProfileError> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(ProfileError::Unreadable)?;
        file.take(PROFILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ProfileError::Unreadable)?;
        Profile::read(&bytes)
    }

    /// When it was taken.
    pub fn taken(&self) -> SystemTime {
        self.taken
    }

    /// The program's file, as far as the profile says.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// One allocation in so many bytes was looked at, on average. Where the profile does not say, as `jemalloc_pprof`'s do
    /// not, the greatest power of two that no stack is below: a stack with one small object stands for one period.
    pub fn sample_period_bytes(&self) -> u64 {
        self.period_bytes
    }

    /// Whether it counts objects besides bytes.
    pub fn counts_objects(&self) -> bool {
        self.counts_objects
    }

    /// Each call stack, and what it held.
    pub fn stacks(&self) -> impl Iterator<Item = (&Stack, Held)> {
        self.stacks.iter().map(|(stack, held)| (stack, *held))
    }

    /// What the stacks held of which `which` is true.
    pub fn held_by(&self, mut which: impl FnMut(&Stack) -> bool) -> Held {
        let mut sum = Held { bytes: 0, objects: self.counts_objects.then_some(0) };
        self.stacks().filter(|(stack, _)| which(stack)).for_each(|(_, held)| sum += held);
        sum
    }

    /// What tells one program from another, and one build from the next.
    pub(super) fn identity(&self) -> (&str, &str) {
        (&self.program, &self.build_id)
    }

    fn of(wire: &wire::Profile) -> Result<Profile, ProfileError> {
        let columns = Columns::of(wire)?;
        let stacks = stacks_of(wire, &columns)?;
        let least = stacks.values().map(|held| held.bytes).filter(|bytes| *bytes > 0).min();
        let least = least.ok_or(ProfileError::Empty)?;
        let period_bytes = match u64::try_from(wire.period) {
            Ok(period) if period > 0 => period,
            _ => 1 << least.ilog2(),
        };
        if wire.time_nanos <= 0 {
            return Err(ProfileError::NoTime);
        }
        let taken = SystemTime::UNIX_EPOCH + Duration::from_nanos(wire.time_nanos.unsigned_abs());
        // By convention the first mapping is the program.
        let (program, build_id) = match wire.mapping.first() {
            Some(mapping) => {
                (text(wire, mapping.filename)?.to_owned(), text(wire, mapping.build_id)?.to_owned())
            }
            None => Default::default(),
        };
        Ok(Profile {
            taken,
            program,
            build_id,
            period_bytes,
            counts_objects: columns.objects.is_some(),
            stacks,
        })
    }
}

/// Unpacked and decoded, with at least the marks of a profile.
fn decoded(bytes: &[u8]) -> Result<wire::Profile, ProfileError> {
    let bytes = &*unpacked(bytes, PROFILE_BYTES_MAX)?;
    let looks_like = if bytes.is_empty() {
        "an empty file"
    } else if bytes.starts_with(b"heap_v2/") || bytes.starts_with(b"heap profile:") {
        "an allocator's own dump in text"
    } else if bytes.starts_with(b"\x7fELF") {
        "a program"
    } else if std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.contains(|c: char| c.is_control() && c != '\n'))
    {
        "a text"
    } else {
        "something else"
    };
    let wire = wire::Profile::decode(bytes).map_err(|_| ProfileError::NotAProfile(looks_like))?;
    // The format's first text is always empty; random bytes that happen to decode have none.
    if wire.string_table.first().is_none_or(|first| !first.is_empty()) {
        return Err(ProfileError::NotAProfile(looks_like));
    }
    Ok(wire)
}

fn unpacked(bytes: &[u8], bytes_max: u64) -> Result<Cow<'_, [u8]>, ProfileError> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes)
            .take(bytes_max + 1)
            .read_to_end(&mut unpacked)
            .map_err(|_| ProfileError::Damaged("its gzip stream ends early or is corrupt"))?;
        Cow::Owned(unpacked)
    } else {
        Cow::Borrowed(bytes)
    };
    if bytes.len() as u64 > bytes_max { Err(ProfileError::TooLarge) } else { Ok(bytes) }
}

/// The texts of a profile by number.
fn text(wire: &wire::Profile, index: i64) -> Result<&str, ProfileError> {
    usize::try_from(index)
        .ok()
        .and_then(|index| wire.string_table.get(index))
        .map(String::as_str)
        .ok_or(ProfileError::Damaged("a text that it does not have"))
}

/// Which of a sample's values are the bytes and the objects held.
struct Columns {
    bytes: usize,
    objects: Option<usize>,
}

impl Columns {
    fn of(wire: &wire::Profile) -> Result<Columns, ProfileError> {
        let mut types = Vec::new();
        for kind in &wire.sample_type {
            types.push((text(wire, kind.kind)?, text(wire, kind.unit)?));
        }
        // "space" and "objects" are what tcmalloc and older tools say for the same.
        let find = |names: [&str; 2], units: &[&str]| {
            names.iter().find_map(|name| {
                types
                    .iter()
                    .position(|(kind, unit)| kind == name && (unit.is_empty() || units.contains(unit)))
            })
        };
        let bytes = find(["inuse_space", "space"], &["bytes", "byte"]);
        let objects = find(["inuse_objects", "objects"], &["count", "objects"]);
        match bytes {
            Some(bytes) => Ok(Columns { bytes, objects }),
            None => {
                Err(ProfileError::NotOfTheHeap(types.iter().map(|(kind, _)| (*kind).to_owned()).collect()))
            }
        }
    }
}

fn stacks_of(wire: &wire::Profile, columns: &Columns) -> Result<BTreeMap<Stack, Held>, ProfileError> {
    let places = places_of(wire)?;
    let mut stacks: BTreeMap<Stack, Held> = BTreeMap::new();
    for sample in &wire.sample {
        let value = |column: usize| {
            let value =
                sample.value.get(column).ok_or(ProfileError::Damaged("a sample without its values"))?;
            u64::try_from(*value).map_err(|_| ProfileError::Difference)
        };
        let held = Held { bytes: value(columns.bytes)?, objects: columns.objects.map(value).transpose()? };
        let mut stack = Stack::new();
        for location in &sample.location_id {
            stack.extend_from_slice(
                places
                    .get(location)
                    .ok_or(ProfileError::Damaged("a stack with a place that it does not have"))?,
            );
        }
        if held.bytes > 0 {
            *stacks.entry(stack).or_default() += held;
        }
    }
    Ok(stacks)
}

/// The frames of each location, the innermost inlined one first.
fn places_of(wire: &wire::Profile) -> Result<HashMap<u64, Stack>, ProfileError> {
    let functions: HashMap<u64, &wire::Function> = wire.function.iter().map(|it| (it.id, it)).collect();
    let mappings: HashMap<u64, &wire::Mapping> = wire.mapping.iter().map(|it| (it.id, it)).collect();
    let mut places = HashMap::new();
    for location in &wire.location {
        let mut frames = Stack::new();
        for line in &location.line {
            let function = functions
                .get(&line.function_id)
                .ok_or(ProfileError::Damaged("a place in a function that it does not have"))?;
            let (name, file) = (text(wire, function.name)?, text(wire, function.filename)?);
            frames.push(Arc::new(Frame::of(name, file, line.line)));
        }
        if frames.is_empty() {
            let binary = match mappings.get(&location.mapping_id) {
                Some(mapping) => text(wire, mapping.filename)?,
                None => "",
            };
            frames.push(Arc::new(Frame::unknown(binary, location.address)));
        }
        places.insert(location.id, frames);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_refused_before_it_is_unpacked() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < 2_000);
        assert!(matches!(unpacked(&bomb, 1 << 16), Err(ProfileError::TooLarge)));
        assert_eq!(unpacked(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        assert!(matches!(unpacked(&[0; 11], 10), Err(ProfileError::TooLarge)));
    }
}
