//! `ExportLogsServiceResponse`: how many records were rejected, in JSON or in protobuf.

use crate::format::Verdict;
use crate::transport::{BodyEnd, Reply};
use serde_json::Value;

pub(super) fn verdict(reply: &Reply, events: usize) -> Verdict {
    if !(200..=299).contains(&reply.status) {
        return Verdict::ByStatus;
    }
    if reply.body_end == BodyEnd::Cut {
        return Verdict::Unknown;
    }
    // An empty reply is the shortest success in protobuf, and the reply of receivers that say nothing more.
    let body = reply.body.trim_ascii();
    if body.is_empty() {
        return Verdict::ByStatus;
    }
    let json =
        body.starts_with(b"{") || reply.content_type.as_deref().is_some_and(|kind| kind.contains("json"));
    let partial = if json { in_json(body) } else { in_protobuf(&reply.body) };
    match partial {
        Some((0, _)) => Verdict::ByStatus,
        Some((rejected, words)) if rejected <= events as u64 => {
            Verdict::SomeRefused { refused: Some(rejected as usize), words }
        }
        Some(_) | None => Verdict::Unknown,
    }
}

/// `{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"why"}}`: the number may be a string
/// or a number, and everything may be absent or null.
fn in_json(body: &[u8]) -> Option<(u64, String)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let answer = answer.as_object()?;
    let partial = match answer.get("partialSuccess").or_else(|| answer.get("partial_success")) {
        None | Some(Value::Null) => return Some((0, String::new())),
        Some(partial) => partial.as_object()?,
    };
    let rejected = match partial.get("rejectedLogRecords").or_else(|| partial.get("rejected_log_records")) {
        None | Some(Value::Null) => 0,
        Some(Value::String(number)) => number.parse().ok()?,
        Some(number) => number.as_u64()?,
    };
    let words = partial.get("errorMessage").or_else(|| partial.get("error_message"));
    Some((rejected, words.and_then(Value::as_str).unwrap_or_default().to_owned()))
}

/// `partial_success = 1 { rejected_log_records = 1, error_message = 2 }`
fn in_protobuf(body: &[u8]) -> Option<(u64, String)> {
    let (mut rejected, mut words) = (0, String::new());
    for partial in fields(body)? {
        let (1, Wire::Bytes(partial)) = partial else { continue };
        for field in fields(partial)? {
            match field {
                // The number cannot be negative.
                (1, Wire::Number(number)) => rejected = u64::try_from(number as i64).ok()?,
                (2, Wire::Bytes(text)) => words = String::from_utf8_lossy(text).into_owned(),
                _ => {}
            }
        }
    }
    Some((rejected, words))
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message, if the bytes are one valid message to the end.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let mut take = |len: usize| {
            let (taken, rest) = message.split_at_checked(len)?;
            message = rest;
            Some(taken)
        };
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut message)?),
            1 => take(8).map(|_| Wire::Fixed)?,
            2 => {
                let len = usize::try_from(varint(&mut message)?).ok()?;
                let (taken, rest) = message.split_at_checked(len)?;
                message = rest;
                Wire::Bytes(taken)
            }
            5 => take(4).map(|_| Wire::Fixed)?,
            _ => return None,
        };
        // No message has a field 0.
        fields.push((Some(tag >> 3).filter(|&field| field > 0)?, wire));
    }
    Some(fields)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for nth in 0..10 {
        let (&byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << (7 * nth);
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
