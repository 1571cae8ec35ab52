//! Opens a file: removes gzip, even if applied more than once, and identifies the file by its first bytes.
//!
//! In: a stream of any bytes. Out: the bytes of a profile, or what the file is instead and what to
//! do. SC1: only a fixed read-ahead is held in memory, and at most `bytes_max` are decompressed.

use super::error::ProfileError;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// How many layers of gzip are removed. Two occur in practice: an archive compresses a compressed file.
const GZIP_LAYERS_MAX: usize = 4;

/// How much of the start is examined.
const HEAD_BYTES: usize = 1 << 10;

/// The formats that can be read.
pub(super) enum ProfileInput<'a> {
    /// pprof's protobuf, judging by its beginning.
    Pprof(Unpacked<'a>),
    /// jemalloc's own dump, `heap_v2`.
    HeapV2(Unpacked<'a>),
}

/// Bytes without gzip, and the error if they end early.
pub(super) struct Unpacked<'a> {
    bytes: BufReader<Box<dyn Read + 'a>>,
    is_packed: bool,
    left: u64,
}

impl Unpacked<'_> {
    /// What the buffer has; empty at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], ProfileError> {
        let bytes = self.bytes.fill_buf().map_err(|error| failed(error, self.is_packed))?;
        if bytes.len() as u64 > self.left { Err(ProfileError::TooLarge) } else { Ok(bytes) }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
        self.left = self.left.saturating_sub(count as u64);
    }

    /// A line without its end; `None` after the last.
    pub(super) fn line(&mut self, line: &mut Vec<u8>) -> Result<Option<()>, ProfileError> {
        line.clear();
        loop {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return Ok((!line.is_empty()).then_some(()));
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.consume(used);
            if end.is_some() {
                return Ok(Some(()));
            }
        }
    }
}

fn failed(error: io::Error, is_packed: bool) -> ProfileError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        UnexpectedEof if is_packed => {
            ProfileError::Damaged("its gzip stream ends early: the file is cut off")
        }
        InvalidData | InvalidInput if is_packed => ProfileError::Damaged("its gzip stream is corrupt"),
        _ => ProfileError::Unreadable(error),
    }
}

/// Removes gzip, and identifies the content.
pub(super) fn open<'a>(bytes: impl Read + 'a, bytes_max: u64) -> Result<ProfileInput<'a>, ProfileError> {
    let mut bytes: Box<dyn Read + 'a> = Box::new(bytes);
    for layer in 0..=GZIP_LAYERS_MAX {
        let mut head = Vec::new();
        let read = bytes.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head);
        // A few bytes of a stream that then breaks off also identify it.
        read.map_err(|error| failed(error, layer > 0))?;
        let is_gzip = head.starts_with(&[0x1f, 0x8b]);
        let is_heap_v2 = head.starts_with(b"heap_v2/");
        let other = if is_gzip || is_heap_v2 { None } else { other_kind(&head) };
        bytes = Box::new(Cursor::new(head).chain(bytes));
        if is_gzip {
            bytes = Box::new(MultiGzDecoder::new(bytes));
            continue;
        }
        if let Some(error) = other {
            return Err(error);
        }
        let unpacked = Unpacked {
            bytes: BufReader::with_capacity(1 << 16, bytes),
            is_packed: layer > 0,
            left: bytes_max,
        };
        return Ok(if is_heap_v2 { ProfileInput::HeapV2(unpacked) } else { ProfileInput::Pprof(unpacked) });
    }
    Err(ProfileError::Damaged("it is gzipped more often than anybody packs a file"))
}

