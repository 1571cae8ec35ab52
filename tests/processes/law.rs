//! The law across two processes: what the endpoint here answered with a 2xx, against the log that the child wrote.

use crate::child::Ended;
use crate::support::id_of;
use overspill::MaybeDelivered;
use overspill::spill::{Joined, join, read_line};
use overspill::testkit::{Act, Endpoint, Taken};
use std::collections::BTreeSet;
use std::time::Duration;

/// The endpoint in this process, and what it accepted.
pub struct Peer {
    pub taken: Taken,
    pub endpoint: Endpoint,
}

impl Peer {
    pub fn of(act: impl Fn() -> Act + Send + Sync + 'static) -> Peer {
        let taken = Taken::default();
        let endpoint = Endpoint::start(taken.when(move |_| act())).unwrap();
        Peer { taken, endpoint }
    }

    pub fn healthy() -> Peer {
        Peer::of(|| Act::Status(200))
    }

    /// Answers slowly, so that something is pending at any moment.
    pub fn slow(each: Duration) -> Peer {
        Peer::of(move || {
            // The slowness is the fault.
            std::thread::sleep(each);
            Act::Status(200)
        })
    }

    pub fn tarpit() -> Peer {
        Peer::of(|| Act::Hang)
    }

    pub fn refused() -> Peer {
        let peer = Peer::healthy();
        peer.endpoint.refuse();
        peer
    }

    pub fn url(&self) -> String {
        self.endpoint.url()
    }
}

/// The spilled events of a child's log, standard output and standard error together.
pub fn spilled(ended: &Ended) -> Vec<Joined> {
    join(ended.lines.iter().filter_map(|line| read_line(line)))
}

/// The ids that are at the endpoint or in the log. Events in both must be marked.
#[track_caller]
pub fn found(peer: &Peer, ended: &Ended) -> BTreeSet<u64> {
    // Read once: what a child has left on the wire may still arrive.
    let taken: Vec<u64> = peer.taken.events().iter().map(|event| id_of(event)).collect();
    let (at_endpoint, in_log) = (taken.iter().copied().collect::<BTreeSet<u64>>(), spilled(ended));
    for event in in_log.iter().filter(|event| at_endpoint.contains(&id_of(&event.event))) {
        assert_eq!(event.maybe_delivered, MaybeDelivered::Yes, "in both places, unmarked: {event:?}");
    }
    assert_eq!(at_endpoint.len(), taken.len(), "delivered twice");
    let ids: Vec<u64> = in_log.iter().map(|event| id_of(&event.event)).collect();
    let set: BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!(ids.len(), set.len(), "spilled twice\n{ended}");
    &at_endpoint | &set
}

/// The law, exact: every id of 0..emitted is at the endpoint or in the log.
#[track_caller]
pub fn assert_settled(peer: &Peer, ended: &Ended, emitted: u64) {
    let found = found(peer, ended);
    let expected: BTreeSet<u64> = (0..emitted).collect();
    let missing: Vec<&u64> = expected.difference(&found).take(20).collect();
    assert!(missing.is_empty() && found.len() as u64 == emitted, "missing {missing:?}\n{ended}");
}
