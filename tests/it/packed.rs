//! Packed records: several events per line, each where the law says, with its own number and its identical text.

use crate::log::golden;
use crate::support::*;
use overspill::spill::{Record, SpillPacking, SpillSink, SpilledPart, WriteSink, join, read_line};
use overspill::testkit::Scripted;
use overspill::{Builder, Client, Emitted, LostReason, Mode, Reason, Sender, Stats};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::subscriber::with_default;

/// A client whose sender never runs: when dropped, it writes all queued events to the log, in batches of 500.
fn unsent(setting: impl FnOnce(Builder) -> Builder) -> (Client, Sender) {
    let nowhere = Scripted::new(|_| unreachable!("the sender never runs"));
    setting(Client::builder("nowhere").transport(nowhere).spill_packing(SpillPacking::Packed))
        .build_with_sender()
        .unwrap()
}

fn records(log: &Spilled) -> Vec<SpilledPart> {
    log.text().lines().filter_map(read_line).collect()
}

/// Mostly short events, some longer than a record, with texts that consist of escapes.
fn mixed(id: u64) -> Numbered {
    let text = match id % 50 {
        7 => "long ".repeat(5_000),
        13 => "\"\\".repeat(2_000),
        21 => "世\u{1b}".repeat(900),
        31 => "],[".repeat(300),
        _ => return Numbered::of(id),
    };
    Numbered { id, text }
}

/// Two threads that interfere with each other.
fn emit_mixed(client: &Client, events: u64) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(id) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&id| id < events) {
                    client.emit(&mixed(id));
                }
            });
        }
    });
}

/// Fewer records than events: something was packed.
#[track_caller]
fn assert_packed(log: &Spilled) {
    let records = records(log);
    let in_packs: u32 = records.iter().filter(|record| record.events > 1).map(|record| record.events).sum();
    assert!(in_packs > 100, "{in_packs} events are in packs");
    for line in log.text().lines().filter(|line| read_line(line).is_some()) {
        assert!(line.len() < overspill::limits::SPILL_LINE_BYTES, "rsyslog cuts it: {}", line.len());
    }
}

#[test]
fn in_an_outage_every_event_is_at_the_endpoint_or_in_a_pack_or_in_a_record_of_its_own() {
    let world = World::new();
    let posts = AtomicU64::new(0);
    // Faults of each kind: refused events are found by halving, which leaves gaps in the numbers.
    let endpoint = world.endpoint(move |request| match posts.fetch_add(1, Ordering::Relaxed) {
        0 => Act::Status(500),
        1..8 if ids_of(&request.body).iter().any(|id| id % 37 == 3) => Act::Status(400),
        1..8 => Act::Status(200),
        8..16 => Act::Status(503),
        _ => Act::Hang,
    });
    let client = quick(endpoint.url()).spill_packing(SpillPacking::Packed).build().unwrap();
    emit_mixed(&client, 8_000);
    world.assert_settled(&client.shutdown_blocking(LONG), 8_000);
    assert_packed(&world.log);
}

/// Without an endpoint, under a subscriber.
fn reads_back<S>(make: impl Fn(Spilled) -> S)
where
    S: tracing::Subscriber + Send + Sync + 'static,
{
    let log = Spilled::default();
    let stats: Stats = with_default(make(log.clone()), || {
        let (client, sender) = unsent(|builder| builder);
        emit_mixed(&client, 1_000);
        drop(sender);
        client.stats()
    });
    assert_eq!((stats.spilled, stats.lost, stats.pending), (1_000, 0, 0), "{stats}");
    let mut events: Vec<(u64, u64, String)> =
        log.events().into_iter().map(|event| (id_of(&event.event), event.seq, event.event)).collect();
    events.sort();
    for (id, (found, _, text)) in (0..).zip(&events) {
        let emitted: serde_json::Value = serde_json::to_value(mixed(id)).unwrap();
        assert_eq!(*found, id);
        assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), emitted);
    }
    let mut seqs: Vec<u64> = events.iter().map(|(_, seq, _)| *seq).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (0..1_000).collect::<Vec<_>>());
    assert_packed(&log);
}

#[test]
fn packs_read_back_identical_from_the_json_formatter() {
    reads_back(|log| tracing_subscriber::fmt().json().with_writer(move || log.clone()).finish());
    reads_back(|log| {
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || log.clone()).finish()
    });
}

#[test]
fn packs_read_back_identical_from_the_full_and_the_compact_formatter() {
    reads_back(|log| tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish());
    reads_back(|log| tracing_subscriber::fmt().with_ansi(true).with_writer(move || log.clone()).finish());
    reads_back(|log| {
        tracing_subscriber::fmt().compact().with_ansi(true).with_writer(move || log.clone()).finish()
    });
}

