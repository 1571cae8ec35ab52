//! ClickHouse's JSONEachRow: it stores all rows of a request, or none.

use crate::format::{Demands, Format, Frame, Layout, Verdict};
use crate::outcome::MaybeDelivered;
use crate::transport::{BodyEnd, Reply};

/// ClickHouse, `http://…:8123/?query=INSERT%20INTO%20events%20FORMAT%20JSONEachRow`: one row per event, its members are the columns.
///
/// ClickHouse stores all rows of a request or none. If the answer names a row, that event is refused and the others are posted again
/// without it. The server's settings decide what happens to unknown columns and asynchronous inserts (`input_format_skip_unknown_fields`,
/// `wait_for_async_insert=1`). Servers before 20 unpack gzip but not zstd, and say so.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ClickHouse {}

impl ClickHouse {
    /// As documented above.
    pub const fn new() -> ClickHouse {
        ClickHouse {}
    }
}

/// The header that has the error's number, of servers from 20 on.
const CODE: &str = "x-clickhouse-exception-code";

impl Format for ClickHouse {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(Frame::LINES)
    }

    fn reply_headers(&self) -> &'static [&'static str] {
        &[CODE]
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        let text = String::from_utf8_lossy(&reply.body);
        let text = text.trim();
        let code = reply.header(CODE).and_then(|code| code.trim().parse().ok()).or_else(|| code_in(text));
        match (reply.status, code) {
            // The error came after the reply had begun.
            (200..=299, Some(_)) => Verdict::Unknown,
            (200..=299, None) if reply.body_end == BodyEnd::Cut => Verdict::Unknown,
            (_, Some(code)) => of_code(code, text, events),
            _ => Verdict::ByStatus,
        }
    }

    fn demands(&self) -> Demands {
        Demands::NONE.encodings(&["gzip", "zstd"])
    }
}

/// Decided by the server's own error codes, whatever the status: old servers answer
/// 500 to a row that they cannot parse.
fn of_code(code: u32, text: &str, events: usize) -> Verdict {
    let words = || text.to_owned();
    match code {
        // Too many queries, too many parts, a table that is read-only for now: nothing was
        // started, or nothing was kept.
        202 | 242 | 252 | 319 => Verdict::Unavailable { maybe_delivered: MaybeDelivered::No, words: words() },
        // Unknown table, database, setting, format or compression; unknown user, wrong password, no
        // permission; a syntax error in the query.
        60 | 62 | 73 | 81 | 89 | 115 | 164 | 192..=194 | 291 | 497 | 516 => {
            Verdict::Denied { words: words() }
        }
        // Errors in a value: it cannot be parsed, its type does not fit, it is out of range, or its column is unknown.
        6 | 16 | 26 | 27 | 33 | 38 | 41 | 43 | 53 | 69 | 70 | 72 | 117 | 130 | 131 | 190 | 321 | 349
        | 441 | 469 | 636 => {
            match row_in(text).filter(|&row| row < events) {
                Some(row) => Verdict::none_because_of(row, events, words()),
                // Nothing is stored, so searching for the row causes no duplicates.
                None => Verdict::NoneTaken { words: words() },
            }
        }
        _ => Verdict::ByStatus,
    }
}

/// `Code: 27. DB::Exception: …`
fn code_in(text: &str) -> Option<u32> {
    let number = text.strip_prefix("Code:")?.trim_start();
    number[..number.find(|char: char| !char.is_ascii_digit())?].parse().ok()
}

/// `… (at row 2)`, from 1.
fn row_in(text: &str) -> Option<usize> {
    let number = &text[text.rfind("(at row ")? + "(at row ".len()..];
    number[..number.find(')')?].parse::<usize>().ok()?.checked_sub(1)
}
