//! The report for machines: everything the other views show, in full, in seconds, bytes and fractions of one.

use super::books::KnownBy;
use super::summary::{Certain, Summary};
use super::words;
use overspill::Reason;
use overspill::spill::Rfc3339;
use serde_json::{Map, Value, json};
use std::time::SystemTime;

pub(crate) fn of(summary: &Summary) -> Value {
    let books = &summary.books;
    let outages = summary.rows.iter().map(|row| {
        json!({
            "began": time(row.began),
            "ended": row.ended.map(time),
            "seconds": row.lasted(summary.end()).as_secs_f64(),
            "clients": row.clients,
            "cause": row.cause,
            "events": row.seen,
            "missing": row.missing,
            "lost": row.lost,
            "recovery_lag_seconds_max": row.lag.map(|lag| lag.as_secs_f64()),
            "known_by": match row.known_by { KnownBy::Notices => "notices", KnownBy::Records => "records" },
        })
    });
    let gaps = summary.holes.iter().map(|hole| {
        json!({
            "client": hole.client,
            "from": hole.hole.seqs.start(),
            "to": hole.hole.seqs.end(),
            "events": hole.hole.len(),
            "after": time(hole.hole.after),
            "before": time(hole.hole.before),
            "certain": hole.certain == Certain::Yes,
        })
    });
    let short = |short: &super::summary::Short| json!({ "client": short.client, "spilled": short.spilled, "missing": short.missing });
    let buckets = books.timeline.buckets().enumerate().map(|(nth, bucket)| {
        let by_reason: Map<String, Value> = Reason::ALL
            .iter()
            .zip(bucket)
            .filter(|(_, events)| **events > 0)
            .map(|(reason, events)| (reason.to_string(), (*events).into()))
            .collect();
        json!({ "at": time(books.timeline.start() + books.timeline.width() * nth as u32), "events": by_reason })
    });
    json!({
        "logs": summary.logs,
        "log_bytes": summary.log_bytes,
        "events": books.events,
        "first": books.first.map(time),
        "last": books.last.map(time),
        "missing": summary.missing,
        "lost": summary.lost,
        "maybe_delivered": books.maybe_delivered,
        "maybe_delivered_share": books.maybe_delivered as f64 / books.events.max(1) as f64,
        "redacted": books.redacted,
        "again": books.again,
        "incomplete": books.incomplete(),
        "clients": books.clients.len(),
        "records": books.record_lines,
        "notices": books.notices,
        "record_bytes": books.record_bytes,
        "out_seconds": summary.out().as_secs_f64(),
        "outages": outages.collect::<Vec<_>>(),
        "by_reason": words::reasons(&books.by_reason).into_iter()
            .map(|(reason, events)| (reason.to_string(), events.into())).collect::<Map<_, _>>(),
        "by_name": books.names,
        "unnamed": books.unnamed,
        "other_names": books.other_names,
        "short_clients": summary.shorts.iter().map(short).collect::<Vec<_>>(),
        "gaps": gaps.collect::<Vec<_>>(),
        "timeline_seconds": books.timeline.width().as_secs(),
        "timeline": buckets.collect::<Vec<_>>(),
    })
}

fn time(at: SystemTime) -> String {
    Rfc3339(at).to_string()
}
