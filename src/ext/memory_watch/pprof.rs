//! Converts a jemalloc dump to a profile in the pprof format.
//!
//! In: the text of the dump (`heap_v2`). Out: gzipped protobuf with two values per call stack, `inuse_objects` and
//! `inuse_space`, the sampling interval as the period, the mappings with their build ids, and the names of functions if the
//! program has a symbol table (`symbols.rs`). PP1: counts and sizes are those that jeprof computes, scaled up from the samples.
//! Addresses are those of the process; tools that look names up themselves find file, offset and build id in the mappings.

use super::super::wire::{Function, Line, Location, Mapping, Profile, Sample, ValueType};
use super::limits::SYMBOLS_MAX;
use super::symbols;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The samples of one call stack.
struct StackSamples {
    /// Innermost first.
    addresses: Vec<u64>,
    objects: u64,
    bytes: u64,
}

/// The samples of a dump.
pub(super) struct Stacks {
    /// The average number of bytes between two samples.
    interval: u64,
    stacks: Vec<StackSamples>,
}

impl Stacks {
    pub(super) fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Parses `heap_v2/INTERVAL`, then for each stack `@ 0xADDRESS ...` and `t*: OBJECTS: BYTES [..]`.
    pub(super) fn read(text: impl BufRead) -> io::Result<Stacks> {
        let wrong =
            |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("not in a dump: {line:?}"));
        let mut lines = text.lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let interval = first.strip_prefix("heap_v2/").and_then(|number| number.trim().parse().ok());
        let interval = interval.ok_or_else(|| wrong(&first))?;
        let (mut stacks, mut addresses) = (Vec::new(), None);
        for line in lines {
            let line = line?;
            if let Some(list) = line.strip_prefix('@') {
                let parsed = list.split_ascii_whitespace().map(|word| {
                    u64::from_str_radix(word.trim_start_matches("0x"), 16).map_err(|_| wrong(&line))
                });
                addresses = Some(parsed.collect::<io::Result<Vec<_>>>()?);
            } else if let Some(counts) = line.trim_start().strip_prefix("t*:") {
                // Before the first stack: the total.
                let Some(addresses) = addresses.take() else { continue };
                let mut numbers = counts.split([':', ' ', '[']).filter(|word| !word.is_empty());
                let mut number =
                    || numbers.next().and_then(|word| word.parse().ok()).ok_or_else(|| wrong(&line));
                let (objects, bytes) = (number()?, number()?);
                if objects > 0 {
                    stacks.push(StackSamples { addresses, objects, bytes });
                }
            } else if line.starts_with("MAPPED_LIBRARIES") {
                break;
            }
        }
        Ok(Stacks { interval, stacks })
    }

    /// Objects and bytes in the heap, not in the sample: an allocation of s bytes is sampled
    /// with the probability 1 - exp(-s / interval), and only the average of s is known.
    fn scaled(&self, stack: &StackSamples) -> (i64, i64) {
        let (objects, bytes) = (stack.objects as f64, stack.bytes as f64);
        let sampled = -(-(bytes / objects) / self.interval.max(1) as f64).exp_m1();
        // jemalloc makes no allocations of zero bytes on average; better unscaled than infinite.
        let factor = if sampled > 0.0 { 1.0 / sampled } else { 1.0 };
        ((objects * factor).round() as i64, (bytes * factor).round() as i64)
    }
}

/// The profile's parts during assembly.
#[derive(Default)]
struct ProfileAssembly {
    profile: Profile,
    texts: HashMap<String, i64>,
    locations: HashMap<u64, u64>,
    functions: HashMap<String, u64>,
}