#[test]
fn the_fields_of_a_packed_record_are_these_in_this_order_and_no_others() {
    let log = Spilled::default();
    let (in_sink, in_log) = (log.clone(), Spilled::default());
    let emit = |setting: &dyn Fn(Builder) -> Builder| {
        let (client, sender) = unsent(setting);
        for id in 0..3 {
            client.emit(&Numbered { id, text: "x".to_owned() });
        }
        drop(sender);
    };
    emit(&|builder| builder.spill_sink(in_sink.clone()));
    with_default(json_subscriber(&in_log), || emit(&|builder| builder));

    let expected = r#""message":"3 events spilled: abandoned","spill_v":3,"spill_client":"CLIENT","spill_seq":0,"spill_batch":0,"spill_reason":"abandoned","spill_maybe_delivered":false,"spill_emitted_at":"_","spill_age_ms":_,"spill_detail":"the sender ended with the event in hand","spill_part":1,"spill_parts":1,"spill_events":3,"spill_redacted":false,"spill_event":"[{\"id\":0,\"text\":\"x\"},{\"id\":1,\"text\":\"x\"},{\"id\":2,\"text\":\"x\"}]""#;
    let text = in_sink.text();
    assert_eq!(
        golden(text.trim_end(), &records(&in_sink)[0].client),
        format!(r#"{{"timestamp":"_","level":"WARN","target":"overspill::spill",{expected}}}"#)
    );
    let text = in_log.text();
    let line = text.lines().find(|line| read_line(line).is_some()).unwrap();
    assert_eq!(
        golden(line, &records(&in_log)[0].client),
        format!(r#"{{"timestamp":"_","level":"WARN","fields":{{{expected}}},"target":"overspill::spill"}}"#)
    );
}

#[test]
fn events_are_packed_only_with_their_neighbours_and_a_callers_own_event_stays_alone() {
    let log = Spilled::default();
    let (client, sender) = unsent(|builder| builder.spill_sink(log.clone()));
    let emit = |id| client.emit(&Numbered { id, text: "x".repeat(if id == 7 { 9_000 } else { 10 }) });
    for id in 0..12 {
        // Events 1 and 3 go straight to the log.
        client.set_mode(if id == 1 || id == 3 { Mode::LogOnly } else { Mode::On });
        emit(id);
    }
    drop(sender);
    let of = |record: &SpilledPart| (record.seq, record.events, record.part, record.reason);
    let abandoned = |seq, events, part| (seq, events, part, Reason::Abandoned);
    let mut found: Vec<_> = records(&log).iter().map(of).collect();
    // Callers' events and the sender's are written alternately.
    found.sort_by_key(|record| (record.0, record.2));
    assert_eq!(
        found,
        [
            // Queued events get their numbers when they leave the queue, after the events that never were in it.
            (0, 1, 1, Reason::LogOnly),
            (1, 1, 1, Reason::LogOnly),
            abandoned(2, 5, 1),
            abandoned(7, 1, 1),
            abandoned(7, 1, 2),
            abandoned(8, 4, 1),
        ]
    );
    let events = log.events();
    let ids: BTreeSet<u64> = events.iter().map(|event| id_of(&event.event)).collect();
    assert_eq!((events.len(), ids), (12, (0..12).collect()));
}

/// Accepts only single events.
struct Picky(Spilled);
impl SpillSink for Picky {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        match record.events {
            1 => self.0.write(record),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

#[test]
fn a_pack_that_the_sink_refuses_goes_to_the_fallback_as_a_whole() {
    let (log, fallback) = (Spilled::default(), Spilled::default());
    let (client, sender) =
        unsent(|builder| builder.spill_sink(Picky(log.clone())).spill_fallback(fallback.clone()));
    (0..500).for_each(|id| _ = client.emit(&mixed(id)));
    drop(sender);
    let stats = client.stats();
    assert_eq!((stats.spilled, stats.lost, stats.pending), (500, 0, 0), "{stats}");
    let (alone, packed) = (log.events(), fallback.events());
    assert!(records(&fallback).iter().all(|record| record.events > 1));
    assert!(!alone.is_empty() && !packed.is_empty());
    let mut ids: Vec<u64> = alone.iter().chain(&packed).map(|event| id_of(&event.event)).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..500).collect::<Vec<_>>());
}

/// A disk with this much room.
#[derive(Clone)]
struct Disk(Arc<Mutex<Vec<u8>>>, usize);
impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let fits = bytes.len().min(self.1 - disk.len());
        disk.extend_from_slice(&bytes[..fits]);
        if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn events_of_a_pack_that_a_full_disk_cut_off_are_in_the_fallback_or_lost_and_counted_each() {
    let disk = || Disk(Arc::default(), 30_000);
    let (primary, fallback) = (disk(), disk());
    let (client, sender) = unsent(|builder| {
        builder.spill_sink(WriteSink::new(primary.clone())).spill_fallback(WriteSink::new(fallback.clone()))
    });
    let queued = (0..3_000).filter(|&id| client.emit(&Numbered::of(id)) == Emitted::Queued).count() as u64;
    drop(sender);
    let stats = client.stats();
    assert_eq!((stats.emitted, queued, stats.pending), (3_000, 3_000, 0), "{stats}");
    assert_eq!(stats.lost_by(LostReason::LogFailed), stats.lost, "{stats}");
    assert_eq!(stats.spilled + stats.lost, 3_000, "{stats}");
    let read = |disk: &Disk| {
        let text = String::from_utf8(disk.0.lock().unwrap().clone()).unwrap();
        join(text.lines().filter_map(read_line))
    };
    let (first, second) = (read(&primary), read(&fallback));
    let mut seqs: Vec<u64> = first.iter().chain(&second).map(|event| event.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len() as u64, stats.spilled, "each in one place: {stats}");
    assert_eq!((first.len() + second.len()) as u64, stats.spilled, "{stats}");
    assert!(!first.is_empty() && !second.is_empty() && stats.lost > 100, "{stats}");
}
