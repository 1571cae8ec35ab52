//! The memory bound: every byte that a client can hold, from its configuration.

use super::Config;
use crate::event;
use crate::format::compress::Compression;
use crate::format::{Layout, Overhead};
use crate::limits::*;
use crate::mark::{Mark, NameId};
use crate::queue::{self, Shape};
use crate::spill::log_queue;

/// Which transport's memory counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    No,
    Yes,
}

impl Config {
    /// Whether an event without a name is posted as it was emitted.
    pub(crate) fn adds_nothing(&self) -> bool {
        self.growth_max <= 1 && self.common.adds_nothing(NameId::NONE)
    }

    /// The shape of the queue's chunks: that of a batch, if chunks become batches unchanged.
    pub(crate) fn chunk_shape(&self, layout: Layout) -> Shape {
        let (events_max, bytes_max) = (self.batch_events_max, self.batch_bytes_max);
        match self.adds_nothing() {
            true => Shape { events_max, bytes_max, overhead: self.overhead, frame: layout.frame() },
            false => Shape {
                events_max,
                bytes_max,
                overhead: Overhead { per_batch: 0, per_event: 0 },
                frame: Layout::Encoded.frame(),
            },
        }
    }

    pub(crate) fn log_queue_events_max(&self) -> usize {
        self.queue_events_max.min(LOG_QUEUE_EVENTS)
    }

    pub(crate) fn log_queue_bytes_max(&self) -> usize {
        let largest = event::block_bytes(2 * self.event_bytes_max);
        self.queue_bytes_max.min(LOG_QUEUE_BYTES).max(largest)
    }

    /// Upper limit of what the client holds between calls. In addition, each caller inside `emit` uses at most six times `event_bytes_max`
    /// while the call lasts.
    pub(crate) fn memory_bound(&self, overhead: Overhead, tls: Tls) -> usize {
        // Includes probes, and posts next to those that hang.
        let posts = self.posts_in_flight_max + SPARE_POSTS;
        // Chunks that fill and spare ones, marks, and what chunks hold besides their texts.
        let shape = self.chunk_shape(Layout::Encoded);
        let chunks = queue::bytes_max(self.queue_events_max, self.queue_bytes_max, &shape);
        // Spare blocks of long events.
        let budget = self.queue_bytes_max + event::spare_bytes_max(2 * self.event_bytes_max);
        // One batch fills, one is ready, the others are in flight; all keep their buffers for reuse. Next to each mark: what the event is
        // charged, and its length in a body.
        let batch = self.batch_bytes_max + self.batch_events_max * (size_of::<Mark>() + 2 * size_of::<u32>());
        // A body apart from its batch: for a format that is not a frame, for a probe or a half, or one that its transport still holds after
        // the batch has ended. If compressed, a second one, at worst a little longer than the first.
        // At most a batch, whatever the format's overhead for that many events (B2).
        let overheads = self.batch_events_max.saturating_mul(overhead.per_event);
        let body = self.batch_bytes_max + overhead.per_batch + overheads.min(self.batch_bytes_max);
        let bodies = match self.compression {
            Compression::Plain => posts.saturating_mul(body),
            // The buffer grows as needed, so it may be twice as long as its content.
            #[cfg(feature = "gzip")]
            Compression::Gzip => GZIP_BYTES + body + (posts * 2).saturating_mul(packed(body)),
            #[cfg(feature = "zstd")]
            Compression::Zstd => ZSTD_BYTES + body + posts.saturating_mul(packed(body)),
        };
        let exchange = self.reply_bytes_max + CONNECTION_BYTES;
        // Connections on which an answer is still read after its post has ended.
        let drains = self.posts_in_flight_max * CONNECTION_BYTES;
        // Each is held twice: as set, and as sent.
        let live_headers = LIVE_HEADERS_MAX * 2 * CREDENTIAL_BYTES_MAX;
        let tls = if tls == Tls::Yes { TLS_BYTES } else { 0 };
        let fixed = RUNTIME_BYTES + self.common.names.bytes_max() + live_headers + tls;
        let packing = self.spill_packing.bytes_max(self.spill_line_bytes_max, self.batch_events_max);
        // The longest text that the log's thread makes of one event, in a growing buffer. Up to twice `event_bytes_max` is spilled whole.
        let redacted = 2 * self.event_bytes_max * REDACTED_GROWTH_MAX;
        let redacting = if self.spill_redact.is_empty() { 0 } else { 2 * redacted };
        // An event with its common fields, on its way into a record.
        let splicing = 2 * self.event_bytes_max + self.common.added_by_name_max();
        // The log's queue: callers' events, notices, batches that the sender has handed over, and one that waits for room.
        let log = log_queue::bytes_max(self.log_queue_events_max(), self.log_queue_bytes_max())
            + (LOG_QUEUE_BATCHES + 1) * batch;
        let batches = (posts + 2).saturating_mul(batch);
        // With 32-bit addresses the largest settings exceed the address space.
        [chunks, budget, log, batches, bodies, posts * exchange, drains, fixed, packing, redacting, splicing]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

/// The maximum size of a compressed body: random bytes only grow.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn packed(body: usize) -> usize {
    body + body / 8 + 1024
}