/// The profile, gzipped. Looks up names, which reads the symbol tables of the program and its libraries.
pub(super) fn encode(stacks: &Stacks, time: SystemTime, comment: &str) -> io::Result<Vec<u8>> {
    let mut parts = ProfileAssembly::default();
    parts.text("");
    let objects = ValueType { kind: parts.text("inuse_objects"), unit: parts.text("count") };
    let space = ValueType { kind: parts.text("inuse_space"), unit: parts.text("bytes") };
    parts.profile.sample_type = vec![objects, space];
    parts.profile.default_sample_type = space.kind;
    parts.profile.period_type = Some(ValueType { kind: parts.text("space"), unit: space.unit });
    parts.profile.period = i64::try_from(stacks.interval).unwrap_or(i64::MAX);
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    parts.profile.time_nanos = i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX);
    for line in comment.lines() {
        let line = parts.text(line);
        parts.profile.comment.push(line);
    }
    parts.mappings();
    for stack in &stacks.stacks {
        let (objects, bytes) = stacks.scaled(stack);
        let location_id = stack.addresses.iter().map(|&address| parts.location(address)).collect();
        parts.profile.sample.push(Sample { location_id, value: vec![objects, bytes], ..Sample::default() });
    }
    parts.names();
    parts.program_first();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&parts.profile.encode_to_vec())?;
    gzip.finish()
}

impl ProfileAssembly {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.texts.get(text) {
            return index;
        }
        let index = self.profile.string_table.len() as i64;
        self.profile.string_table.push(text.to_owned());
        self.texts.insert(text.to_owned(), index);
        index
    }

    fn mappings(&mut self) {
        for loaded in mappings::MAPPINGS.as_deref().unwrap_or_default() {
            let filename = self.text(&loaded.pathname.to_string_lossy());
            let build_id = loaded.build_id.as_ref().map_or(0, |id| self.text(&id.to_string()));
            // The segment's exact bounds from the program's headers, which Go's pprof relies on.
            self.profile.mapping.push(Mapping {
                id: self.profile.mapping.len() as u64 + 1,
                memory_start: loaded.memory_start as u64,
                memory_limit: loaded.memory_end as u64,
                file_offset: loaded.file_offset,
                filename,
                build_id,
                ..Mapping::default()
            });
        }
    }

    /// The id of the location that returns to `address`.
    fn location(&mut self, address: u64) -> u64 {
        if let Some(&id) = self.locations.get(&address) {
            return id;
        }
        // A return address is one past the call.
        let call = address.saturating_sub(1);
        let mapping = self.profile.mapping.iter().find(|mapping| mapping.holds(call));
        let mapping_id = mapping.map_or(0, |mapping| mapping.id);
        let id = self.profile.location.len() as u64 + 1;
        self.profile.location.push(Location { id, mapping_id, address: call, ..Location::default() });
        self.locations.insert(address, id);
        id
    }

    /// Gives the locations the names of their functions, if there are symbols.
    fn names(&mut self) {
        let loaded = mappings::MAPPINGS.as_deref().unwrap_or_default();
        let program = loaded.first().map(|loaded| loaded.pathname.as_path());
        for (mapping, loaded) in (1..).zip(loaded) {
            let in_file = |address: u64| address - loaded.memory_start as u64 + loaded.memory_offset as u64;
            let here = self.profile.location.iter().filter(|location| location.mapping_id == mapping);
            let mut addresses: Vec<u64> =
                here.map(|location| in_file(location.address)).take(SYMBOLS_MAX).collect();
            if addresses.is_empty() {
                continue;
            }
            addresses.sort_unstable();
            // The program's file may have been replaced since the start; this path is the running program.
            let is_program = Some(loaded.pathname.as_path()) == program;
            let file = if is_program { Path::new("/proc/self/exe") } else { &loaded.pathname };
            // A library without symbols, or a mapping without a file, such as the kernel's, keeps its addresses.
            let names = symbols::names(file, &addresses).unwrap_or_default();
            for nth in 0..self.profile.location.len() {
                let Location { mapping_id, address, .. } = self.profile.location[nth];
                if mapping_id != mapping {
                    continue;
                }
                if let Some(name) = names.get(&in_file(address)) {
                    let function_id = self.function(name);
                    self.profile.location[nth].line = vec![Line { function_id, ..Line::default() }];
                }
            }
            // If this is not set, tools look names up themselves: given the program, they find the names missing here.
            let is_named = |location: &&Location| !location.line.is_empty();
            let mut here = self.profile.location.iter().filter(|location| location.mapping_id == mapping);
            self.profile.mapping[mapping as usize - 1].has_functions =
                here.all(|location| is_named(&location));
        }
    }

    /// By convention the first mapping is the program, and pprof resolves its addresses in the program
    /// it is given: so it must be the mapping with the program's code, not the one with its headers.
    fn program_first(&mut self) {
        let Some(program) = self.profile.mapping.first().map(|mapping| mapping.filename) else { return };
        let has_code = |mapping: &Mapping| {
            self.profile.location.iter().any(|location| location.mapping_id == mapping.id)
        };
        let code = self.profile.mapping.iter().position(|it| it.filename == program && has_code(it));
        if let Some(code) = code {
            self.profile.mapping[..=code].rotate_right(1);
        }
    }

    fn function(&mut self, mangled: &str) -> u64 {
        if let Some(&id) = self.functions.get(mangled) {
            return id;
        }
        let id = self.profile.function.len() as u64 + 1;
        // Without the hash, which differs between builds.
        let name = format!("{:#}", rustc_demangle::demangle(mangled));
        let function =
            Function { id, name: self.text(&name), system_name: self.text(mangled), ..Function::default() };
        self.profile.function.push(function);
        self.functions.insert(mangled.to_owned(), id);
        id
    }
}

