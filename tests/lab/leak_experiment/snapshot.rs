//! Makes a heap profile of another process of this program: turns its allocator's dump into a pprof profile.
//!
//! Looks up the names here and not where the dump is taken, because a program's symbols need more memory than the experiment
//! measures. Both processes run the same files, only at different addresses.

use crate::Failure;
use crate::wire::{Function, Line, Location, Mapping, Profile, Sample, ValueType};
use flate2::Compression;
use flate2::write::GzEncoder;
use jemalloc_pprof::PROF_CTL;
use prost::Message;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the dump of this process's allocator into `file`: text, without names.
pub fn dump(file: &Path) -> Result<(), Failure> {
    let control = PROF_CTL.as_ref().ok_or("jemalloc does not profile: _RJEM_MALLOC_CONF lacks prof:true")?;
    let mut dump = control.blocking_lock().dump()?;
    std::io::copy(&mut dump, &mut File::create(file)?)?;
    Ok(())
}

/// Makes a gzipped profile, with objects, bytes and names, of a dump that was just taken.
pub fn symbolize(dump: &Path, profile: &Path) -> Result<(), Failure> {
    let dump = std::fs::read_to_string(dump)?;
    let taken = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut making = Making::new(&dump)?;
    making.samples(&dump).ok_or("jemalloc's dump is not in the format heap_v2")?;
    making.profile.time_nanos = i64::try_from(taken.as_nanos())?;
    let mut packed = GzEncoder::new(File::create(profile)?, Compression::default());
    packed.write_all(&making.profile.encode_to_vec())?;
    packed.finish()?;
    Ok(())
}

/// A mapped part of a file.
struct Region {
    start: u64,
    end: u64,
    offset: u64,
    file: String,
}

/// The mapped files of a `/proc/PID/maps`.
fn regions(maps: &str) -> Vec<Region> {
    let region = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let offset = words.nth(1)?;
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        let file = words.nth(2).filter(|file| file.starts_with('/'))?.to_owned();
        Some(Region { start: number(start)?, end: number(end)?, offset: number(offset)?, file })
    };
    maps.lines().filter_map(region).collect()
}

/// A profile in the making.
#[derive(Default)]
struct Making {
    profile: Profile,
    theirs: Vec<Region>,
    ours: Vec<Region>,
    texts: HashMap<String, i64>,
    /// By name and file: line tables have short names, which many functions share.
    functions: HashMap<(String, String), u64>,
    locations: HashMap<u64, u64>,
}

impl Making {
    fn new(dump: &str) -> Result<Making, Failure> {
        let (_, maps) =
            dump.split_once("MAPPED_LIBRARIES:").ok_or("jemalloc's dump lacks MAPPED_LIBRARIES")?;
        let ours = regions(&std::fs::read_to_string("/proc/self/maps")?);
        let mut making = Making { theirs: regions(maps), ours, ..Making::default() };
        making.text("");
        let objects = ValueType { kind: making.text("inuse_objects"), unit: making.text("count") };
        let bytes = ValueType { kind: making.text("inuse_space"), unit: making.text("bytes") };
        making.profile.default_sample_type = bytes.kind;
        making.profile.period_type = Some(ValueType { kind: making.text("space"), unit: bytes.unit });
        making.profile.sample_type = vec![objects, bytes];
        let program = making.text(&std::env::current_exe()?.to_string_lossy());
        making.profile.mapping.push(Mapping { id: 1, filename: program, ..Mapping::default() });
        Ok(making)
    }

    fn text(&mut self, text: &str) -> i64 {
        let next = self.texts.len() as i64;
        *self.texts.entry(text.to_owned()).or_insert_with_key(|text| {
            self.profile.string_table.push(text.clone());
            next
        })
    }

    fn samples(&mut self, dump: &str) -> Option<()> {
        let period: i64 = dump.lines().next()?.strip_prefix("heap_v2/")?.parse().ok()?;
        self.profile.period = period;
        let mut stack = None;
        for line in dump.lines().take_while(|line| !line.starts_with("MAPPED_LIBRARIES:")) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["@", addresses @ ..] => {
                    let number = |word: &&str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
                    stack = Some(addresses.iter().map(number).collect::<Option<Vec<u64>>>()?);
                }
                // The first such line precedes all stacks and is their total.
                ["t*:", seen, bytes, ..] => {
                    let Some(addresses) = stack.take() else { continue };
                    let seen: f64 = seen.trim_end_matches(':').parse().ok()?;
                    let bytes: f64 = bytes.parse().ok()?;
                    // An object of this size is sampled with a probability of 1 - e^(-bytes / period).
                    let scale = 1.0 / (1.0 - (-(bytes / seen) / period as f64).exp());
                    let value = vec![(seen * scale).round() as i64, (bytes * scale).round() as i64];
                    let location_id = addresses.into_iter().map(|address| self.location(address)).collect();
                    self.profile.sample.push(Sample { location_id, value, label: Vec::new() });
                }
                _ => {}
            }
        }
        Some(())
    }

    /// The place of a call that returns to `address`, in the other process.
    fn location(&mut self, address: u64) -> u64 {
        if let Some(id) = self.locations.get(&address) {
            return *id;
        }
        let call = address.saturating_sub(1);
        let within = |region: &&Region| (region.start..region.end).contains(&call);
        let theirs = self.theirs.iter().find(within);
        let place = theirs.map(|region| (region.file.as_str(), call - region.start + region.offset));
        let here = place.and_then(|(file, offset)| {
            let ours = self.ours.iter().find(|region| {
                region.file == file
                    && (region.offset..region.offset + (region.end - region.start)).contains(&offset)
            })?;
            Some(ours.start + (offset - ours.offset))
        });
        let in_file = place.map_or(call, |(_, offset)| offset);
        let line = here.map_or_else(Vec::new, |here| self.lines(here));
        let id = self.profile.location.len() as u64 + 1;
        self.profile.location.push(Location { id, mapping_id: 1, address: in_file, line, is_folded: false });
        self.locations.insert(address, id);
        id
    }

    /// The functions at an address of this process, innermost inlined function first.
    fn lines(&mut self, address: u64) -> Vec<Line> {
        let mut lines = Vec::new();
        backtrace::resolve(std::ptr::without_provenance_mut(address as usize), |symbol| {
            let Some(name) = symbol.name() else { return };
            let file = symbol.filename().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            let function_id = self.function((format!("{name:#}"), file));
            lines.push(Line { function_id, line: i64::from(symbol.lineno().unwrap_or(0)), column: 0 });
        });
        lines
    }

    fn function(&mut self, function: (String, String)) -> u64 {
        if let Some(id) = self.functions.get(&function) {
            return *id;
        }
        let id = self.profile.function.len() as u64 + 1;
        let (name, filename) = (self.text(&function.0), self.text(&function.1));
        self.profile.function.push(Function { id, name, filename, ..Function::default() });
        self.functions.insert(function, id);
        id
    }
}
