//! Profiles of a given size, made from a seed: the same stacks in each of the three, and a leak.

use crate::Failure;
use crate::wire::{Function, Line, Location, Mapping, Profile, Sample, ValueType};
use prost::Message;
use std::path::Path;

pub struct Kind {
    pub name: &'static str,
    pub file: &'static str,
    stacks: usize,
    depth: usize,
    shape: Shape,
    /// The length of a function's name; in large services names contain long types.
    name_bytes: usize,
}

impl Kind {
    /// Whether real programs have such stacks.
    pub fn is_held(&self) -> bool {
        self.shape != Shape::Unshared
    }
}

#[derive(PartialEq)]
enum Shape {
    /// One function that calls itself.
    Recursion,
    /// As in real programs: stacks share their callers, and share less toward the innermost frame.
    Tree,
    /// No two stacks share a caller: the worst possible file, which no real program produces.
    Unshared,
}

pub const KINDS: &[Kind] = &[
    Kind {
        name: "1,500 depths of recursion",
        file: "recursion",
        stacks: 1_500,
        depth: 1_500,
        shape: Shape::Recursion,
        name_bytes: 40,
    },
    Kind {
        name: "150,000 stacks of 60 frames",
        file: "stacks",
        stacks: 150_000,
        depth: 60,
        shape: Shape::Tree,
        name_bytes: 60,
    },
    Kind {
        name: "380,000 stacks of 110 frames",
        file: "large",
        stacks: 380_000,
        depth: 110,
        shape: Shape::Tree,
        name_bytes: 300,
    },
    Kind {
        name: "380,000 of 110 that share nothing",
        file: "unshared",
        stacks: 380_000,
        depth: 110,
        shape: Shape::Unshared,
        name_bytes: 300,
    },
];

const FUNCTIONS: usize = 20_000;

pub fn write(kind: &Kind, number: i64, file: &Path) -> Result<(), Failure> {
    let mut random = fastrand::Rng::with_seed(9);
    let mut texts: Vec<String> =
        ["", "inuse_objects", "count", "inuse_space", "bytes", "space", "/opt/service"]
            .map(str::to_owned)
            .into();
    let functions = if kind.shape == Shape::Recursion { 8 } else { FUNCTIONS };
    let mut profile = Profile {
        sample_type: vec![ValueType { kind: 1, unit: 2 }, ValueType { kind: 3, unit: 4 }],
        mapping: vec![Mapping { id: 1, filename: 6, ..Mapping::default() }],
        period_type: Some(ValueType { kind: 5, unit: 4 }),
        period: 512 << 10,
        time_nanos: 1_800_000_000_000_000_000 + number * 60_000_000_000,
        ..Profile::default()
    };
    for id in 1..=functions as u64 {
        let crate_name = if id % 3 == 0 { "service" } else { "dependency" };
        let name = format!("{crate_name}::part_{}::function_{id}::<", id % 97);
        texts.push(format!("{name}{}>", "x".repeat(kind.name_bytes.saturating_sub(name.len()))));
        profile.function.push(Function { id, name: texts.len() as i64 - 1, ..Function::default() });
        let line = vec![Line { function_id: id, line: 3, column: 0 }];
        profile.location.push(Location { id, mapping_id: 1, address: id << 4, line, is_folded: false });
    }
    for nth in 0..kind.stacks {
        let location_id = stack(kind, nth, functions, &mut random);
        let steady = 100_000 + random.i64(0..400_000);
        // One stack in a hundred leaks.
        let bytes = if nth % 100 == 0 { steady * (1 + 2 * number) } else { steady };
        profile.sample.push(Sample { location_id, value: vec![bytes / 300, bytes], label: Vec::new() });
    }
    profile.string_table = texts;
    std::fs::write(file, profile.encode_to_vec())?;
    Ok(())
}

/// Innermost frame first.
fn stack(kind: &Kind, nth: usize, functions: usize, random: &mut fastrand::Rng) -> Vec<u64> {
    if kind.shape == Shape::Recursion {
        return [vec![2], vec![3; nth + 1], vec![4]].concat();
    }
    // The stack's number determines its path: each depth uses a few more of its bits.
    let way = (nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let all_bits = kind.stacks.ilog2() as usize + 1;
    let mut stack = Vec::with_capacity(kind.depth);
    for depth in 0..kind.depth {
        let bits = if kind.shape == Shape::Unshared { all_bits } else { depth * all_bits / kind.depth };
        let prefix = if bits == 0 { 0 } else { way >> (64 - bits) };
        let mixed = (prefix ^ (depth as u64) << 40).wrapping_mul(0xd6e8_feb8_6659_fd93);
        stack.push(1 + (mixed >> 32) % functions as u64);
    }
    // Each stack has its own allocation site.
    for frame in stack.iter_mut().rev().take(4) {
        *frame = 1 + random.u64(0..functions as u64);
    }
    stack.reverse();
    stack
}
