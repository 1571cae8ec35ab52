//! A layer for tracing-subscriber that writes overspill's records
//! and notices itself, and reports the result of each write.
//!
//! A subscriber does not report a failed write. Overspill sees only that a record was formatted, not that it was kept:
//! the writer may be closed, or the layer may keep only the last two records. With [`SpillLayer`] installed, an event
//! is *spilled* if the write of its record succeeds. Otherwise it goes to the fallback, or is counted as *lost*.
//!
//! ```
//! use overspill::tracing_layer::{SpillLayer, takes};
//! use tracing_subscriber::{Layer, filter::filter_fn, fmt, layer::SubscriberExt};
//!
//! let subscriber = tracing_subscriber::registry()
//!     // Records and notices, as JSON lines in the application's own stream...
//!     .with(SpillLayer::new(std::io::stdout))
//!     // ...and everything else as before.
//!     .with(fmt::layer().with_filter(filter_fn(|metadata| !takes(metadata.target()))));
//! # drop(subscriber);
//! ```
//!
//! A filter for the whole subscriber (such as `EnvFilter` as a layer) also applies to this
//! layer: let `overspill::spill` and `overspill::notice` through at WARN, or give each layer
//! its own filter, as above. A record that a filter keeps from this layer goes to the fallback.

use crate::NOTICE_TARGET;
use crate::SPILL_TARGET;
use crate::spill::{Rfc3339, Stderr, Stdout, witness};
use std::any::{type_name, type_name_of_val};
use std::fmt::{self, Debug, Display};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};

/// Whether [`SpillLayer`] writes records of this target: only overspill's own.
pub fn takes(target: &str) -> bool {
    target == SPILL_TARGET || target == NOTICE_TARGET
}

/// Writes the records that [`takes`] accepts, one JSON object per line, to the writers that the `MakeWriter`
/// makes: `timestamp`, `level`, `target`, `message` and the fields of [`Record`](crate::spill::Record).
///
/// A line is one `write_all` and a `flush`, and is kept if both return `Ok`. `std::io::stdout` and
/// `std::io::stderr` are written to in the same way as [`Stdout`] and [`Stderr`], so that a closed one is an error.
/// If a writer reports success for bytes that it only holds, as a non-blocking writer does, so does this layer.
pub struct SpillLayer<M> {
    make_writer: M,
    /// Whether an error cut off the last line.
    torn: AtomicBool,
}

impl<M> SpillLayer<M>
where
    M: for<'writer> MakeWriter<'writer> + 'static,
{
    /// A layer that writes to what `make_writer` makes.
    pub fn new(make_writer: M) -> SpillLayer<M> {
        SpillLayer { make_writer, torn: AtomicBool::new(false) }
    }

    fn write(&self, event: &Event<'_>) -> io::Result<()> {
        let metadata = event.metadata();
        let mut line = ObjectLine::begin();
        line.text("timestamp", &Rfc3339(SystemTime::now()));
        line.text("level", metadata.level());
        line.text("target", &metadata.target());
        event.record(&mut line);
        let line = line.end()?;
        let mut writer = self.make_writer.make_writer_for(metadata);
        let name = type_name_of_val(&writer);
        if name == type_name::<io::Stdout>() {
            self.write_line(&mut Stdout, &line)
        } else if name == type_name::<io::Stderr>() {
            self.write_line(&mut Stderr, &line)
        } else {
            self.write_line(&mut writer, &line)
        }
    }

    fn write_line(&self, writer: &mut dyn Write, line: &[u8]) -> io::Result<()> {
        // One client's records arrive one at a time. With several clients, a line may
        // follow the rest of another's cut-off line, as it would without this layer.
        if self.torn.swap(true, Ordering::AcqRel) {
            writer.write_all(b"\n")?;
        }
        writer.write_all(line)?;
        writer.flush()?;
        self.torn.store(false, Ordering::Release);
        Ok(())
    }
}

impl<M> Debug for SpillLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpillLayer").finish_non_exhaustive()
    }
}

impl<S, M> Layer<S> for SpillLayer<M>
where
    S: Subscriber,
    M: for<'writer> MakeWriter<'writer> + 'static,
{
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // A layer is not a filter: events that other layers want must still reach them.
        Interest::always()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        if takes(metadata.target()) {
            witness::present();
        }
        true
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if takes(event.metadata().target()) {
            witness::answer(&self.write(event));
        }
    }
}

/// A JSON object under construction.
struct ObjectLine {
    bytes: Vec<u8>,
    failed: Option<serde_json::Error>,
}

impl ObjectLine {
    fn begin() -> ObjectLine {
        ObjectLine { bytes: Vec::with_capacity(1024), failed: None }
    }

    fn value(&mut self, name: &str, value: &(impl serde::Serialize + ?Sized)) {
        self.bytes.push(if self.bytes.is_empty() { b'{' } else { b',' });
        let written = serde_json::to_writer(&mut self.bytes, name).and_then(|()| {
            self.bytes.push(b':');
            serde_json::to_writer(&mut self.bytes, value)
        });
        self.failed = self.failed.take().or(written.err());
    }

    fn text(&mut self, name: &str, value: &dyn Display) {
        self.value(name, &format!("{value}"));
    }

    fn end(mut self) -> io::Result<Vec<u8>> {
        self.bytes.extend_from_slice(b"}\n");
        self.failed.map_or(Ok(self.bytes), |error| Err(error.into()))
    }
}

impl Visit for ObjectLine {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.value(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field.name(), &value);
    }
}
