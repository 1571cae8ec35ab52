//! A profile's parts, while they are being read and not yet assembled.
//!
//! Stacks are paths in a tree of places, with all their values: which
//! of them are bytes is known only from the texts, which come last.

use super::error::ProfileError;
use super::tree::{ROOT, Tree};
use std::borrow::Cow;
use std::collections::HashMap;

/// Maximum values that are kept of a sample. Go has four.
const VALUES_MAX: usize = 16;

/// Ids up to here are looked up without hashing. Most are counted from one.
const DENSE_IDS: u64 = 1 << 22;

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ProfileMapping {
    pub(super) id: u64,
    pub(super) begins: u64,
    pub(super) ends: u64,
    pub(super) offset: u64,
    pub(super) file: i64,
    pub(super) build_id: i64,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ProfileLocation {
    pub(super) id: u64,
    pub(super) mapping: u64,
    pub(super) address: u64,
    /// Its lines are `lines[begins..ends]`.
    pub(super) begins: usize,
    pub(super) ends: usize,
}

/// A profile's parts, not yet put together.
#[derive(Debug)]
pub(super) struct ProfileParts {
    /// Kind and unit of each value.
    pub(super) types: Vec<(i64, i64)>,
    /// The stacks, as paths of locations by their numbers in `ids`.
    pub(super) tree: Tree,
    pub(super) ids: Ids,
    /// For each slot `width` values, as many as a sample has.
    pub(super) values: Vec<i64>,
    pub(super) width: Option<usize>,
    /// Which of the values was negative in some sample.
    pub(super) negative: [bool; VALUES_MAX],
    pub(super) mappings: Vec<ProfileMapping>,
    pub(super) locations: Vec<ProfileLocation>,
    /// Function and line.
    pub(super) lines: Vec<(u64, i64)>,
    /// Name and file.
    pub(super) functions: HashMap<u64, (i64, i64)>,
    pub(super) texts: Texts,
    pub(super) time_nanos: i64,
    pub(super) period: i64,
    pub(super) comments: Vec<i64>,
    pub(super) samples: usize,
    /// The stack being added, the outermost frame first.
    way: Vec<u32>,
}

/// Maps ids to numbers, counted from 0 in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Ids {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    count: u32,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) fn get(&self, id: u64) -> Option<u32> {
        match self.dense.get(usize::try_from(id).unwrap_or(usize::MAX)) {
            Some(0) => None,
            Some(number) => Some(number - 1),
            None => self.sparse.get(&id).copied(),
        }
    }

    pub(super) fn number(&mut self, id: u64) -> u32 {
        if id >= DENSE_IDS {
            return *self.sparse.entry(id).or_insert_with(|| {
                self.count += 1;
                self.count - 1
            });
        }
        let place = id as usize;
        if place >= self.dense.len() {
            self.dense.resize((place + 1).next_power_of_two(), 0);
        }
        if self.dense[place] == 0 {
            self.count += 1;
            self.dense[place] = self.count;
        }
        self.dense[place] - 1
    }
}

/// The profile's texts, one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &[u8]) -> i64 {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.ends.len() as i64 - 1
    }

    pub(super) fn get(&self, index: i64) -> Result<Cow<'_, str>, ProfileError> {
        let unknown = ProfileError::Damaged("a text that it does not have");
        let Ok(index) = usize::try_from(index) else { return Err(unknown) };
        let Some(&ends) = self.ends.get(index) else { return Err(unknown) };
        let begins = if index == 0 { 0 } else { self.ends[index - 1] };
        Ok(String::from_utf8_lossy(&self.bytes[begins..ends]))
    }

    /// The format's first text is always empty; random bytes that happen to decode have no such text.
    pub(super) fn begin_well(&self) -> bool {
        self.ends.first() == Some(&0)
    }
}

impl ProfileParts {
    pub(super) fn new() -> ProfileParts {
        ProfileParts {
            types: Vec::new(),
            tree: Tree::new(),
            ids: Ids::default(),
            values: Vec::new(),
            width: None,
            negative: [false; VALUES_MAX],
            mappings: Vec::new(),
            locations: Vec::new(),
            lines: Vec::new(),
            functions: HashMap::new(),
            texts: Texts::default(),
            time_nanos: 0,
            period: 0,
            comments: Vec::new(),
            samples: 0,
            way: Vec::new(),
        }
    }

    /// Adds a sample's values to its stack; `None` if there are more stacks than can be counted.
    pub(super) fn add(&mut self, locations: &[u64], values: &[i64]) -> Option<()> {
        self.way.clear();
        for id in locations.iter().rev() {
            self.way.push(self.ids.number(*id));
        }
        let at = self.tree.down(ROOT, &self.way)?;
        let width = *self.width.get_or_insert(values.len().min(VALUES_MAX));
        let slot = self.tree.slot(at) as usize;
        if self.values.len() < (slot + 1) * width {
            self.values.resize((slot + 1) * width, 0);
        }
        if values.len() < width {
            // A sample with too few values: reported where the values are requested.
            self.width = Some(0);
            self.values.clear();
            return Some(());
        }
        let sums = &mut self.values[slot * width..(slot + 1) * width];
        for ((sum, value), negative) in sums.iter_mut().zip(values).zip(&mut self.negative) {
            *sum = sum.saturating_add(*value);
            *negative |= *value < 0;
        }
        Some(())
    }
}
