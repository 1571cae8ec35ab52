//! The names of functions, from the symbol table of a program's file (ELF, 64 bits).
//!
//! In: a file, and addresses in it. Out: the name of the function at each address. The table is read in pieces,
//! and only the symbols looked for are kept: a process short of memory must not pay for its debug information,
//! which takes tens of MB to read. So inlined functions are not named; tools that have the program name them, by
//! the addresses in the profile. SY1: reading ends, whatever the file contains; what cannot be parsed has no names.

use super::limits::{SYMBOL_NAME_BYTES_MAX, SYMBOL_SECTIONS_MAX};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const SECTION_BYTES: usize = 64;
const SYMBOL_BYTES: usize = 24;
/// Symbols per read.
const SYMBOLS_READ: usize = 2_048;
/// The kinds of section that have symbols: the full table, and the one for linking that a stripped program keeps.
const SYMBOL_TABLES: [u32; 2] = [2, 11];
const FUNCTION: u8 = 2;

/// A part of the file.
#[derive(Debug, Clone, Copy)]
struct Section {
    kind: u32,
    offset: u64,
    bytes: u64,
    /// The section that has its names.
    link: u32,
}

/// The names at `addresses`, which are sorted. An address without a name has no entry.
pub(super) fn names(program: &Path, addresses: &[u64]) -> io::Result<HashMap<u64, String>> {
    let file = File::open(program)?;
    let mut head = [0; 64];
    file.read_exact_at(&mut head, 0)?;
    // ELF, 64 bits, little-endian.
    if head[..6] != *b"\x7fELF\x02\x01" {
        return Ok(HashMap::new());
    }
    let (table, stride) =
        (u64::from_le_bytes(part(&head, 40)), u64::from(u16::from_le_bytes(part(&head, 58))));
    let count = u32::from(u16::from_le_bytes(part(&head, 60))).min(SYMBOL_SECTIONS_MAX);
    let section = |nth: u32| section_at(&file, table.saturating_add(u64::from(nth) * stride));
    for wanted in SYMBOL_TABLES {
        for nth in 0..count {
            let symbols = section(nth)?;
            if symbols.kind == wanted && symbols.link < count {
                return look_up(&file, symbols, section(symbols.link)?, addresses);
            }
        }
    }
    Ok(HashMap::new())
}

fn section_at(file: &File, offset: u64) -> io::Result<Section> {
    let mut bytes = [0; SECTION_BYTES];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(Section {
        kind: u32::from_le_bytes(part(&bytes, 4)),
        offset: u64::from_le_bytes(part(&bytes, 24)),
        bytes: u64::from_le_bytes(part(&bytes, 32)),
        link: u32::from_le_bytes(part(&bytes, 40)),
    })
}

fn look_up(
    file: &File,
    symbols: Section,
    names: Section,
    addresses: &[u64],
) -> io::Result<HashMap<u64, String>> {
    // Where the name of each address begins.
    let mut found: HashMap<u64, u64> = HashMap::with_capacity(addresses.len());
    let mut piece = vec![0; SYMBOL_BYTES * SYMBOLS_READ];
    let mut read = 0;
    while read < symbols.bytes {
        let left = usize::try_from(symbols.bytes - read).unwrap_or(usize::MAX);
        let length = piece.len().min(left);
        file.read_exact_at(&mut piece[..length], symbols.offset.saturating_add(read))?;
        read += length as u64;
        for symbol in piece[..length].chunks_exact(SYMBOL_BYTES).filter(|symbol| symbol[4] & 0xf == FUNCTION)
        {
            let (begins, bytes) = (u64::from_le_bytes(part(symbol, 8)), u64::from_le_bytes(part(symbol, 16)));
            let first = addresses.partition_point(|&address| address < begins);
            let inside = addresses[first..].iter().take_while(|&&address| address - begins < bytes);
            for &address in inside {
                found.entry(address).or_insert(u64::from(u32::from_le_bytes(part(symbol, 0))));
            }
        }
    }
    let mut by_name: HashMap<u64, String> = HashMap::new();
    let mut named = HashMap::with_capacity(found.len());
    for (address, name) in found {
        let text = match by_name.entry(name) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(name_at(file, names.offset.saturating_add(name))?).clone(),
        };
        named.insert(address, text);
    }
    Ok(named)
}

/// A zero-terminated text, cut if it is longer than the block that is read.
fn name_at(file: &File, offset: u64) -> io::Result<String> {
    let mut bytes = [0; SYMBOL_NAME_BYTES_MAX];
    let length = file.read_at(&mut bytes, offset)?;
    let end = bytes[..length].iter().position(|&byte| byte == 0).unwrap_or(length);
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// A few bytes out of many; zeros beyond the end.
fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    bytes.get(from..from + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_program_has_no_names_and_ends() {
        let file = std::env::temp_dir().join(format!("overspill-symbols-{}", std::process::id()));
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(64, 0xff);
        for content in [Vec::new(), b"#!/bin/sh\n".repeat(20), vec![0; 64], elf] {
            std::fs::write(&file, &content).unwrap();
            assert!(names(&file, &[1, 2, 3]).map_or(true, |names| names.is_empty()), "{content:?}");
        }
        std::fs::remove_file(file).unwrap();
        assert!(names(Path::new("/nonexistent"), &[]).is_err());
    }
}
