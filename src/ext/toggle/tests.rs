//! The toggle against the real SDK, with providers that misbehave.

use super::*;
use crate::spill::{Notice, Record, SpillSink};
use crate::testkit::Spilled;
use crate::{Client, Emitted, Mode, QueueShare, Sample};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult, OpenFeature,
    StructValue, async_trait,
};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// What the provider does when next asked.
#[derive(Clone)]
enum Does {
    Text(&'static str),
    Truth(bool),
    Number(i64),
    DisabledWithADefault,
    Fails(EvaluationErrorCode),
    Hangs,
    Panics,
    Blocks(Duration),
}

struct Provider {
    metadata: ProviderMetadata,
    does: Arc<Mutex<Does>>,
    asked: Arc<AtomicU64>,
}

impl Provider {
    fn does(&self) -> Does {
        self.does.lock().unwrap().clone()
    }

    async fn give<T: Default>(
        &self,
        of: impl Fn(Does) -> Option<T>,
    ) -> EvaluationResult<ResolutionDetails<T>> {
        self.asked.fetch_add(1, Ordering::AcqRel);
        let fails =
            |code| Err(EvaluationError { code, message: Some("https://user:token@flags/".to_owned()) });
        match self.does() {
            Does::Fails(code) => fails(code),
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("a provider"),
            Does::Blocks(time) => {
                std::thread::sleep(time);
                fails(EvaluationErrorCode::ProviderNotReady)
            }
            Does::DisabledWithADefault => Ok(ResolutionDetails {
                reason: Some(EvaluationReason::Disabled),
                ..ResolutionDetails::default()
            }),
            value => match of(value) {
                Some(value) => Ok(ResolutionDetails::new(value)),
                None => fails(EvaluationErrorCode::TypeMismatch),
            },
        }
    }
}

#[async_trait]
impl FeatureProvider for Provider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.give(|does| if let Does::Truth(truth) = does { Some(truth) } else { None }).await
    }

    async fn resolve_int_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.give(|does| if let Does::Number(number) = does { Some(number) } else { None }).await
    }

    async fn resolve_float_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.give(|_| None).await
    }

    async fn resolve_string_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.give(|does| if let Does::Text(text) = does { Some(text.to_owned()) } else { None }).await
    }

    async fn resolve_struct_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        Err(EvaluationError { code: EvaluationErrorCode::TypeMismatch, message: None })
    }
}

/// A client whose notices do not matter, flags that do as told, and a log for the toggle's notices.
struct World {
    runtime: Runtime,
    events: Client,
    api: OpenFeature,
    does: Arc<Mutex<Does>>,
    asked: Arc<AtomicU64>,
    log: Spilled,
    _subscriber: tracing::subscriber::DefaultGuard,
}

struct Silent;

impl SpillSink for Silent {
    fn write(&self, _: &Record<'_>) -> std::io::Result<()> {
        Ok(())
    }
    fn notice(&self, _: &Notice<'_>) -> std::io::Result<()> {
        Ok(())
    }
}

impl World {
    fn new(does: Does) -> World {
        let (log, does) = (Spilled::default(), Arc::new(Mutex::new(does)));
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let _subscriber = tracing::subscriber::set_default(subscriber);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut api = OpenFeature::default();
        let asked = Arc::new(AtomicU64::new(0));
        let metadata = ProviderMetadata::new("scripted");
        let provider = Provider { metadata, does: Arc::clone(&does), asked: Arc::clone(&asked) };
        runtime.block_on(api.set_provider(provider));
        let events = Client::builder("http://127.0.0.1:9/").spill_sink(Silent).build().unwrap();
        World { runtime, events, api, does, asked, log, _subscriber }
    }

    fn builder(&self) -> Builder {
        Toggle::builder(&self.events, self.api.create_client()).evaluation_timeout(Duration::from_millis(20))
    }

    fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// What the toggle has reported, except that it started.
    fn told(&self) -> Vec<String> {
        let text = self.log.text();
        text.lines()
            .filter(|line| line.contains(TOGGLE_TARGET) && !line.contains("toggle started"))
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let stats = self.events.shutdown_blocking(Duration::from_secs(5));
        assert_eq!((stats.lost, stats.pending), (0, 0), "{stats}");
    }
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} did not come about");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn a_string_and_a_boolean_both_switch_the_mode_and_a_flag_may_change_its_type() {
    let world = World::new(Does::Text("log_only"));
    let mut toggle = world.builder().mode_flag("telemetry").build().unwrap();
    for (does, mode) in [
        (Does::Text("log_only"), Mode::LogOnly),
        (Does::Truth(false), Mode::Off),
        (Does::Truth(true), Mode::On),
        (Does::Text("off"), Mode::Off),
        (Does::Text("On"), Mode::On),
    ] {
        world.does(does);
        world.runtime.block_on(toggle.look());
        assert_eq!(world.events.mode(), mode);
    }
}

#[test]
fn a_number_sets_the_rate_of_samples_and_a_word_the_share_of_the_queue() {
    let world = World::new(Does::Number(7));
    let sample = Arc::new(Sample::one_in(NonZeroU32::MIN));
    let mut toggle = world.builder().sample_flag("one-in", Arc::clone(&sample)).build().unwrap();
    world.runtime.block_on(toggle.look());
    assert_eq!(sample.rate(), 7);
    world.does(Does::Number(0));
    world.runtime.block_on(toggle.look());
    assert_eq!(sample.rate(), 7, "none of them is no rate");

    let mut toggle = world.builder().queue_share_flag("share").build().unwrap();
    world.does(Does::Text("quarter"));
    world.runtime.block_on(toggle.look());
    assert_eq!(world.events.queue_share(), QueueShare::Quarter);
}

