//! Handmade profiles: any stacks, and a heap that is sampled as jemalloc and Go sample theirs.

use super::wire;
use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use overspill::heap_compare::Profile;
use prost::Message;
use std::collections::HashMap;
use std::io::Write;

/// Mean number of bytes per sampled allocation: the default of jemalloc and Go.
pub const PERIOD: u64 = 512 << 10;
pub const MINUTE_NANOS: i64 = 60_000_000_000;

/// Frames from the innermost to the outermost, as `function`, `function@file` or `function@file:line`; objects; bytes.
pub type Row<'a> = (&'a [&'a str], i64, i64);

/// A profile as Go writes it, taken this many minutes after a fixed time.
pub fn wire_of(minute: i64, rows: &[Row<'_>]) -> wire::Profile {
    let mut texts = Texts::default();
    texts.number("");
    let mut profile = wire::Profile {
        sample_type: vec![
            wire::ValueType { kind: texts.number("inuse_objects"), unit: texts.number("count") },
            wire::ValueType { kind: texts.number("inuse_space"), unit: texts.number("bytes") },
        ],
        mapping: vec![wire::Mapping {
            id: 1,
            filename: texts.number("/opt/service"),
            build_id: texts.number("c0ffee"),
            ..Default::default()
        }],
        period_type: Some(wire::ValueType { kind: texts.number("space"), unit: texts.number("bytes") }),
        period: PERIOD as i64,
        time_nanos: 1_800_000_000_000_000_000 + minute * MINUTE_NANOS,
        ..Default::default()
    };
    let mut known = HashMap::new();
    for (frames, objects, bytes) in rows {
        let mut location_id = Vec::new();
        for frame in *frames {
            let id = known.len() as u64 + 1;
            let id = *known.entry(frame.to_string()).or_insert_with(|| {
                let (name, place) = frame.split_once('@').unwrap_or((*frame, ""));
                let (file, line) = place.rsplit_once(':').unwrap_or((place, "7"));
                let (name, filename, line) = (texts.number(name), texts.number(file), line.parse().unwrap());
                profile.function.push(wire::Function { id, name, filename, ..Default::default() });
                let line = vec![wire::Line { function_id: id, line, column: 0 }];
                profile.location.push(wire::Location { id, mapping_id: 1, line, ..Default::default() });
                id
            });
            location_id.push(id);
        }
        profile.sample.push(wire::Sample { location_id, value: vec![*objects, *bytes], label: Vec::new() });
    }
    profile.string_table = texts.all;
    profile
}

#[derive(Default)]
struct Texts {
    all: Vec<String>,
    known: HashMap<String, i64>,
}

impl Texts {
    fn number(&mut self, text: &str) -> i64 {
        *self.known.entry(text.to_owned()).or_insert_with(|| {
            self.all.push(text.to_owned());
            self.all.len() as i64 - 1
        })
    }
}

pub fn profile(minute: i64, rows: &[Row<'_>]) -> Profile {
    Profile::read(&wire_of(minute, rows).encode_to_vec()).unwrap()
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// One allocation site of a simulated program: what it really holds at each of three minutes, and how much is replaced in each.
#[derive(Clone)]
pub struct Place {
    /// From the innermost to the outermost, without the allocator's; as `function@file:line`.
    pub frames: Vec<String>,
    pub object_bytes: u64,
    pub held_bytes: [u64; 3],
    pub turnover: f64,
}

/// Three profiles of a heap, as its sampling profiler sees it.
pub fn sampled(places: &[Place], random: &mut Rng) -> [Profile; 3] {
    let mut seen: Vec<u64> =
        places.iter().map(|it| samples(it.held_bytes[0], it.object_bytes, random)).collect();
    [0, 1, 2].map(|minute| {
        if minute > 0 {
            for (place, seen) in places.iter().zip(&mut seen) {
                let [before, now] = [minute - 1, minute].map(|at| place.held_bytes[at] as f64);
                // An object that survives stays sampled or unsampled.
                let living = (before * (1.0 - place.turnover)).min(now);
                let share = if before > 0.0 { living / before } else { 0.0 };
                *seen = (0..*seen).filter(|_| random.f64() < share).count() as u64;
                *seen += samples((now - living) as u64, place.object_bytes, random);
            }
        }
        let stacks: Vec<(Vec<&str>, i64, i64)> = places
            .iter()
            .zip(&seen)
            .filter(|(_, seen)| **seen > 0)
            .map(|(place, seen)| {
                // Each stands for those that were not sampled.
                let objects = *seen as f64 / chance(place.object_bytes);
                let bytes = objects * place.object_bytes as f64;
                let mut frames = vec!["alloc::alloc::alloc"];
                frames.extend(place.frames.iter().map(String::as_str));
                frames.push("service::main");
                (frames, objects.round() as i64, bytes.round() as i64)
            })
            .collect();
        let rows: Vec<Row<'_>> =
            stacks.iter().map(|(frames, objects, bytes)| (&**frames, *objects, *bytes)).collect();
        profile(minute as i64, &rows)
    })
}

/// The probability that an object of this size is sampled.
fn chance(object_bytes: u64) -> f64 {
    1.0 - (-(object_bytes as f64) / PERIOD as f64).exp()
}

/// How many of the objects in this many bytes are sampled. The bytes from one sample to the next are exponentially distributed.
fn samples(bytes: u64, object_bytes: u64, random: &mut Rng) -> u64 {
    if object_bytes * 8 > PERIOD {
        return (0..bytes / object_bytes).filter(|_| random.f64() < chance(object_bytes)).count() as u64;
    }
    let (mut left, mut count) = (bytes as f64, 0);
    loop {
        left -= -(1.0 - random.f64()).ln() * PERIOD as f64;
        if left < 0.0 {
            return count;
        }
        count += 1;
    }
}

/// A small profile.
pub const ROWS: &[Row<'_>] = &[(&["service::a"], 2, 1_200_000), (&["service::b"], 1, 600_000)];
