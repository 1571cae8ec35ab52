//! A heap profile, parsed: bytes in, call stacks with what they hold out.
//!
//! - PR1: reading ends with a profile or an error, whatever the
//!   bytes are, and decompresses at most [`PROFILE_BYTES_MAX`].
//! - PR2: a profile's total is the sum over its stacks.
//!
//! Stacks are kept in a tree (`tree.rs`) of places, each with its frames; they become lists of frames only on request.

use super::PROFILE_BYTES_MAX;
use super::error::ProfileError;
use super::frame::{Frame, FunctionFrame, ProgramEvidence, SymbolInfo, printable};
use super::heap_v2;
use super::identity::ProfileIdentity;
use super::parts::{ProfileLocation, ProfileMapping, ProfileParts};
use super::pprof;
use super::source::{self, ProfileInput};
use super::tree::Tree;
use std::collections::HashMap;
use std::io::Read;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// A call stack, the innermost frame first.
pub type Stack = Vec<Arc<Frame>>;

/// What was held at some moment: estimates, because a heap profile is a sample.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Bytes.
    pub bytes: u64,
    /// Objects; `None` if the profile does not count them (`jemalloc_pprof`'s own do not).
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

/// A heap profile: what each call stack held when it was taken.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(super) identity: ProfileIdentity,
    period_bytes: u64,
    counts_objects: bool,
    pub(super) frames: Vec<Arc<Frame>>,
    /// The frames of each number in the tree, the innermost first.
    pub(super) places: Places,
    pub(super) tree: Tree,
    /// What each slot held.
    pub(super) held: Vec<Held>,
    listed: OnceLock<Vec<(Stack, Held)>>,
}

impl Profile {
    /// Reads a profile, gzipped or not, from jemalloc (`jemalloc_pprof`), Go
    /// (`/debug/pprof/heap`) or another tool that writes pprof with a sample type `inuse_space`.
    ///
    /// # Errors
    /// If it is something else; [`ProfileError`] says what, and what to do.
    pub fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
        Profile::of(bytes, None)
    }

    /// Reads a profile that may not say when it was taken, like jemalloc's own dumps (`heap_v2`): then `taken` counts.
    ///
    /// # Errors
    /// Like [`Profile::read`].
    pub fn read_taken(bytes: &[u8], taken: SystemTime) -> Result<Profile, ProfileError> {
        Profile::of(bytes, Some(taken))
    }

    /// Reads a profile from a file; blocks on the file system. If it does
    /// not say when it was taken, the file's last modification counts.
    ///
    /// # Errors
    /// Like [`Profile::read`], and if the file cannot be read.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Profile, ProfileError> {
        let file = std::fs::File::open(path).map_err(ProfileError::Unreadable)?;
        let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
        Profile::of(file, written)
    }

    /// When it was taken.
    pub fn taken(&self) -> SystemTime {
        self.identity.taken
    }

    /// The program's file, if the profile names it.
    pub fn program(&self) -> &str {
        &self.identity.program
    }

    /// One allocation in this many bytes was sampled, on average. If the profile does not say (`jemalloc_pprof`'s do not), it
    /// is the greatest power of two that is not above the smallest stack: a stack with one small object stands for one period.
    pub fn sample_period_bytes(&self) -> u64 {
        self.period_bytes
    }

    /// Whether it counts objects besides bytes.
    pub fn counts_objects(&self) -> bool {
        self.counts_objects
    }

    /// Each call stack, and what it held. Builds a list of them all, which [`compare`](super::compare()) avoids.
    pub fn stacks(&self) -> impl Iterator<Item = (&Stack, Held)> {
        let list = || {
            let mut all = HashMap::<Stack, Held>::new();
            for (slot, held) in self.held.iter().enumerate().filter(|(_, held)| held.bytes > 0) {
                *all.entry(self.stack(slot as u32)).or_default() += *held;
            }
            let mut all: Vec<(Stack, Held)> = all.into_iter().collect();
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
            all
        };
        self.listed.get_or_init(list).iter().map(|(stack, held)| (stack, *held))
    }

    /// The total held by the stacks for which `which` is true.
    pub fn held_by(&self, mut which: impl FnMut(&Stack) -> bool) -> Held {
        let mut sum = Held { bytes: 0, objects: self.counts_objects.then_some(0) };
        for (slot, held) in self.held.iter().enumerate().filter(|(_, held)| held.bytes > 0) {
            if which(&self.stack(slot as u32)) {
                sum += *held;
            }
        }
        sum
    }

    /// The total held by all stacks.
    pub(super) fn held_in_all(&self) -> Held {
        let mut sum = Held { bytes: 0, objects: self.counts_objects.then_some(0) };
        self.held.iter().for_each(|held| sum += *held);
        sum
    }

    fn stack(&self, slot: u32) -> Stack {
        let stack = self.tree.stack(slot);
        let places = stack.iter().filter_map(|place| self.places.get(*place as usize));
        places.flat_map(|place| place.iter()).map(|frame| Arc::clone(&self.frames[*frame as usize])).collect()
    }

    fn of(bytes: impl Read, taken: Option<SystemTime>) -> Result<Profile, ProfileError> {
        let mut parts = match source::open(bytes, PROFILE_BYTES_MAX)? {
            ProfileInput::Pprof(input) => pprof::read(input)?,
            ProfileInput::HeapV2(input) => heap_v2::read(input)?,
        };
        let held = held_of(&parts)?;
        let least = held.iter().map(|held| held.bytes).filter(|bytes| *bytes > 0).min();
        let least = least.ok_or(ProfileError::Empty)?;
        let period = u64::try_from(parts.period).ok().filter(|period| *period > 0);
        let given = Duration::from_nanos(parts.time_nanos.max(0).unsigned_abs());
        let says_when = !given.is_zero();
        let when = if says_when { Some(SystemTime::UNIX_EPOCH + given) } else { taken };
        let identity =
            ProfileIdentity::of(&parts, when.unwrap_or(SystemTime::UNIX_EPOCH), says_when, period.is_some())?;
        let (frames, places) = frames_of(&parts, &identity.program)?;
        if when.is_none() {
            return Err(ProfileError::NoTime);
        }
        parts.tree.finish();
        Ok(Profile {
            identity,
            period_bytes: period.unwrap_or(1 << least.ilog2()),
            counts_objects: held[0].objects.is_some(),
            frames,
            places,
            tree: parts.tree,
            held,
            listed: OnceLock::new(),
        })
    }
}