/// What kind of file it is, by its start, if it is no profile; `None` if it may be one.
fn other_kind(head: &[u8]) -> Option<ProfileError> {
    const BY_BYTES: [(&[u8], &str, &str); 14] = [
        (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first: zstd -d FILE"),
        (b"\xfd7zXZ\0", "compressed by xz", "unpack it first: xz -d FILE"),
        (b"BZh", "compressed by bzip2", "unpack it first: bzip2 -d FILE"),
        (b"\x04\x22\x4d\x18", "compressed by lz4", "unpack it first: lz4 -d FILE"),
        (b"PK\x03\x04", "a zip archive", "unpack it first, and give the profiles that are in it"),
        (
            b"overspill memory report",
            "the memory watch's report in text",
            "it is written where there is no heap profile, and says why on its line `because`; the profiles next to it \
             end in .pb.gz",
        ),
        (b"\x7fELF", "a program, or a core dump", "give the profiles that were taken of it"),
        (
            b"heap profile:",
            "a heap profile in gperftools' text",
            "turn it into pprof: go tool pprof -proto PROGRAM FILE > FILE.pb.gz",
        ),
        (
            b"--- heapz",
            "a heap profile in gperftools' text",
            "turn it into pprof: go tool pprof -proto PROGRAM FILE > FILE.pb.gz",
        ),
        (b"JAVA PROFILE", "a heap dump of Java's (hprof)", "Eclipse MAT and VisualVM compare those"),
        (b"PERFILE2", "a recording of perf", "it tells of time, not of memory: a heap profile is needed"),
        (
            b"desc:",
            "a massif file of valgrind's",
            "ms_print shows it; a heap profile in pprof format is needed",
        ),
        (
            b"<",
            "a page of HTML or XML",
            "the server answered with an error instead of the profile: look into it",
        ),
        (
            b"heap_v",
            "a dump of jemalloc's in a format that is not heap_v2",
            "jeprof of that version reads it",
        ),
    ];
    let found = BY_BYTES.iter().find(|(begins, _, _)| head.starts_with(begins));
    if let Some((_, what, remedy)) = found {
        return Some(ProfileError::OtherFile { what, remedy });
    }
    if head.is_empty() {
        return Some(ProfileError::NotAProfile("an empty file"));
    }
    // The last character may be cut in two.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let is_text = !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if !is_text || text.is_empty() {
        return None;
    }
    if text.trim_start().starts_with(['{', '[']) {
        let (what, remedy) = if text.contains("\"callFrame\"") {
            (
                "a sampling heap profile of V8's (.heapprofile)",
                "Chrome's DevTools load it; for three in pprof format use the npm package pprof (heap.profile, \
                 then encode)",
            )
        } else if text.contains("\"snapshot\"") {
            ("a heap snapshot of V8's (.heapsnapshot)", "Chrome's DevTools compare those")
        } else {
            ("JSON", "give heap profiles in pprof format, *.pb.gz, or jemalloc's dumps")
        };
        return Some(ProfileError::OtherFile { what, remedy });
    }
    Some(ProfileError::NotAProfile("a text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn unpacked(bytes: &[u8], bytes_max: u64) -> Result<usize, ProfileError> {
        let ProfileInput::Pprof(mut unpacked) = open(bytes, bytes_max)? else { panic!("not pprof") };
        let mut count = 0;
        loop {
            match unpacked.fill()?.len() {
                0 => return Ok(count),
                more => {
                    unpacked.consume(more);
                    count += more;
                }
            }
        }
    }

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_refused_before_it_is_unpacked() {
        let bomb = packed(&vec![0; 1 << 20]);
        assert!(bomb.len() < 2_000);
        assert!(matches!(unpacked(&bomb, 1 << 16), Err(ProfileError::TooLarge)));
        assert_eq!(unpacked(&bomb, 1 << 20).unwrap(), 1 << 20);
        assert!(matches!(unpacked(&[0; 11], 10), Err(ProfileError::TooLarge)));
    }

    #[test]
    fn what_was_gzipped_twice_is_unpacked_twice_and_not_forever() {
        let mut bytes = vec![0; 1_000];
        for _ in 0..GZIP_LAYERS_MAX {
            bytes = packed(&bytes);
            assert_eq!(unpacked(&bytes, 1 << 20).unwrap(), 1_000);
        }
        bytes = packed(&bytes);
        assert!(unpacked(&bytes, 1 << 20).is_err());
    }
}
