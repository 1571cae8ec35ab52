//! The client's stats: a snapshot, for people, for JSON and for Prometheus.
//!
//! In: the ledger's totals. Out: [`Stats`]. The names here are an interface: the fields of the JSON and of the exposition do not change.

mod figures;
#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;
mod prometheus;

pub use figures::{Figure, FigureKind};
pub use prometheus::prometheus_text;

use crate::ledger::{LOST_REASONS, REASONS, Totals};
use crate::mode::Mode;
use crate::names::names;
use crate::outcome::{LostReason, Reason};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the client knows about its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum EndpointState {
    /// All or most posts are delivered, or none was made yet.
    #[default]
    Healthy,
    /// The last posts failed, but not often enough yet to be an outage.
    Failing,
    /// Events go straight to the log until a probe succeeds.
    Out,
    /// Out, with a probe in flight.
    Probing,
}

names!(EndpointState, "a state", { Healthy = "healthy", Failing = "failing", Out = "out", Probing = "probing", });

/// A snapshot of the counters. `emitted = delivered + spilled + lost + pending` holds in every one. The default is that of a client that
/// has not been given anything yet.
///
/// ```
/// # let events = overspill::Client::disabled();
/// let stats = events.stats();
/// assert_eq!(stats.emitted, stats.delivered + stats.spilled + stats.lost + stats.pending);
/// println!("{stats}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Events given to `emit` while the mode was not Off. An event emitted after the client was closed counts once it is settled.
    pub emitted: u64,
    /// Answered with a 2xx.
    pub delivered: u64,
    /// Written in full to a log destination.
    pub spilled: u64,
    /// Could not be put anywhere. Zero as long as the log works and the events are sound.
    pub lost: u64,
    /// In the queue, in a batch, in a request, or on its way to the log. Zero after a shutdown.
    pub pending: u64,
    /// How much of `queue_bytes_max` the events in queue, batches and requests use.
    pub pending_bytes: usize,
    /// Maximum of `pending_bytes`: `queue_bytes_max`, or the [share of it](crate::Client::set_queue_share) now in use.
    pub queue_bytes_max: usize,
    /// Events in the queue, not yet in a batch.
    pub queue_events: usize,
    /// Maximum of `queue_events`.
    pub queue_events_max: usize,
    /// Maximum bytes that the client can hold: [`Client::memory_bound`](crate::Client::memory_bound).
    pub memory_bound: usize,
    /// How many of the spilled events may also have been delivered.
    pub maybe_delivered: u64,
    /// Calls of `emit` from overspill's own logging; not events.
    pub echoes: u64,
    /// Requests that have ended.
    pub posts: u64,
    /// Requests that failed: without a 2xx, or with a 2xx whose body does not say what was taken, or says that nothing or hardly anything
    /// was.
    pub posts_failed: u64,
    /// When the last post was delivered, by the wall clock, in whole milliseconds; `None` if none was.
    pub last_delivery: Option<SystemTime>,
    /// Outages that have begun.
    pub outages: u64,
    /// How long the current outage has lasted; zero if there is none.
    pub outage_lasts: Duration,
    /// Writes to the log that were stuck for [`LOG_STALL`](crate::limits::LOG_STALL) or longer, including one still in progress.
    pub log_stalls: u64,
    /// The total time that those writes took.
    pub log_stalled: Duration,
    /// How long the current write to the log has lasted; zero if there is none.
    pub log_write_lasts: Duration,
    /// Whether the endpoint is healthy, failing, out, or being probed.
    pub endpoint: EndpointState,
    /// The mode at the time of the snapshot.
    pub mode: Mode,
    spilled_by: [u64; REASONS],
    lost_by: [u64; LOST_REASONS],
    posts_failed_by: [u64; REASONS],
}

/// What a snapshot contains besides the ledger's totals.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Around {
    pub(crate) pending_bytes: usize,
    pub(crate) queue_bytes_max: usize,
    pub(crate) queue_events: usize,
    pub(crate) queue_events_max: usize,
    pub(crate) memory_bound: usize,
    pub(crate) last_delivery: Option<SystemTime>,
    pub(crate) outage_lasts: Duration,
    pub(crate) log_stalls: u64,
    pub(crate) log_stalled: Duration,
    pub(crate) log_write_lasts: Duration,
    pub(crate) endpoint: EndpointState,
    pub(crate) mode: Mode,
}