/// Which of a sample's values are the bytes and the objects held.
struct Columns {
    bytes: usize,
    bytes_each: i64,
    objects: Option<usize>,
}

impl Columns {
    fn of(parts: &ProfileParts) -> Result<Columns, ProfileError> {
        let mut types = Vec::new();
        for (kind, unit) in &parts.types {
            types.push((parts.texts.get(*kind)?.into_owned(), parts.texts.get(*unit)?.to_lowercase()));
        }
        // "space" and "objects" are the names that tcmalloc and older tools use for the same.
        let column = |names: [&str; 2], of_unit: fn(&str) -> Option<i64>| {
            names.iter().find_map(|name| {
                let place = types.iter().position(|(kind, unit)| kind == name && of_unit(unit).is_some())?;
                Some((place, of_unit(&types[place].1)?))
            })
        };
        let objects = column(["inuse_objects", "objects"], |unit| {
            ["", "count", "counts", "object", "objects"].contains(&unit).then_some(1)
        });
        match column(["inuse_space", "space"], bytes_of) {
            Some((bytes, bytes_each)) => {
                Ok(Columns { bytes, bytes_each, objects: objects.map(|(column, _)| column) })
            }
            None => Err(ProfileError::NotOfTheHeap(types.iter().map(|(kind, _)| printable(kind)).collect())),
        }
    }
}

/// Bytes in a unit, in lower case; pprof treats all of them as powers of 1024.
fn bytes_of(unit: &str) -> Option<i64> {
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    Some(match unit {
        "" | "b" | "byte" => 1,
        "kb" | "kib" | "kbyte" | "kilobyte" | "kibibyte" => 1 << 10,
        "mb" | "mib" | "mbyte" | "megabyte" | "mebibyte" => 1 << 20,
        "gb" | "gib" | "gbyte" | "gigabyte" | "gibibyte" => 1 << 30,
        _ => return None,
    })
}

/// What each slot held.
fn held_of(parts: &ProfileParts) -> Result<Vec<Held>, ProfileError> {
    let columns = Columns::of(parts)?;
    let Some(width) = parts.width else { return Err(ProfileError::Empty) };
    let last = columns.objects.map_or(columns.bytes, |objects| objects.max(columns.bytes));
    if last >= width {
        return Err(ProfileError::Damaged("a sample without its values"));
    }
    if parts.negative[columns.bytes] || columns.objects.is_some_and(|objects| parts.negative[objects]) {
        return Err(ProfileError::Difference);
    }
    let held = parts.values.chunks_exact(width).map(|values| Held {
        bytes: values[columns.bytes].saturating_mul(columns.bytes_each).unsigned_abs(),
        objects: columns.objects.map(|objects| values[objects].unsigned_abs()),
    });
    Ok(held.collect())
}

