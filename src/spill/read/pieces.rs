//! Rejoins lines that a container runtime cut: Kubernetes' partial marks, Docker's pieces without a line break.
//!
//! - PC1: each stream has one open line at a time, because a runtime cuts them one after the other.
//! - PC2: a line that would be longer than any record's is dropped completely, up to its end.

use crate::limits::READ_LINE_BYTES_MAX;

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinePiece<'a> {
    pub(super) stream: OutputStream,
    pub(super) text: &'a str,
    pub(super) ends: PieceEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputStream {
    Out,
    Error,
}

/// Whether the line ends with this piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceEnd {
    Here,
    Later,
}

impl OutputStream {
    pub(super) fn named(name: &str) -> Option<OutputStream> {
        match name {
            "stdout" => Some(OutputStream::Out),
            "stderr" => Some(OutputStream::Error),
            _ => None,
        }
    }
}

/// `2026-11-26T12:19:45.123456789Z stdout F text`: a line as Kubernetes' container runtimes write it.
pub(super) fn of_cri(line: &str) -> Option<LinePiece<'_>> {
    if !line.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut words = line.splitn(4, ' ');
    let (time, stream) = (words.next()?, OutputStream::named(words.next()?)?);
    let mark = words.next()?;
    // Nothing else counts as a time. A shipper may write its own time, a tab,
    // and an object with such a line in it, and no blank before the line's.
    let is_time = time.len() >= 20
        && time.contains('T')
        && time.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'T' | b'Z' | b':' | b'.' | b'+' | b'-'));
    let ends = match mark.split(':').next()? {
        "F" => PieceEnd::Here,
        "P" => PieceEnd::Later,
        _ => return None,
    };
    is_time.then(|| LinePiece { stream, text: words.next().unwrap_or_default(), ends })
}

/// The open line of each stream.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    open: [Option<OpenLine>; 2],
}

#[derive(Debug)]
enum OpenLine {
    Line(String),
    TooLong,
}

impl Pieces {
    /// Whether a line is open: what follows may then be its next piece, whatever it looks like.
    pub(super) fn are_open(&self) -> bool {
        self.open.iter().any(Option::is_some)
    }

    /// Returns the whole line, once its last piece is added.
    pub(super) fn add(&mut self, piece: LinePiece<'_>) -> Option<String> {
        let open = &mut self.open[piece.stream as usize];
        let line = match open.take() {
            Some(OpenLine::TooLong) => OpenLine::TooLong,
            Some(OpenLine::Line(line)) if line.len() + piece.text.len() > READ_LINE_BYTES_MAX => {
                drop(line);
                OpenLine::TooLong
            }
            Some(OpenLine::Line(line)) => OpenLine::Line(line + piece.text),
            None => OpenLine::Line(piece.text.to_owned()),
        };
        match (piece.ends, line) {
            (PieceEnd::Later, line) => {
                *open = Some(line);
                None
            }
            (PieceEnd::Here, OpenLine::Line(line)) => Some(line),
            (PieceEnd::Here, OpenLine::TooLong) => None,
        }
    }

    /// A line that is still open at the end of the log: the process died while writing it.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.open.iter_mut().filter_map(Option::take).find_map(|open| match open {
            OpenLine::Line(line) => Some(line),
            OpenLine::TooLong => None,
        })
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_two_streams_join_each_to_its_own_line() {
        let mut pieces = Pieces::default();
        let mut add = |line: &str| pieces.add(of_cri(line).unwrap());
        let time = "2026-11-26T12:19:45.123456789Z";
        assert_eq!(add(&format!("{time} stdout P one ")), None);
        assert_eq!(add(&format!("{time} stderr P three ")), None);
        assert_eq!(add(&format!("{time} stdout P:tag and ")), None);
        assert_eq!(add(&format!("{time} stderr F four")).as_deref(), Some("three four"));
        assert_eq!(add(&format!("{time} stdout F two")).as_deref(), Some("one and two"));
        assert_eq!(add(&format!("{time} stdout F whole")).as_deref(), Some("whole"));
        assert!(!pieces.are_open());
        for other in [
            "stdout P x",
            "now stdout P x",
            "2026-11-26T12:19:45Z stdin P x",
            "2026-11-26T12:19:45Z stdout X x",
            "2026-11-26T12:19:45+00:00\tapp\t{\"message\":\"2026-11-26T12:19:45.123456789Z stderr F x\"}",
            "",
        ] {
            assert_eq!(of_cri(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_longer_than_any_records_is_given_up_to_its_end() {
        let mut pieces = Pieces::default();
        let long = "x".repeat(READ_LINE_BYTES_MAX / 2 + 1);
        let piece = |text, ends| LinePiece { stream: OutputStream::Out, text, ends };
        for _ in 0..3 {
            assert_eq!(pieces.add(piece(&long, PieceEnd::Later)), None);
        }
        assert_eq!(pieces.add(piece("end", PieceEnd::Here)), None);
        assert_eq!(pieces.add(piece("next", PieceEnd::Here)).as_deref(), Some("next"));
    }
}
