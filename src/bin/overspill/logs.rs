//! The logs given to a subcommand: files, recognized as plain,
//! gzipped or zstd by their first bytes, and standard input as `-`.

use crate::exit::CommandFailure;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal};
use std::path::Path;

/// Bytes per read from the disk.
const READ_BYTES: usize = 256 << 10;

/// Opens a log for reading, decompressed.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>, CommandFailure> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(CommandFailure::usage(
                "standard input is the terminal: name the log, or send it here with a pipe",
            ));
        }
        return unpacked(BufReader::with_capacity(READ_BYTES, io::stdin()))
            .map_err(|error| CommandFailure::of_file(Path::new("standard input"), error));
    }
    let said = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => CommandFailure::of_file(path, "there is no such file"),
        ErrorKind::PermissionDenied => CommandFailure::of_file(
            path,
            "it may not be read: run this as its owner, or as a member of its group",
        ),
        _ => CommandFailure::of_file(path, error),
    };
    let file = File::open(path).map_err(said)?;
    if file.metadata().map_err(said)?.is_dir() {
        return Err(CommandFailure::of_file(path, "it is a folder: name the files in it"));
    }
    unpacked(BufReader::with_capacity(READ_BYTES, file)).map_err(said)
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether a file that starts like this is compressed.
pub(crate) fn is_packed(first: &[u8]) -> bool {
    first.starts_with(&GZIP) || first.starts_with(&ZSTD)
}

/// Whether a file that starts like this is not lines of text. The journal's export has NUL bytes in its lengths,
/// and so does the start of a log that was truncated while a service that does not append was writing to it.
fn is_binary(first: &[u8]) -> bool {
    first.contains(&0) && !first.starts_with(b"__CURSOR=") && !first.starts_with(&[0; 16])
}

/// The decompressed content, or the content as is.
pub(crate) fn unpacked(mut read: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    let first = read.fill_buf()?;
    if first.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(read))));
    }
    if first.starts_with(&ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(read)?;
        return Ok(Box::new(BufReader::with_capacity(READ_BYTES, decoder)));
    }
    if first.starts_with(b"LPKSHHRH") {
        return Err(io::Error::other(
            "it is a file of the journal: give the output of `journalctl -o export --file NAME` instead",
        ));
    }
    if is_binary(&first[..first.len().min(4_096)]) {
        return Err(io::Error::other("it is not a log: there are NUL bytes in it"));
    }
    Ok(Box::new(read))
}