impl Mapping {
    fn holds(&self, address: u64) -> bool {
        (self.memory_start..self.memory_limit).contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "heap_v2/524288\n  t*: 30: 20480 [0: 0]\n  t0: 30: 20480 [0: 0]\n\
                        @ 0x1000 0x2000 0x3000\n  t*: 20: 10240 [0: 0]\n  t0: 20: 10240 [0: 0]\n\
                        @ 0x1000\n  t*: 1: 8388608 [0: 0]\n@ 0x5\n  t*: 0: 0 [3: 4096]\n\nMAPPED_LIBRARIES:\n@ x\n";

    #[test]
    fn a_dump_is_read_and_scaled_as_jeprof_scales_it() {
        let stacks = Stacks::read(DUMP.as_bytes()).unwrap();
        assert_eq!((stacks.interval, stacks.stacks.len()), (524_288, 2));
        assert_eq!(stacks.stacks[0].addresses, [0x1000, 0x2000, 0x3000]);
        // 512 B on average: one in 1024.5 is sampled.
        assert_eq!(stacks.scaled(&stacks.stacks[0]), (20_490, 10_490_881));
        // 8 MiB: practically all of them.
        assert_eq!(stacks.scaled(&stacks.stacks[1]), (1, 8_388_609));
    }

    #[test]
    fn the_mapping_with_the_program_s_code_comes_first() {
        let mut parts = ProfileAssembly::default();
        let mapping = |id, filename| Mapping { id, filename, ..Mapping::default() };
        parts.profile.mapping = vec![mapping(1, 7), mapping(2, 7), mapping(3, 7), mapping(4, 8)];
        let location = |id, mapping_id| Location { id, mapping_id, ..Location::default() };
        parts.profile.location = vec![location(1, 4), location(2, 2)];
        parts.program_first();
        let ids: Vec<u64> = parts.profile.mapping.iter().map(|mapping| mapping.id).collect();
        assert_eq!(ids, [2, 1, 3, 4]);
    }

    #[test]
    fn what_is_not_a_dump_is_an_error_and_never_a_panic() {
        for text in ["", "heap_v1/3\n", "heap_v2/x\n", "heap_v2/1\n@ 0xzz\n", "heap_v2/1\n@ 0x1\n t*: x: 3\n"]
        {
            assert!(Stacks::read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Stacks::read("heap_v2/0\n".as_bytes()).unwrap().is_empty());
    }
}