/// After any failure, the last value stays, and one line says so.
#[test]
fn losing_the_flag_service_in_any_way_keeps_the_last_value_and_is_reported_once() {
    for (does, words) in [
        (Does::Fails(EvaluationErrorCode::ProviderNotReady), "PROVIDER_NOT_READY"),
        (Does::Fails(EvaluationErrorCode::FlagNotFound), "FLAG_NOT_FOUND"),
        (Does::Fails(EvaluationErrorCode::General("https://user:token@flags/".to_owned())), "GENERAL"),
        (Does::Fails(EvaluationErrorCode::TypeMismatch), "TYPE_MISMATCH"),
        (Does::Number(1), "TYPE_MISMATCH"),
        (Does::Text("maybe"), "maybe"),
        (Does::DisabledWithADefault, "DISABLED"),
        (Does::Hangs, "no answer within 20ms"),
        (Does::Panics, "panicked"),
    ] {
        let world = World::new(Does::Text("log_only"));
        let mut toggle = world.builder().mode_flag("telemetry").build().unwrap();
        world.runtime.block_on(toggle.look());
        world.does(does);
        for _ in 0..5 {
            world.runtime.block_on(toggle.look());
        }
        assert_eq!(world.events.mode(), Mode::LogOnly, "{words}");
        let told = world.told();
        assert_eq!(told.len(), 2, "the value, then the trouble: {told:#?}");
        assert!(told[1].contains(words) && told[1].contains("log_only is kept"), "{words}: {}", told[1]);
        assert!(told[1].contains("WARN") && told[1].contains(r#""flag":"telemetry""#), "{}", told[1]);
        assert!(!world.log.text().contains("token"), "{}", world.log.text());
        world.does(Does::Text("off"));
        world.runtime.block_on(toggle.look());
        assert_eq!(world.events.mode(), Mode::Off);
        assert!(world.told()[2].contains("well again"), "{:?}", world.told());
    }
}

/// The SDK's own panic: after its API is shut down there is no provider, not even the one that does nothing.
#[test]
fn the_sdk_may_be_shut_down_before_the_toggle() {
    let mut world = World::new(Does::Text("off"));
    let mut toggle = world.builder().mode_flag("telemetry").build().unwrap();
    world.runtime.block_on(toggle.look());
    world.runtime.block_on(world.api.shutdown());
    world.runtime.block_on(toggle.look());
    assert_eq!(world.events.mode(), Mode::Off);
    assert!(world.told()[1].contains("panicked"), "{:?}", world.told());
}

#[test]
fn what_others_set_stays_until_the_flag_says_something_new() {
    let world = World::new(Does::Text("on"));
    let mut toggle = world.builder().mode_flag("telemetry").build().unwrap();
    world.runtime.block_on(toggle.look());
    world.events.set_mode(Mode::LogOnly);
    world.runtime.block_on(toggle.look());
    assert_eq!(world.events.mode(), Mode::LogOnly, "as the memory watch has it");
    world.does(Does::Text("off"));
    world.runtime.block_on(toggle.look());
    assert_eq!(world.events.mode(), Mode::Off);
}

#[test]
fn on_its_own_thread_it_needs_no_application_runtime_and_ends_with_its_guard() {
    let world = World::new(Does::Text("off"));
    let toggle = world.builder().mode_flag("telemetry").interval(limits::INTERVAL_MIN).start().unwrap();
    until("the first look", || world.events.mode() == Mode::Off);
    assert_eq!(world.events.emit(&1), Emitted::Off);
    world.does(Does::Text("on"));
    until("the next look", || world.events.mode() == Mode::On);
    assert!(world.log.text().contains("toggle started"), "{}", world.log.text());
    let began = Instant::now();
    drop(toggle);
    assert!(began.elapsed() < limits::STOP_WAIT, "the thread has ended, and was not left behind");
}

#[test]
fn the_drop_of_the_guard_is_bounded_while_a_provider_hangs_or_blocks() {
    for (does, within) in [
        (Does::Hangs, Duration::from_millis(900)),
        (Does::Blocks(Duration::from_secs(3)), limits::STOP_WAIT + Duration::from_millis(900)),
    ] {
        let world = World::new(does);
        let toggle = world
            .builder()
            .evaluation_timeout(Duration::from_secs(60))
            .mode_flag("telemetry")
            .start()
            .unwrap();
        until("a question", || world.asked.load(Ordering::Acquire) > 0);
        let began = Instant::now();
        drop(toggle);
        assert!(began.elapsed() < within, "{:?}", began.elapsed());
    }
}

#[test]
fn a_look_that_ends_after_the_guard_sets_nothing() {
    let world = World::new(Does::Text("off"));
    let mut toggle = world.builder().mode_flag("telemetry").build().unwrap();
    toggle.following.store(false, Ordering::Release);
    world.runtime.block_on(toggle.look());
    assert_eq!(world.events.mode(), Mode::On);
}

#[test]
fn as_a_future_it_looks_every_interval_of_a_paused_clock_and_may_be_sent_to_another_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let world = World::new(Does::Text("off"));
    let toggle = world.builder().mode_flag("telemetry").build().unwrap();
    let paused =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mode = paused.block_on(async {
        let following = tokio::spawn(is_send(toggle.run()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let first = world.events.mode();
        world.does(Does::Text("log_only"));
        tokio::time::sleep(limits::INTERVAL).await;
        following.abort();
        (first, world.events.mode())
    });
    assert_eq!(mode, (Mode::Off, Mode::LogOnly));
}

#[test]
fn a_wrong_setting_is_refused_with_what_to_do() {
    let world = World::new(Does::Text("on"));
    let flag = || world.builder().mode_flag("telemetry");
    let many = (0..=limits::FLAGS_MAX).fold(world.builder(), |builder, _| builder.queue_share_flag("share"));
    for (builder, words) in [
        (world.builder(), "mode_flag is not set"),
        (world.builder().mode_flag(""), "mode_flag has a key of 0 bytes"),
        (world.builder().queue_share_flag("k".repeat(257)), "queue_share_flag has a key of 257 bytes"),
        (many, "33 flags"),
        (flag().interval(Duration::ZERO), "interval is 0ns, and may be 10ms to 3600s"),
        (flag().interval(Duration::MAX), "interval is"),
        (flag().evaluation_timeout(Duration::ZERO), "evaluation_timeout is 0ns"),
        (flag().evaluation_timeout(Duration::from_secs(61)), "evaluation_timeout is 61s"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
