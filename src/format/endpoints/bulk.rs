//! The bulk API of Elasticsearch: one action and one document per line, and a verdict for each.

mod items;

use crate::format::{Body, Demands, Events, Fate, Format, Overhead, Repeats, Verdict, moment};
use crate::transport::{BodyEnd, Reply};

/// Elasticsearch, OpenSearch, Quickwit: `/INDEX/_bulk`. Each event is `create`d under its own id, so a repeated event is stored once.
///
/// The document is the event, with `@timestamp` in it ([`time_field`](crate::Builder::time_field) sets another member) and the [common
/// fields](crate::Builder::common_field). The URL selects the index and the answer:
/// `http://…:9200/events/_bulk?filter_path=errors,items.*.status,items.*.error` makes a good answer short. All of them unpack gzip.
///
/// | answer for an event | it is |
/// |---|---|
/// | 2xx, 409 | delivered; by an earlier request |
/// | 429, 5xx | unavailable for now |
/// | any other | refused, with its own words |
#[derive(Debug, Clone, Copy, Default)]
pub struct Bulk {
    stamp: TimestampBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TimestampBy {
    #[default]
    Ours,
    Theirs,
}

impl Bulk {
    /// As documented above.
    pub const fn new() -> Bulk {
        Bulk { stamp: TimestampBy::Ours }
    }

    /// Events have their own `@timestamp`: none is added, because a repeated member would be refused.
    pub const fn events_have_a_timestamp(self) -> Bulk {
        Bulk { stamp: TimestampBy::Theirs }
    }
}

const BEFORE: &[u8] = br#"{"create":{"_id":""#;
const BETWEEN: &[u8] = b"\"}}\n";
/// 16 hexadecimal digits, a hyphen, and the digits of a number.
const ID_BYTES_MAX: usize = 16 + 1 + 20;
/// Wraps a document that is not an object.
const WRAPPED: (&[u8], &[u8]) = (br#"{"value":"#, b"}");

impl Format for Bulk {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        for event in events {
            body.push(BEFORE);
            moment::push_id(&event, |piece| body.push(piece));
            body.push(BETWEEN);
            if event.json().starts_with(b"{") {
                body.push(event.json());
            } else {
                [WRAPPED.0, event.json(), WRAPPED.1].iter().for_each(|piece| body.push(piece));
            }
            body.push("\n");
        }
    }

    fn overhead(&self) -> Overhead {
        let wrapped = WRAPPED.0.len() + WRAPPED.1.len();
        Overhead { per_batch: 0, per_event: BEFORE.len() + ID_BYTES_MAX + BETWEEN.len() + wrapped + 1 }
    }

    fn repeats(&self) -> Repeats {
        Repeats::Harmless
    }

    /// A refusal with its cause is half as long.
    fn reply_bytes_max(&self, events_max: usize) -> usize {
        (64 << 10) + events_max * 1024
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        if !(200..=299).contains(&reply.status) {
            return Verdict::ByStatus;
        }
        match items::fates(&reply.body) {
            // If the reply was cut, whatever it reported still counts.
            Ok(fates) if fates.len() == events => Verdict::Each(fates),
            Err(fates) if reply.body_end == BodyEnd::Cut && fates.contains(&Fate::Delivered) => {
                Verdict::Each(fates)
            }
            _ => Verdict::Unknown,
        }
    }

    fn demands(&self) -> Demands {
        let demands = Demands::NONE.encodings(&["gzip"]).token("authorization", "ApiKey ");
        match self.stamp {
            TimestampBy::Ours => demands.time_field("@timestamp"),
            TimestampBy::Theirs => demands,
        }
    }
}
