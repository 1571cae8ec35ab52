//! OpenTelemetry's logs: the batch processor with an exporter that does nothing, or with OTLP over HTTP.

use super::{Caller, Ended, System};
use crate::Failure;
use crate::trace_event;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, SdkLogger, SdkLoggerProvider,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tracing_subscriber::layer::SubscriberExt;

const QUEUE_EVENTS: usize = 8192;
const BATCH: usize = 500;

pub struct Otel {
    provider: SdkLoggerProvider,
    logger: SdkLogger,
    books: Arc<Books>,
}

#[derive(Debug, Default)]
struct Books {
    exported: AtomicU64,
    failed: AtomicU64,
}

/// Counts the events that another exporter exports.
#[derive(Debug)]
struct Counting<E> {
    inner: E,
    books: Arc<Books>,
}

impl<E: LogExporter> LogExporter for Counting<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records = batch.iter().count() as u64;
        let result = self.inner.export(batch).await;
        let book = if result.is_ok() { &self.books.exported } else { &self.books.failed };
        book.fetch_add(records, Ordering::Relaxed);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.inner.set_resource(resource);
    }
}

#[derive(Debug)]
struct Nothing;

impl LogExporter for Nothing {
    async fn export(&self, _batch: LogBatch<'_>) -> OTelSdkResult {
        Ok(())
    }
}

impl Otel {
    pub fn without_a_wire() -> Otel {
        Otel::with(Nothing)
    }

    pub fn over_http(endpoint: &str) -> Result<Otel, Failure> {
        let exporter = opentelemetry_otlp::LogExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("http://{endpoint}/v1/logs"))
            .build()?;
        Ok(Otel::with(exporter))
    }

    fn with(exporter: impl LogExporter + 'static) -> Otel {
        let books = Arc::new(Books::default());
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_EVENTS)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(Duration::from_millis(200))
            .build();
        let processor = BatchLogProcessor::builder(Counting { inner: exporter, books: Arc::clone(&books) })
            .with_batch_config(batches)
            .build();
        let provider = SdkLoggerProvider::builder().with_log_processor(processor).build();
        Otel { logger: provider.logger("peers"), provider, books }
    }
}

impl System for Otel {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| {
            let mut record = self.logger.create_log_record();
            record.set_event_name(event.event);
            record.set_severity_number(Severity::Info);
            record.set_timestamp(SystemTime::now());
            record.add_attribute("ts", event.ts as i64);
            record.add_attribute("route", AnyValue::from(event.route));
            record.add_attribute("session", AnyValue::from(event.session.clone()));
            record.add_attribute("status", i64::from(event.status));
            record.add_attribute("bytes", event.bytes as i64);
            record.add_attribute("latency_ms", event.latency_ms);
            record.add_attribute("cached", event.cached);
            self.logger.emit(record);
        })
    }

    fn keeps_up(&self, emitted: u64) -> bool {
        let ended = self.books.exported.load(Ordering::Relaxed) + self.books.failed.load(Ordering::Relaxed);
        // It does not report drops. Without the remainder, this would wait forever after 4,000 of them.
        emitted.saturating_sub(ended) % QUEUE_EVENTS as u64 <= 4000
    }

    fn finish(self: Box<Self>, within: Duration) -> Ended {
        let _ = self.provider.shutdown_with_timeout(within);
        Ended { delivered: Some(self.books.exported.load(Ordering::Relaxed)), ..Ended::default() }
    }
}

/// Its tracing layer, over HTTP.
pub struct Layer(Otel);

impl Layer {
    /// Installed in the global subscriber of the process.
    pub fn install(endpoint: &str) -> Result<Layer, Failure> {
        let otel = Otel::over_http(endpoint)?;
        let layer = opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge::new(&otel.provider);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
        Ok(Layer(otel))
    }
}

impl System for Layer {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| trace_event!(event))
    }

    fn keeps_up(&self, emitted: u64) -> bool {
        self.0.keeps_up(emitted)
    }

    fn finish(self: Box<Self>, within: Duration) -> Ended {
        Box::new(self.0).finish(within)
    }
}
