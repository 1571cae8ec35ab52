//! Asserts that every public type implements `Debug` and can go to other threads. `tests/tidy.rs` checks that none is missing here.

use crate::format::*;
use crate::spill::*;
use crate::transport::*;
use crate::*;
use std::fmt::Debug;

fn shared<T: Debug + Send + Sync + Unpin>() {}
/// For types that hold a value of the user's, which only has to be `Send`.
fn given<T: Debug + Send>() {}

#[test]
fn every_public_type_of_the_core_is_shown_and_shared_or_given_away() {
    shared::<BuildError>();
    shared::<Client>();
    shared::<Deadline>();
    shared::<Emitted>();
    shared::<EndpointState>();
    shared::<Figure>();
    shared::<FigureKind>();
    shared::<FlushError>();
    shared::<LostReason>();
    shared::<MaybeDelivered>();
    shared::<Mode>();
    shared::<QueueShare>();
    shared::<Reason>();
    shared::<Resender>();
    shared::<Resent>();
    shared::<Sample>();
    shared::<ShutdownGuard>();
    shared::<Signal<'_>>();
    shared::<Stats>();
    shared::<UnknownName>();
    given::<Builder>();
    given::<Sender>();
}

#[test]
fn every_public_type_of_formats_transports_and_the_spill_is_shared() {
    shared::<Body>();
    shared::<Bulk>();
    shared::<ClickHouse>();
    shared::<CommonFields<'_>>();
    shared::<Datadog>();
    shared::<Demands>();
    shared::<Envelope>();
    shared::<Event<'_>>();
    shared::<EventId<'_>>();
    shared::<Events<'_>>();
    shared::<Fate>();
    shared::<FluentBit>();
    shared::<Honeycomb>();
    shared::<Influx>();
    shared::<KafkaRest>();
    shared::<Loki>();
    shared::<NewRelic>();
    shared::<Otlp>();
    shared::<OtlpJson>();
    shared::<Repeats>();
    shared::<SplunkHec>();
    shared::<TokenHeader>();
    shared::<Vector>();
    shared::<format::Verdict>();
    shared::<VictoriaLogs>();
    shared::<Placement>();
    shared::<Frame>();
    shared::<JsonArray>();
    shared::<Layout>();
    shared::<Ndjson>();
    shared::<Overhead>();
    shared::<format::Refused>();
    shared::<SettledBy>();
    shared::<BodyEnd>();
    shared::<Failure>();
    shared::<FailureKind>();
    shared::<Reply>();
    shared::<Request>();
    shared::<RequestBody>();
    shared::<Checkpoint>();
    shared::<Place>();
    shared::<Entries<std::io::Empty>>();
    shared::<Entry>();
    shared::<Joined>();
    shared::<JoinedRecords<std::io::Empty>>();
    shared::<Joiner>();
    shared::<Loss>();
    shared::<Losses>();
    shared::<LogLevel>();
    shared::<Notice<'_>>();
    shared::<Record<'_>>();
    shared::<Records<std::io::Empty>>();
    shared::<Redact>();
    shared::<Rfc3339>();
    shared::<SpillPacking>();
    shared::<Seen>();
    shared::<SpilledNotice>();
    shared::<SpilledPart>();
    shared::<Stderr>();
    shared::<Stdout>();
    shared::<WriteSink<std::fs::File>>();
}

#[cfg(feature = "testkit")]
#[test]
fn every_public_type_of_the_test_kit_is_shared() {
    use crate::testkit::*;
    shared::<Act>();
    shared::<Answer>();
    shared::<Blackhole>();
    shared::<Cut>();
    shared::<Endpoint>();
    shared::<Greet>();
    shared::<Received>();
    shared::<Rss>();
    shared::<Scripted<fn(&Request) -> Answer>>();
    shared::<Spilled>();
    shared::<Taken>();
}

#[cfg(feature = "heap-compare")]
#[test]
fn every_public_type_of_the_heap_comparison_is_shared() {
    use crate::heap_compare::*;
    shared::<CompareError>();
    shared::<Comparing>();
    shared::<Comparison>();
    shared::<heap_compare::Frame>();
    shared::<Grown>();
    shared::<Growth>();
    shared::<Held>();
    shared::<Interval>();
    shared::<heap_compare::Level>();
    shared::<Owner>();
    shared::<Profile>();
    shared::<ProfileError>();
    shared::<Verdict>();
    shared::<Warning>();
}

#[cfg(feature = "memory-watch")]
#[test]
fn every_public_type_of_the_memory_watch_is_shown_and_shared_or_given_away() {
    use crate::memory_watch::*;
    shared::<Appetite>();
    shared::<Cause>();
    shared::<Counted>();
    shared::<Crossing>();
    shared::<Kind>();
    shared::<Level>();
    shared::<Looked<'_>>();
    shared::<MemoryStats>();
    shared::<Snapshot<'_>>();
    shared::<SnapshotError>();
    shared::<StartError>();
    given::<memory_watch::Builder>();
    shared::<MemoryWatch>();
    given::<Watch>();
}

#[cfg(feature = "metrics-recorder")]
#[test]
fn every_public_type_of_the_metrics_recorder_is_shared() {
    use crate::metrics_recorder::*;
    shared::<metrics_recorder::Builder>();
    shared::<metrics_recorder::FlushError>();
    shared::<InstallError>();
    shared::<MetricsGuard>();
    shared::<MetricsRecorder>();
    shared::<MetricsStats>();
}

#[cfg(feature = "tracing-events")]
#[test]
fn every_public_type_of_the_tracing_events_is_shared() {
    use crate::tracing_events::*;
    shared::<tracing_events::Builder>();
    shared::<Member>();
    shared::<SettingError>();
    shared::<SpanFields>();
    shared::<TracingEvents>();
}

#[cfg(feature = "tower")]
#[test]
fn every_public_type_of_the_request_events_is_shared() {
    use crate::request_events::*;
    shared::<RequestEvents<()>>();
    shared::<RequestEventsLayer>();
    shared::<RequestFuture<std::future::Ready<()>>>();
}

#[cfg(feature = "open-feature")]
#[test]
fn every_public_type_of_the_toggle_is_shown_and_shared_or_given_away() {
    use crate::toggle::*;
    shared::<StartError>();
    given::<toggle::Builder>();
    given::<Toggle>();
    shared::<ToggleGuard>();
}

#[cfg(feature = "tracing-layer")]
#[test]
fn the_layer_is_shared() {
    shared::<crate::tracing_layer::SpillLayer<fn() -> std::io::Stderr>>();
}
