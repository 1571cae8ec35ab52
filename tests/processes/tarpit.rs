//! Row 21: shutdown with a full queue while the endpoint hangs. It returns in time, and its report matches what was observed.

use crate::child::{Part, Start, log_to_stdout, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, spilled};
use crate::support::{emit_all, id_of, ids_taken, quick};
use overspill::MaybeDelivered;
use overspill::testkit::{Act, Endpoint, Taken};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub const PARTS: &[Part] = &[("full queue in a tarpit", full_queue_in_a_tarpit)];

fn full_queue_in_a_tarpit() {
    log_to_stdout();
    let client = quick(url()).queue_events_max(2000).post_timeout(Duration::from_secs(60)).build().unwrap();
    emit_all(&client, 0..4000);
    let began = Instant::now();
    let stats = client.shutdown_blocking(Duration::from_secs(2));
    say(format_args!("took ms {}", began.elapsed().as_millis()));
    say(format_args!("delivered {}", stats.delivered));
    say(format_args!("spilled {}", stats.spilled));
    say(format_args!("lost {}", stats.lost));
    say(format_args!("pending {}", stats.pending));
    say(format_args!("maybe {}", stats.maybe_delivered));
}

#[test]
fn shutdown_with_a_full_queue_in_a_tarpit_returns_in_time_and_its_stats_match_what_was_observed() {
    let sees = Taken::default();
    let keeps = sees.clone();
    let endpoint = Endpoint::start(move |request| {
        keeps.keep(&request.body);
        Act::Hang
    })
    .unwrap();
    // Requests that were read and never answered do not count.
    let peer = Peer { taken: Taken::default(), endpoint };
    let ended = Start::of("full queue in a tarpit", peer.url()).start().succeed();
    assert_settled(&peer, &ended, 4000);
    let in_log = spilled(&ended);
    let marked: BTreeSet<u64> = in_log
        .iter()
        .filter(|event| event.maybe_delivered == MaybeDelivered::Yes)
        .map(|event| id_of(&event.event))
        .collect();
    assert_eq!(ended.figure::<usize>("spilled "), in_log.len());
    assert_eq!((ended.figure::<u64>("delivered "), ended.figure::<u64>("pending ")), (0, 0));
    assert_eq!((ended.figure::<u64>("lost "), ended.figure::<usize>("maybe ")), (0, marked.len()));
    assert!(ids_taken(&sees).is_subset(&marked), "the endpoint saw events that are not marked");
    let took: u64 = ended.figure("took ms ");
    assert!(took <= 2200, "{took} ms\n{ended}");
    report(21, "shutdown(2 s) with a full queue in a tarpit, ms", took);
    report(21, "events whose report is not what was observed", 0);
}