/// The frames of each place, the innermost first, as numbers.
type Places = Vec<Box<[u32]>>;

/// All frames, and those of each place of the tree.
fn frames_of(parts: &ProfileParts, program: &str) -> Result<(Vec<Arc<Frame>>, Places), ProfileError> {
    let mut of_place = vec![None; parts.ids.len()];
    for location in &parts.locations {
        if let Some(number) = parts.ids.get(location.id) {
            of_place[number as usize] = Some(location);
        }
    }
    let nowhere = ProfileError::Damaged("a stack with a place that it does not have");
    let locations: Option<Vec<&ProfileLocation>> = of_place.into_iter().collect();
    let locations = locations.ok_or(nowhere)?;
    let mappings: HashMap<u64, &ProfileMapping> = parts.mappings.iter().map(|it| (it.id, it)).collect();
    let mut binaries = HashMap::new();
    for (id, mapping) in &mappings {
        binaries.insert(*id, parts.texts.get(mapping.file)?);
    }
    let binary =
        |location: &ProfileLocation| binaries.get(&location.mapping).map_or("", |name| name.as_ref());

    // Names first: deciding who owns a frame depends on all of them.
    let mut named: HashMap<u64, (String, String, String)> = HashMap::new();
    for location in &locations {
        for (id, _) in &parts.lines[location.begins..location.ends] {
            if named.contains_key(id) {
                continue;
            }
            let function = parts.functions.get(id);
            let (name, file) =
                function.ok_or(ProfileError::Damaged("a place in a function that it does not have"))?;
            let (name, file) = (parts.texts.get(*name)?, parts.texts.get(*file)?);
            named.insert(*id, (name.into_owned(), file.into_owned(), binary(location).to_owned()));
        }
    }
    let evidence = ProgramEvidence::of(
        program,
        named.values().map(|(function, file, binary)| SymbolInfo { function, file, binary }),
    );
    let functions: HashMap<u64, Arc<FunctionFrame>> = named
        .iter()
        .map(|(id, (name, file, binary))| (*id, Arc::new(FunctionFrame::of(name, file, binary, &evidence))))
        .collect();

    let mut frames = Frames::default();
    let mut places = Vec::with_capacity(locations.len());
    for location in locations {
        let lines = &parts.lines[location.begins..location.ends];
        let mut place: Vec<u32> =
            lines.iter().map(|(id, line)| frames.number(functions[id].at(*line))).collect();
        if place.is_empty() {
            let address = file_address(location, mappings.get(&location.mapping).copied(), &parts.mappings);
            let function = FunctionFrame::unnamed(binary(location), address, &evidence);
            place.push(frames.number(Arc::new(function).at(0)));
        }
        places.push(place.into_boxed_slice());
    }
    Ok((frames.all, places))
}

#[derive(Default)]
struct Frames {
    all: Vec<Arc<Frame>>,
    known: HashMap<Arc<Frame>, u32>,
}

impl Frames {
    fn number(&mut self, frame: Frame) -> u32 {
        if let Some(number) = self.known.get(&frame) {
            return *number;
        }
        let (frame, number) = (Arc::new(frame), self.all.len() as u32);
        self.all.push(Arc::clone(&frame));
        self.known.insert(frame, number);
        number
    }
}

/// Programs that are not position-independent are linked below this address.
const FIXED_ADDRESS_MAX: u64 = 1 << 32;

/// The address in the file, from which tools find the name. It is counted from where
/// the file's start was loaded, because linkers place code at other distances in
/// memory than in the file; if the profile does not contain that, from the mapping.
fn file_address(location: &ProfileLocation, mapping: Option<&ProfileMapping>, all: &[ProfileMapping]) -> u64 {
    let Some(mapping) = mapping else { return location.address };
    if !(mapping.begins..mapping.ends).contains(&location.address) {
        return location.address;
    }
    let is_beginning = |other: &&ProfileMapping| {
        other.file == mapping.file && other.offset == 0 && other.begins <= mapping.begins && other.ends > 0
    };
    match all.iter().filter(is_beginning).map(|other| other.begins).max() {
        _ if mapping.begins < FIXED_ADDRESS_MAX => location.address,
        Some(beginning) => location.address - beginning,
        None => (location.address - mapping.begins).saturating_add(mapping.offset),
    }
}
