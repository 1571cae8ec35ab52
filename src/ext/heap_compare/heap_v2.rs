//! jemalloc's own dump (`heap_v2`), as `prof.dump`, `prof_final` and `jeprof` write it: text in, a profile's parts out.
//!
//! Objects and bytes are those that jeprof computes: scaled up from the samples. The addresses become
//! places in the files that the dump lists as loaded; it has no names, and does not say when it was taken.

use super::error::ProfileError;
use super::parts::{ProfileLocation, ProfileMapping, ProfileParts};
use super::source::Unpacked;

const NOT_UNDERSTOOD: ProfileError = ProfileError::Damaged("a line that is not one of jemalloc's dump");

/// Parses `heap_v2/PERIOD`, then for each stack `@ 0xADDRESS ...` and `t*: OBJECTS: BYTES [..]`, then the mappings.
pub(super) fn read(mut input: Unpacked<'_>) -> Result<ProfileParts, ProfileError> {
    let mut parts = ProfileParts::new();
    parts.texts.push(b"");
    let mut text = |text: &str| parts.texts.push(text.as_bytes());
    parts.types = vec![(text("inuse_objects"), text("count")), (text("inuse_space"), text("bytes"))];
    let mut line = Vec::new();
    input.line(&mut line)?;
    let head = std::str::from_utf8(&line).ok().and_then(|line| line.strip_prefix("heap_v2/"));
    let period: u64 = head.and_then(|period| period.trim().parse().ok()).ok_or(NOT_UNDERSTOOD)?;
    parts.period = i64::try_from(period).unwrap_or(i64::MAX);
    let mut stack = None;
    let mut is_whole = false;
    while input.line(&mut line)?.is_some() {
        let text = String::from_utf8_lossy(&line);
        if is_whole {
            mapping(&mut parts, &text);
        } else if let Some(addresses) = text.strip_prefix('@') {
            let parsed = addresses.split_ascii_whitespace().map(hexadecimal);
            stack = Some(parsed.collect::<Option<Vec<u64>>>().ok_or(NOT_UNDERSTOOD)?);
        } else if let Some(counts) = text.trim_start().strip_prefix("t*:") {
            // The first line, before any stack, is the total.
            let Some(stack) = stack.take() else { continue };
            let mut numbers = counts.split([':', ' ', '[']).filter(|word| !word.is_empty());
            let mut number =
                || numbers.next().and_then(|word| word.parse::<u64>().ok()).ok_or(NOT_UNDERSTOOD);
            let (objects, bytes) = (number()?, number()?);
            if objects > 0 {
                parts.add(&stack, &scaled(objects, bytes, period)).ok_or(ProfileError::TooLarge)?;
                locate(&mut parts, &stack);
            }
        } else {
            is_whole = text.starts_with("MAPPED_LIBRARIES");
        }
    }
    parts.locations.iter_mut().for_each(|location| {
        let holds = |mapping: &&ProfileMapping| (mapping.begins..mapping.ends).contains(&location.address);
        location.mapping = parts.mappings.iter().find(holds).map_or(0, |mapping| mapping.id);
    });
    if is_whole {
        Ok(parts)
    } else {
        Err(ProfileError::Damaged("it ends before MAPPED_LIBRARIES: the file is cut off"))
    }
}

fn hexadecimal(word: &str) -> Option<u64> {
    u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()
}

/// Objects and bytes in the heap, estimated from those in the sample. An allocation of s bytes
/// is sampled with the probability 1 - exp(-s / period), and only the average of s is known.
fn scaled(objects: u64, bytes: u64, period: u64) -> [i64; 2] {
    let (count, sum) = (objects as f64, bytes as f64);
    let sampled = -(-(sum / count) / period.max(1) as f64).exp_m1();
    let factor = if sampled > 0.0 { 1.0 / sampled } else { 1.0 };
    // A cast from a float saturates.
    [count, sum].map(|value| (value * factor).round() as i64)
}

/// Fills in the locations of a stack. A return address is one past the call.
fn locate(parts: &mut ProfileParts, stack: &[u64]) {
    parts.locations.resize(parts.ids.len(), ProfileLocation::default());
    for &id in stack {
        if let Some(number) = parts.ids.get(id) {
            parts.locations[number as usize] =
                ProfileLocation { id, address: id.saturating_sub(1), ..ProfileLocation::default() };
        }
    }
}

/// A line of `/proc/PID/maps`. The program comes first there.
fn mapping(parts: &mut ProfileParts, line: &str) {
    let mut words = line.split_ascii_whitespace();
    let parsed = (|| {
        let (begins, ends) = words.next()?.split_once('-')?;
        let (_, offset, _, _) = (words.next()?, words.next()?, words.next()?, words.next()?);
        Some((hexadecimal(begins)?, hexadecimal(ends)?, hexadecimal(offset)?))
    })();
    let file: Vec<&str> = words.collect();
    if let (Some((begins, ends, offset)), false) = (parsed, file.is_empty()) {
        let (id, file) = (parts.mappings.len() as u64 + 1, file.join(" "));
        // A file's mappings are adjacent.
        let last = parts.mappings.last().map(|mapping| mapping.file);
        let same = last.filter(|last| parts.texts.get(*last).is_ok_and(|text| text == file));
        let file = same.unwrap_or_else(|| parts.texts.push(file.as_bytes()));
        parts.mappings.push(ProfileMapping { id, begins, ends, offset, file, build_id: 0 });
    }
}
