//! Decides which lines of a log are parsed: a fast search, because most of a log is something else.
//!
//! In: bytes as they arrive. Out: the position of the next line that may carry a record, a notice or a piece of either.
//!
//! - FD1: a line with `spill_client` in it, in lower or upper case, is found. So is a piece of a line (marked
//!   as partial, or as long as the lines that runtimes cut), which may contain only half of the name.
//! - FD2: it scans at least sixteen bytes at a time: the loop over a block has no branch.

/// Every record and every notice contains it, whatever is around it.
const NAME: &[u8] = b"spill_client";
/// The position of `_c` in it: rare in text.
const PAIR_AT: usize = 5;

/// Docker cuts lines at 16 KiB; a line of that length may be a piece.
pub(super) const LONG: usize = 16_000;

const BLOCK: usize = 64;

/// What comes next in a piece of a log that begins at the start of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FindResult {
    /// A line to parse, including its line break.
    Line { start: usize, end: usize },
    /// No such line; the last line, which has no end yet, begins here.
    Open { start: usize },
}

/// The first line to parse.
pub(super) fn next(log: &[u8]) -> FindResult {
    let (mut at, mut since_break) = (0, 0);
    while let Some(block) = log.get(at..at + BLOCK + 2) {
        let seen = look(block);
        since_break = if seen.has_break { 0 } else { since_break + BLOCK };
        let hit = if seen.may_have_name { (at..at + BLOCK).find(|&at| is_hit(log, at)) } else { None };
        if let Some(hit) = hit.or((since_break >= LONG).then_some(at)) {
            return line_around(log, hit);
        }
        at += BLOCK;
    }
    match (at..log.len()).find(|&at| is_hit(log, at)) {
        Some(hit) => line_around(log, hit),
        None => FindResult::Open { start: start_of_line(log, log.len()) },
    }
}

/// Whether a complete line has to be parsed.
pub(super) fn is_wanted(line: &[u8]) -> bool {
    line.len() >= LONG
        || matches!(next(line), FindResult::Line { .. })
        || (0..line.len()).any(|at| is_hit(line, at))
}

/// Whether a text contains the name that every record and every notice contains.
pub(super) fn has_name(text: &str) -> bool {
    let text = text.as_bytes();
    let is_name = |at: &usize| text[*at] == b'_' && is_hit(text, *at);
    let mut at = 0;
    while let Some(block) = text.get(at..at + BLOCK + 2) {
        if look(block).may_have_name && (at..at + BLOCK).any(|at| is_name(&at)) {
            return true;
        }
        at += BLOCK;
    }
    (at..text.len()).any(|at| is_name(&at))
}

#[derive(Debug, Clone, Copy)]
struct BlockScan {
    may_have_name: bool,
    has_break: bool,
}

fn look(block: &[u8]) -> BlockScan {
    let (mut name, mut line_break) = (0_u8, 0_u8);
    let three = block.iter().zip(block.get(1..).unwrap_or_default()).zip(block.get(2..).unwrap_or_default());
    for ((&first, &second), &third) in three {
        name |= u8::from(first == b'_') & u8::from(second | 0x20 == b'c');
        name |= u8::from(first == b' ') & u8::from(second == b'P') & u8::from(third == b' ');
        line_break |= u8::from(first == b'\n');
    }
    BlockScan { may_have_name: name != 0, has_break: line_break != 0 }
}

/// Whether the `_` of the name is here, or the first blank of a partial mark.
fn is_hit(log: &[u8], at: usize) -> bool {
    match log[at] {
        b'_' => at
            .checked_sub(PAIR_AT)
            .and_then(|start| log.get(start..start + NAME.len()))
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME)),
        b' ' => {
            log[at..].starts_with(b" P ")
                && (log[..at].ends_with(b"stdout") || log[..at].ends_with(b"stderr"))
        }
        _ => false,
    }
}

fn line_around(log: &[u8], hit: usize) -> FindResult {
    let start = start_of_line(log, hit);
    match end_of_line(&log[hit..]) {
        Some(end) => FindResult::Line { start, end: hit + end },
        None => FindResult::Open { start },
    }
}

fn start_of_line(log: &[u8], at: usize) -> usize {
    log[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |line_break| line_break + 1)
}

/// The position after the first line break.
pub(super) fn end_of_line(log: &[u8]) -> Option<usize> {
    let blocks = log.chunks(BLOCK);
    let mut passed = 0;
    for block in blocks {
        if block.iter().fold(0, |seen, &byte| seen | u8::from(byte == b'\n')) != 0 {
            return block.iter().position(|&byte| byte == b'\n').map(|at| passed + at + 1);
        }
        passed += block.len();
    }
    None
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same search, written plainly and without concern for speed.
    fn plainly(log: &[u8]) -> FindResult {
        let mut start = 0;
        for line in log.split_inclusive(|&byte| byte == b'\n') {
            let text = String::from_utf8_lossy(line);
            let has_name = text.to_ascii_lowercase().contains("spill_client");
            if !line.ends_with(b"\n") {
                break;
            }
            if has_name || text.contains("stdout P ") || text.contains("stderr P ") {
                return FindResult::Line { start, end: start + line.len() };
            }
            start += line.len();
        }
        FindResult::Open { start }
    }

    proptest! {
        #[test]
        fn the_fast_search_finds_the_same_line_as_a_plain_search(
            pieces in proptest::collection::vec(prop_oneof![
                "[ -~]{0,90}",
                "(spill|SPILL|Spill)_(client|CLIENT|c|C|v)",
                "(a|\n| )(stdout|stderr) [PF] ",
                Just("\n".to_owned()),
                "[_cC P\n]{0,5}",
            ], 0..30)
        ) {
            let log = pieces.concat().into_bytes();
            prop_assert_eq!(next(&log), plainly(&log));
            let text = String::from_utf8(log).unwrap();
            prop_assert_eq!(has_name(&text), text.to_ascii_lowercase().contains("spill_client"));
        }
    }

    #[test]
    fn a_line_as_long_as_those_that_a_runtime_cuts_is_parsed() {
        let long = [b"short\n".as_slice(), &b"x".repeat(LONG + 2 * BLOCK + 2), b"\nshort\n"].concat();
        assert_eq!(next(&long), FindResult::Line { start: 6, end: long.len() - 6 });
        assert!(is_wanted(&b"x".repeat(LONG)) && !is_wanted(&b"x".repeat(LONG - 1)));
        assert_eq!(next(&b"short\n".repeat(9_000)), FindResult::Open { start: 54_000 });
    }
}
