//! Feature flags that switch a client: from a map in the process, from a file that an operator edits, and from a source that goes away.
//!
//! `tests/lab/run toggle` takes a second. The application has no runtime; the toggle has its own.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, reason = "prints for people to read")]

mod file;
mod memory;

use file::FileProvider;
use memory::{Flags, MemoryProvider};
use open_feature::OpenFeature;
use overspill::testkit::{Act, Endpoint};
use overspill::toggle::Toggle;
use overspill::{Client, Mode, QueueShare, Sample};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn std::error::Error>>;

static CACHE_HITS: Sample = Sample::one_in(NonZeroU32::MIN);

fn main() -> Outcome {
    tracing_subscriber::fmt().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;
    let events = Client::builder(endpoint.url()).build()?;
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));
    println!("--- a map in the process");
    by_memory(&events)?;
    println!("--- a file that an operator edits");
    by_file(&events)?;
    events.set_mode(Mode::On);
    for key in 0..1_000_u32 {
        if CACHE_HITS.keeps() {
            events.emit(
                &serde_json::json!({ "event": "cache_hit", "key": key, "sample_rate": CACHE_HITS.rate() }),
            );
        }
    }
    events.flush_blocking(Duration::from_secs(2))?;
    println!("{}; sampling left out {} cache hits", events.stats(), CACHE_HITS.left_out());
    Ok(())
}

fn by_memory(events: &Client) -> Outcome {
    let flags = Flags::default();
    flags.set("telemetry", true);
    flags.set("telemetry-share", "half".to_owned());
    flags.set("cache-hits-one-in", 100);
    let mut api = OpenFeature::default();
    // The SDK's call to set a provider is async. Without a runtime, a temporary one is enough.
    tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(api.set_provider(MemoryProvider::new(&flags)));
    let _toggle = Toggle::builder(events, api.create_client())
        .mode_flag("telemetry")
        .queue_share_flag("telemetry-share")
        .sample_flag("cache-hits-one-in", &CACHE_HITS)
        .interval(Duration::from_millis(20))
        .start()?;
    becomes("rate 100 and half of the queue", || {
        CACHE_HITS.rate() == 100 && events.queue_share() == QueueShare::Half
    })?;
    flags.set("telemetry", false);
    becomes("off", || events.mode() == Mode::Off)?;
    flags.set("telemetry", "log_only".to_owned());
    becomes("log only", || events.mode() == Mode::LogOnly)?;
    flags.set("telemetry-share", "whole".to_owned());
    becomes("the whole queue", || events.queue_share() == QueueShare::Whole)
}

fn by_file(events: &Client) -> Outcome {
    let path = std::env::temp_dir().join(format!("overspill-toggle-{}", std::process::id()));
    std::fs::write(&path, "telemetry = on\n")?;
    let mut api = OpenFeature::default();
    tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(api.set_provider(FileProvider::new(&path)));
    let toggle = Toggle::builder(events, api.create_client())
        .mode_flag("telemetry")
        .interval(Duration::from_millis(20))
        .start()?;
    becomes("on", || events.mode() == Mode::On)?;
    std::fs::write(&path, "telemetry = off # while we look at it\n")?;
    becomes("off", || events.mode() == Mode::Off)?;
    std::fs::remove_file(&path)?;
    println!("the file is gone: nothing changes, and the log has a line about it:");
    // Lets several polls pass. Only the first one logs.
    std::thread::sleep(Duration::from_millis(100));
    becomes("off still", || events.mode() == Mode::Off)?;
    let began = Instant::now();
    drop(toggle);
    println!("the toggle is gone after {:?}", began.elapsed());
    Ok(())
}

/// Waits until a flag has taken effect.
fn becomes(what: &str, is_so: impl Fn() -> bool) -> Outcome {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err(format!("not {what}").into());
        }
        // The polling interval.
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("    {what}");
    Ok(())
}