impl Stats {
    pub(crate) fn new(totals: &Totals, around: &Around) -> Stats {
        let spilled = totals.spilled_by.iter().sum();
        let lost = totals.lost_by.iter().sum();
        Stats {
            emitted: totals.emitted,
            delivered: totals.delivered,
            spilled,
            lost,
            pending: totals.pending,
            pending_bytes: around.pending_bytes,
            queue_bytes_max: around.queue_bytes_max,
            queue_events: around.queue_events,
            queue_events_max: around.queue_events_max,
            memory_bound: around.memory_bound,
            maybe_delivered: totals.maybe_delivered,
            echoes: totals.echoes,
            posts: totals.posts,
            posts_failed: totals.posts_failed,
            last_delivery: around.last_delivery,
            outages: totals.outages,
            outage_lasts: around.outage_lasts,
            log_stalls: around.log_stalls,
            log_stalled: around.log_stalled,
            log_write_lasts: around.log_write_lasts,
            endpoint: around.endpoint,
            mode: around.mode,
            spilled_by: totals.spilled_by,
            lost_by: totals.lost_by,
            posts_failed_by: totals.posts_failed_by,
        }
    }

    /// How many events were spilled for this reason.
    pub fn spilled_by(&self, reason: Reason) -> u64 {
        self.spilled_by[reason.index()]
    }

    /// How many events were lost for this reason.
    pub fn lost_by(&self, reason: LostReason) -> u64 {
        self.lost_by[reason.index()]
    }

    /// How many posts failed for this reason. Only some reasons apply to a post: see
    /// [`posts_failed_by_reason`](Stats::posts_failed_by_reason).
    pub fn posts_failed_by(&self, reason: Reason) -> u64 {
        self.posts_failed_by[reason.index()]
    }

    /// Every reason for which a post can fail with its count, including zeros. The counts add up to `posts_failed`.
    pub fn posts_failed_by_reason(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        OF_POSTS.iter().map(|&reason| (reason, self.posts_failed_by(reason)))
    }

    /// Every reason for spilling with its count, including zeros, in the order of [`Reason::ALL`].
    pub fn spilled_by_reason(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.iter().map(|&reason| (reason, self.spilled_by(reason)))
    }

    /// Every reason for losing with its count, including zeros, in the order of [`LostReason::ALL`].
    pub fn lost_by_reason(&self) -> impl Iterator<Item = (LostReason, u64)> + '_ {
        LostReason::ALL.iter().map(|&reason| (reason, self.lost_by(reason)))
    }
}

/// The reasons that a verdict on a post may have.
const OF_POSTS: [Reason; 6] =
    [Reason::Connect, Reason::Timeout, Reason::Broken, Reason::Refused, Reason::Denied, Reason::Unavailable];

