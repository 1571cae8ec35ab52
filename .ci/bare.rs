//! `.ci/bare` runs this program in a root that has no other file: no libraries, no resolv.conf, no certificates, no /tmp, /proc or
//! /dev. The root is read-only.

use overspill::testkit::{Act, Endpoint, Spilled, Taken, assert_settled};
use overspill::{Builder, Client, Reason};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn main() {
    let there: Vec<_> =
        std::fs::read_dir("/").expect("a root").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(there, ["bare"], "the root has more than this program");
    assert!(std::fs::write("/new", "x").is_err(), "the root can be written to");

    let (taken, log) = (Taken::default(), Spilled::default());
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).expect("an endpoint");
    let client = quick(&endpoint.url(), &log).build().expect("http needs nothing");
    emit(&client, 0..100);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.lost, stats.pending), (100, 0, 0), "{stats}");
    assert_settled(&stats, &taken, &log);
    println!("by its address: {stats}");

    let client = quick("http://telemetry.example.com/", &log).build().expect("a name is looked up later");
    emit(&client, 0..100);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.lost, stats.pending), (100, 0, 0), "{stats}");
    assert_eq!(stats.spilled_by(Reason::Connect) + stats.spilled_by(Reason::Outage), 100, "{stats}");
    println!("by its name: {stats}");
    println!(
        "{}",
        log.events().iter().find(|event| event.reason == Reason::Connect).expect("a first one").detail
    );

    let error =
        quick("https://telemetry.example.com/", &log).build().expect_err("no certificates").to_string();
    println!("https: {error}");
    assert!(error.contains("certificates"), "{error}");
    let client = quick("https://telemetry.example.com/", &log).build_or_log_only();
    client.emit(&1);
    assert_eq!(client.shutdown_blocking(LONG).spilled, 1);

    let error = match overspill::spill::WriteSink::append("/spilled.log") {
        Ok(_) => panic!("a read-only root"),
        Err(error) => error,
    };
    println!("a spill file: {error}");

    // The C library detects a fork, and the other tests do not run on musl.
    let client = quick(&endpoint.url(), &log).build().expect("http needs nothing");
    emit(&client, 100..105);
    match fork::fork().expect("a child") {
        fork::Fork::Child => {
            emit(&client, 105..110);
            let stats = client.shutdown_blocking(LONG);
            std::process::exit(if (stats.emitted, stats.delivered) == (5, 5) { 0 } else { 1 });
        }
        fork::Fork::Parent(child) => {
            assert_eq!(fork::waitpid(child).expect("it ends"), 0, "how the child ended")
        }
    }
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.delivered), (5, 5), "{stats}");
    assert_eq!(taken.events().len(), 110);
    println!("after a fork: five each");
}

fn emit(client: &Client, ids: std::ops::Range<u64>) {
    for id in ids {
        client.emit(&id);
    }
}

fn quick(url: &str, log: &Spilled) -> Builder {
    Client::builder(url)
        .batch_age_max(Duration::from_millis(5))
        .spill_sink(log.clone())
        .spill_fallback(log.clone())
}