/// `emitted 1200 = delivered 700 + spilled 500 (outage 480, timeout 20) + lost 0 + pending 0 (0 B); endpoint out; mode on; posts 9, failed
/// 3`
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "emitted {} = delivered {} + spilled {}", self.emitted, self.delivered, self.spilled)?;
        write_parts(f, self.spilled_by_reason().map(|(reason, events)| (reason.as_str(), events)))?;
        write!(f, " + lost {}", self.lost)?;
        write_parts(f, self.lost_by_reason().map(|(reason, events)| (reason.as_str(), events)))?;
        write!(f, " + pending {} ({} B)", self.pending, self.pending_bytes)?;
        write!(
            f,
            "; endpoint {}; mode {}; posts {}, failed {}",
            self.endpoint, self.mode, self.posts, self.posts_failed
        )
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: impl Iterator<Item = (&'static str, u64)>) -> fmt::Result {
    let parts: Vec<String> =
        parts.filter(|&(_, count)| count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { Ok(()) } else { write!(f, " ({})", parts.join(", ")) }
}

/// An object with the public fields, plus `spilled_by`, `lost_by` and `posts_failed_by` with every reason by name. Times are milliseconds
/// and their names end in `_ms`: `outage_lasts_ms`, `log_stalled_ms`, `log_write_lasts_ms`, and `last_delivery_ms` since 1970, `null` if
/// there was none.
impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Stats", 25)?;
        fields.serialize_field("emitted", &self.emitted)?;
        fields.serialize_field("delivered", &self.delivered)?;
        fields.serialize_field("spilled", &self.spilled)?;
        fields.serialize_field("lost", &self.lost)?;
        fields.serialize_field("pending", &self.pending)?;
        fields.serialize_field("pending_bytes", &self.pending_bytes)?;
        fields.serialize_field("queue_bytes_max", &self.queue_bytes_max)?;
        fields.serialize_field("queue_events", &self.queue_events)?;
        fields.serialize_field("queue_events_max", &self.queue_events_max)?;
        fields.serialize_field("memory_bound", &self.memory_bound)?;
        fields.serialize_field("maybe_delivered", &self.maybe_delivered)?;
        fields.serialize_field("echoes", &self.echoes)?;
        fields.serialize_field("posts", &self.posts)?;
        fields.serialize_field("posts_failed", &self.posts_failed)?;
        let last_delivery = self.last_delivery.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
        fields.serialize_field("last_delivery_ms", &last_delivery.map(millis))?;
        fields.serialize_field("outages", &self.outages)?;
        fields.serialize_field("outage_lasts_ms", &millis(self.outage_lasts))?;
        fields.serialize_field("log_stalls", &self.log_stalls)?;
        fields.serialize_field("log_stalled_ms", &millis(self.log_stalled))?;
        fields.serialize_field("log_write_lasts_ms", &millis(self.log_write_lasts))?;
        fields.serialize_field("endpoint", &self.endpoint)?;
        fields.serialize_field("mode", &self.mode)?;
        fields.serialize_field(
            "spilled_by",
            &CountMap(|| self.spilled_by_reason().map(|(reason, n)| (reason.as_str(), n))),
        )?;
        fields.serialize_field(
            "lost_by",
            &CountMap(|| self.lost_by_reason().map(|(reason, n)| (reason.as_str(), n))),
        )?;
        fields.serialize_field(
            "posts_failed_by",
            &CountMap(|| self.posts_failed_by_reason().map(|(reason, n)| (reason.as_str(), n))),
        )?;
        fields.end()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Names and counts, as a map.
struct CountMap<F>(F);

impl<I: Iterator<Item = (&'static str, u64)>, F: Fn() -> I> Serialize for CountMap<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, count) in (self.0)() {
            map.serialize_entry(name, &count)?;
        }
        map.end()
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::gate::Gate;
    use crate::ledger::{Ending, Ledger, PostEnd};
    use crate::outcome::MaybeDelivered;

    pub(super) fn stats() -> Stats {
        let (ledger, gate) = (Ledger::default(), Gate::default());
        for _ in 0..5 {
            gate.announce();
        }
        ledger.take_in_hand(4);
        assert!(ledger.settle_in_hand(1, Ending::Delivered));
        assert!(ledger.settle_in_hand(2, Ending::Spilled(Reason::Outage, MaybeDelivered::No)));
        ledger.post(PostEnd::Succeeded);
        ledger.post(PostEnd::Failed(Reason::Connect));
        ledger.outage();
        let around = Around {
            pending_bytes: 300,
            queue_bytes_max: 8_000,
            queue_events: 2,
            queue_events_max: 64,
            memory_bound: 1_000_000,
            last_delivery: Some(UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)),
            outage_lasts: Duration::from_millis(42_900),
            log_stalls: 1,
            log_stalled: Duration::from_millis(3_400),
            log_write_lasts: Duration::from_millis(1_200),
            endpoint: EndpointState::Out,
            mode: Mode::On,
        };
        Stats::new(&ledger.totals(|| gate.announced()), &around)
    }

    #[test]
    fn a_person_can_read_the_stats_at_a_glance() {
        assert_eq!(
            stats().to_string(),
            "emitted 5 = delivered 1 + spilled 2 (outage 2) + lost 0 + pending 2 (300 B); endpoint out; mode on; posts 2, failed 1"
        );
    }

    #[test]
    fn the_reasons_add_up_in_the_iterators_and_in_the_json() {
        let stats = stats();
        assert_eq!(stats.spilled_by_reason().map(|(_, events)| events).sum::<u64>(), stats.spilled);
        assert_eq!(stats.lost_by_reason().count(), LostReason::ALL.len());
        let json = serde_json::to_value(&stats).unwrap();
        let sum = |of: &str| json[of].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
        let number = |of: &str| json[of].as_u64().unwrap();
        assert_eq!((sum("spilled_by"), sum("lost_by")), (number("spilled"), number("lost")));
        assert_eq!(sum("posts_failed_by"), number("posts_failed"));
        assert_eq!(stats.posts_failed_by_reason().map(|(_, posts)| posts).sum::<u64>(), 1);
        assert_eq!((number("last_delivery_ms"), number("outage_lasts_ms")), (1_700_000_000_500, 42_900));
        assert_eq!(
            (number("log_stalls"), number("log_stalled_ms"), number("log_write_lasts_ms")),
            (1, 3_400, 1_200)
        );
        assert_eq!(json["spilled_by"]["outage"], 2);
        assert_eq!((&json["endpoint"], &json["mode"]), (&"out".into(), &"on".into()));
        assert_eq!(
            number("emitted"),
            number("delivered") + number("spilled") + number("lost") + number("pending")
        );
    }
}
