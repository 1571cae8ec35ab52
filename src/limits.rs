//! Defaults and limits of the settings, and what a service or its operator has to know, each with its argument. Sizes are in bytes,
//! times are durations. A number may change with a version; what it is called does not.
//!
//! Nothing that overspill holds is unbounded; where a number below is not settable, its doc says why that one will do. A file that
//! spilled events are appended to grows as the log does: bound and rotate it as you do the log.

use std::time::Duration;

// ---- The queue.

/// Default of `queue_events_max`: 0.4 s of 20,000 events a second, longer than any pause of a healthy sender.
pub const QUEUE_EVENTS: usize = 8_192;
/// Most that `queue_events_max` may be: the slots are allocated at `build`, 256 bytes each.
pub const QUEUE_EVENTS_LIMIT: usize = 1 << 20;
/// Default of `queue_bytes_max`: the budget of JSON bytes over queue, batches and requests in flight.
pub const QUEUE_BYTES: usize = 8 << 20;
/// Most that `queue_bytes_max` may be, 4 GiB, or 1 GiB where an address has 32 bits; beyond it the library would be the leak it exists
/// to prevent.
pub const QUEUE_BYTES_LIMIT: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 30 };

/// A queue fuller than this, in eighths of its events or bytes, while every request is still waiting for its answer, is
/// relieved by the sender: it writes the oldest batch to the log, so that callers do not meet a full queue.
pub(crate) const QUEUE_RELIEF_EIGHTHS: usize = 6;
/// Whatever `batch_bytes_max` allows, a batch waits for no more company once it holds this part of the byte budget: it could use up
/// the budget, and callers would be refused while the endpoint has nothing to do. More parts would be smaller batches, three of which
/// (two on their way, one ready) are then relieved into the log as if the endpoint were slow.
pub(crate) const BATCHES_IN_BUDGET: u64 = 2;
/// How long all requests must have been without an answer for that: a burst into an endpoint that answers in a few milliseconds
/// is delivered, and 20,000 events a second fill a tenth of what is left of the queue meanwhile.
pub(crate) const RELIEF_PATIENCE: Duration = Duration::from_millis(10);
/// So full, in eighths of its events, the queue wakes a sender that naps while events gather: early enough for a thread that is
/// slow to come, late enough that a burst wakes it seldom.
pub(crate) const QUEUE_NAP_EIGHTHS: usize = 2;

// ---- One event.

/// Default of `event_bytes_max`: a generous log line; what is larger belongs into object storage.
pub const EVENT_BYTES: usize = 64 << 10;
/// Most that `event_bytes_max` may be.
pub const EVENT_BYTES_LIMIT: usize = 16 << 20;
/// Events up to this many bytes of JSON travel inside their queue slot, without a block from the heap. Two more
/// are the number of the event's name.
pub(crate) const EVENT_INLINE_BYTES: usize = 210;
/// Arrays and objects nested deeper than this are refused: the depth at which serde_json's own reader stops.
pub const DEPTH_MAX: usize = 127;
/// Newtypes and `Option`s nested deeper than this are refused: they write nothing, and use the stack all the same. A `Box`,
/// a reference and an untagged variant are not counted, and cannot be: serde calls nobody but the next level.
pub const WRAPPERS_MAX: usize = 500;
/// How many `emit`s may be nested by way of `Serialize`: an event whose fields report, but not for ever.
pub const NESTED_EMITS_MAX: usize = 1;

/// Default of `name_field`: OpenTelemetry's name for it.
pub const NAME_FIELD: &str = "event.name";
/// Most bytes that the common fields may have together, as a JSON object: they are in every event or every record, and what is longer
/// than a few names and versions belongs elsewhere.
pub const COMMON_FIELDS_BYTES_MAX: usize = 2 << 10;
/// Names of events that a client knows by a number, or `queue_events_max` if that is less: more than most programs have. The events of others carry theirs in their text from
/// `emit` on, which costs a copy.
pub const EVENT_NAMES: usize = 512;
/// And no longer than this: OpenTelemetry's own are half as long.
pub const EVENT_NAME_BYTES_MAX: usize = 64;

// ---- A batch.

/// Default of `batch_events_max`.
pub const BATCH_EVENTS: usize = 500;
/// Most that `batch_events_max` may be.
pub const BATCH_EVENTS_LIMIT: usize = 10_000;
/// Default of `batch_bytes_max`: below the 1 MiB at which common reverse proxies answer 413.
pub const BATCH_BYTES: usize = 256 << 10;
/// Most of that default for a format that makes events longer: what common receivers take, a collector with its 20 MiB among them.
pub const BATCH_BYTES_GROWN: usize = 1 << 20;
const _: () = assert!(BATCH_BYTES <= BATCH_BYTES_GROWN);
/// Most that `batch_bytes_max` may be.
pub const BATCH_BYTES_LIMIT: usize = 64 << 20;
/// Default of `batch_age_max`: how long an event may wait for company.
pub const BATCH_AGE: Duration = Duration::from_millis(200);

// ---- Posts.

/// Default of `posts_in_flight_max`: one on the wire while the next is being prepared.
pub const POSTS_IN_FLIGHT: usize = 2;
/// Most that `posts_in_flight_max` may be: one endpoint, one sender thread.
pub const POSTS_IN_FLIGHT_LIMIT: usize = 64;
/// Default of `connect_timeout`, name look-up and TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Default of `post_timeout`: from the beginning of the connection, if there is none yet, to the last byte in.
pub const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// A request whose transport has not ended it so long after the post timeout is ended by the sender: a transport keeps its
/// timeouts by itself, and one that does not must not hold its events for ever.
pub const TRANSPORT_GRACE: Duration = Duration::from_secs(1);
/// Default of `shutdown_timeout`: what dropping the last client allows the sender to finish.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// Most that any timeout or age may be: an hour is a wait that nobody wants, and far from any overflow.
pub const TIMEOUT_LIMIT: Duration = Duration::from_secs(3_600);
/// Most of an answer's body that is read; a refusal of single events fits, an endless body does not.
pub const REPLY_BYTES_MAX: usize = 64 << 10;
/// Most that a format may ask for instead.
pub const REPLY_BYTES_LIMIT: usize = 16 << 20;
/// Most headers of an answer that a format may ask for, and most characters of one that it gets: what names an error is short.
pub const REPLY_HEADERS_ASKED_MAX: usize = 8;
pub(crate) const REPLY_HEADER_CHARS_MAX: usize = 200;
/// Most that a byte of an event may become in a body: six for one that is escaped as `\u0022`, and room for formats that name what each value is.
pub const GROWTH_LIMIT: usize = 64;
/// How long a post whose status settles it waits for the body: most bodies come with their head, and a connection whose answer was read is
/// ready for the next post. More would be taken from the posts of an endpoint that never ends its bodies.
pub(crate) const REPLY_BODY_PATIENCE: Duration = Duration::from_millis(20);
/// How long a refusal may take to say why: half of the second in which a slot must be free again.
pub const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);
/// How long what is left of a body is read behind a post that has ended, at most one for each post that may be in flight: a new connection
/// costs an endpoint more than a moment's patience with a slow body, and an endless one has to end.
pub(crate) const REPLY_DRAIN: Duration = Duration::from_secs(1);
/// Most headers of ours.
pub const HEADERS_MAX: usize = 100;
/// Most header lines of an answer: three times what the longest chains of proxies add, and 50 KiB when all are there.
pub(crate) const REPLY_HEADERS_MAX: usize = 300;
/// Default of `connection_idle_max`. An idle connection is closed after this: shorter than the keep-alive of common servers (nginx 75 s, ALB 60 s, node
/// 5 s, ClickHouse 3 s), so that the race between their closing and our writing is rare.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(2);
/// An endpoint that says for how long it keeps idle connections (`keep-alive: timeout=5`) is taken at its word less this, or less half of
/// it: what is on the way meanwhile must arrive before the connection ends.
pub(crate) const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);
/// Connections are renewed after this, so that a change of the endpoint's address is followed under steady traffic.
pub const CONNECTION_AGE: Duration = Duration::from_secs(60);
/// How long a post waits for a new HTTP client if the connections of the one before are known to be stale: reading the root certificates
/// takes some milliseconds, a hundred times as long on a machine that is short of everything.
pub(crate) const RENEWAL_PATIENCE: Duration = Duration::from_secs(1);
/// After a machine has slept for this long, no connection from before is used again: shorter than any endpoint's patience with an idle one,
/// longer than what two clocks differ by.
pub(crate) const SUSPENDED_MIN: Duration = Duration::from_millis(500);
/// A header's value that is asked for is asked for again after this: tokens live for minutes at least, and one that is refused is
/// asked for at once.
pub const CREDENTIAL_AGE: Duration = Duration::from_secs(60);
/// Most of such a value: the longest tokens are a few KiB, and few servers take longer header lines.
pub const CREDENTIAL_BYTES_MAX: usize = 16 << 10;
/// Most headers whose value is asked for: a token and its like; each may keep a thread waiting.
pub const LIVE_HEADERS_MAX: usize = 4;
/// Most characters of the endpoint's URL: what common servers take as a request's first line.
pub const ENDPOINT_CHARS_MAX: usize = 8_000;
/// Most bytes of a file with certificates that a variable of the environment names: all roots of a platform are a quarter of it.
pub const CERTIFICATE_FILE_BYTES_MAX: usize = 1 << 20;

// ---- Outage.

/// This many failed posts in a row make an outage where posts have hardly failed before; fewer would be one unlucky rolling restart. A
/// post that waited for its whole timeout counts twice.
pub(crate) const FAILURES_BEFORE_OUT: u32 = 3;
/// Where a share of the posts fails anyway (one backend of several), a run of failures is an outage once chance alone would make one
/// less often than this. At five posts a second and one bad backend of three that is a false outage in some minutes, of a few tenths of
/// a second.
pub(crate) const OUT_BY_CHANCE: f64 = 0.0015;
/// And at most this many: an endpoint that mostly fails must be told too.
pub(crate) const FAILURES_BEFORE_OUT_MAX: u32 = 10;
/// A run of [`FAILURES_BEFORE_OUT`] that has lasted this long without a delivery is an outage, whatever chance has to say: a service
/// that posts seldom should not wait for ten posts.
pub(crate) const OUT_AFTER: Duration = Duration::from_secs(10);
/// Outcomes of posts that are remembered, to know how often posts fail anyway.
pub(crate) const OUTCOMES_HEARD: usize = 20;
/// And for how long: backends come and go.
pub(crate) const OUTCOMES_HEARD_FOR: Duration = Duration::from_secs(300);
/// A `Retry-After` takes the endpoint out at once, and is honoured once so many answers in a row have said so, a probe's or a straggler's
/// among them: one may be one backend's. The probe that asks comes no sooner than a post would have.
pub(crate) const RETRY_AFTER_BELIEVED_AFTER: u32 = 2;
/// If a post is delivered before the time that a `Retry-After` has set, it was one backend's; those that follow are doubted, for this long
/// after the last that was contradicted.
pub(crate) const RETRY_AFTER_DOUBTED_FOR: Duration = Duration::from_secs(300);
/// A doubted one is honoured after so many probes of one outage in a row were answered with it: with one bad backend of three that is chance
/// once in 27 outages.
pub(crate) const RETRY_AFTER_BELIEVED_AFTER_PROBES: u32 = 3;

/// The time over which failed posts are counted to tell what share of them fails; or the last [`OUTCOMES_HEARD`] posts, if that is longer.
pub(crate) const SHARE_OVER: Duration = Duration::from_secs(30);
/// A share of failed posts from here on is told, in hundredths: below it are restarts and the noise of a network.
pub(crate) const SHARE_TOLD_PERCENT: u64 = 10;
/// And below this it has ended: half, so that a share about the first limit is not told again and again.
pub(crate) const SHARE_ENDED_PERCENT: u64 = 5;
/// Fewer failed posts than this are no share.
pub(crate) const SHARE_FAILED_MIN: u64 = 3;

/// What a delivered post earns towards second tries of posts that the endpoint has answered (503, 429, a denial). With one bad backend
/// of three, asked in turn, it is every other post that needs one: a second try takes a turn as well. A second try is earned by
/// deliveries, not by posts, so that an endpoint with too much to do gets little more: one that serves a fifth of what it is sent gets a
/// tenth more, half of it a third more, six tenths four tenths more, which is the worst, and one that serves nothing gets nothing more.
pub(crate) const SECOND_TRIES_PER_DELIVERY: f64 = 0.5;
/// Second tries that may be saved up: what an overload meets at its beginning.
pub(crate) const SECOND_TRIES_SAVED_MAX: f64 = 3.0;

/// Where the endpoint's answers are failures, its connections are given up, at most this often: behind a balancer of connections they lead to
/// a backend that is bad, and would go on doing so.
pub(crate) const FRESH_CONNECTIONS_EVERY: Duration = Duration::from_secs(1);

/// The first probe comes after one `batch_age_max` of silence and a random part of this, or of `batch_age_max` if that is longer: an
/// outage of a second should not cost another one, and a fleet that is out must not be more load than one that is not.
pub(crate) const PROBE_INTERVAL_FIRST: Duration = Duration::from_millis(200);
/// Each probe makes the interval longer by this factor: from 200 ms to the default maximum in five probes, about three seconds.
pub(crate) const PROBE_INTERVAL_GROWTH: f64 = 1.5;
/// Default of `probe_interval_max`, or twice `batch_age_max` if that is longer: what a recovered endpoint waits at most until it is
/// noticed, if events keep coming, of which the probes are made. With the time of an answer it is noticed within two seconds. It costs no
/// more than a healthy client, which posts once in `batch_age_max`: about 70 small requests a minute. A `Retry-After` may make it longer.
pub const PROBE_INTERVAL: Duration = Duration::from_millis(1_500);
/// A probe is given up after this, if `post_timeout` is not less, unless it is the one that waits for a slow endpoint as long as any post.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Probes on their way at once: one that is patient, and two that hang meanwhile. So one that hangs keeps no other from starting.
pub(crate) const PROBES_MAX: usize = 3;
/// Requests on the wire beyond `posts_in_flight_max`, part of the memory bound: probes beside posts that hang, and posts beside those
/// that have waited much longer than recent answers took.
pub const SPARE_POSTS: usize = 2;
/// Of them, those that posts may use: one is left for a probe.
pub(crate) const SPARE_POSTS_BESIDE_HUNG: usize = 1;
/// A post that has waited this many times as long as the slowest of the last answers hangs, and another may go beside it.
pub(crate) const HUNG_TIMES: u32 = 10;
/// But not before this: a pause of a garbage collector is no hang.
pub(crate) const HUNG_AFTER: Duration = Duration::from_secs(1);
/// Answers whose times are remembered for that.
pub(crate) const ANSWERS_HEARD: usize = 8;

/// Where the endpoint has refused large batches and took small ones, batches grow again after this many deliveries of the size it
/// takes: so at most one post in twenty is refused to find out.
pub(crate) const FIT_DELIVERIES: u32 = 20;
/// Each time it turns out that nothing has changed, twice as many, up to this.
pub(crate) const FIT_DELIVERIES_MAX: u32 = 640;
/// And they grow by one part in so many, at least by one event.
pub(crate) const FIT_GROWTH_PART: usize = 8;

/// A probe carries at most this many events: enough to be real, few to lose time on.
pub(crate) const PROBE_EVENTS_MAX: usize = 16;
/// Clients that were told the same Retry-After come back spread over this share of it, at most over
/// `probe_interval_max`: wide enough that a fleet stays below its live rate, and no later than its own size would excuse.
pub(crate) const RETRY_AFTER_SPREAD: f64 = 0.5;
/// Most of a Retry-After that is honoured.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// The "still out" notice comes this often.
pub const OUTAGE_NOTICE_EVERY: Duration = Duration::from_secs(30);

// ---- The log.

/// Default of `spill_line_bytes_max`: rsyslog cuts what is longer than 8 KiB, container runtimes what is longer
/// than 16.
pub const SPILL_LINE_BYTES: usize = 8 << 10;
/// Least that `spill_line_bytes_max` may be: half of such a line is the frame.
pub const SPILL_LINE_BYTES_LEAST: usize = 4 << 10;
/// Most that `spill_line_bytes_max` may be; the record reader takes lines twice as long.
pub const SPILL_LINE_BYTES_LIMIT: usize = 1 << 20;
/// What is set aside in each line for all that is not the event: half of it for a record's own fields, half for what a formatter puts
/// around them.
pub const SPILL_FRAME_BYTES: usize = SPILL_FIELDS_BYTES_MAX + FORMATTER_BYTES;
/// Most bytes of a record's own fields beside the event, names included, with all numbers at their longest.
pub(crate) const SPILL_FIELDS_BYTES_MAX: usize = 1 << 10;
/// Of each line at least so much is for the event, whatever stands beside it: common fields, where the format has a place of its own
/// for them.
pub(crate) const SPILL_EVENT_BYTES_LEAST: usize = 1 << 10;
/// The allowance for what a formatter puts around the fields: time, level, target, thread, file (in a registry's folder: 100 bytes),
/// host, colours (16 bytes a field). The fields of the application's spans are not in it: tracing-subscriber's JSON formatter writes the
/// spans that are open where a record is written.
pub(crate) const FORMATTER_BYTES: usize = 1 << 10;
/// Most characters of the `spill_detail` field.
pub const DETAIL_CHARS_MAX: usize = 200;
/// Most characters of an answer's own words in `detail` and in a notice.
pub(crate) const WORDS_CHARS_MAX: usize = 100;
/// Of a secret that was sent, a piece this long in an answer hides its words: an answer may show a secret cut, or with stars in it.
pub(crate) const SECRET_PIECE_CHARS: usize = 8;
/// Shorter values than this are no secrets, and would hide too much.
pub(crate) const SECRET_CHARS_MIN: usize = 4;
/// Most characters of what is wrong in the notice `could not start as configured`: several variables, each with what it takes.
pub(crate) const NOT_BUILT_CHARS_MAX: usize = 1_000;
/// Most bytes of the `spill_detail` field once a formatter has escaped it.
pub(crate) const DETAIL_ESCAPED_BYTES_MAX: usize = 400;
/// The reader of records skips a line that is longer: no record is, and what is in a log may be anything.
pub const READ_LINE_BYTES_MAX: usize = 2 * SPILL_LINE_BYTES_LIMIT;
/// What the reader of records holds of events whose parts it has not all seen; then it gives up the one that waits longest. The parts
/// of an event are written one after the other, so that only those of other processes come in between.
pub const READ_HELD_BYTES_MAX: usize = 64 << 20;
/// Default of `spill_bytes_per_second_max`: as many as there are.
pub const SPILL_BYTES_PER_SECOND: usize = usize::MAX;
/// Least that `spill_bytes_per_second_max` may be: a short line a second.
pub const SPILL_BYTES_PER_SECOND_LEAST: usize = 1 << 10;
/// What a line is taken to have beside the event, when bytes a second are counted.
pub const SPILL_BYTES_PER_LINE: usize = 512;
/// A redacted event is at most so many times as long as the event: of an array of digits each is replaced by a hash of 24, with quotes.
pub const REDACTED_GROWTH_MAX: usize = 16;
/// A log write that has not come back for this long counts as stalled, and nobody waits behind it any longer. Shorter would
/// take a busy disk for a stuck one: on an overloaded machine a write to a plain file was seen to take more than 250 ms.
pub const LOG_STALL: Duration = Duration::from_secs(1);
/// Most callers' events that wait to be written to the log, or `queue_events_max` if that is less: what 20,000 events a second are in
/// a pause of the log of 50 ms. If it pauses longer, callers wait for room, [`LOG_STALL`] at most.
pub const LOG_QUEUE_EVENTS: usize = 1_024;
/// Most bytes that these are charged, or `queue_bytes_max` if that is less. One event always has room.
pub const LOG_QUEUE_BYTES: usize = 1 << 20;
/// Most of the sender's batches there, with the one that is being written: one more, so that the log is never without work while the
/// sender prepares the next.
pub const LOG_QUEUE_BATCHES: usize = 2;
/// Most notices there: they are edges and totals, and what may repeat itself is throttled. More would all tell of the same.
pub const LOG_QUEUE_NOTICES: usize = 64;
/// The most that one of them takes, and its text is then longer than any.
pub const NOTICE_BYTES: usize = 1 << 10;
/// The thread that writes the log looks again after this before it sleeps: while events keep coming, no caller pays for waking it.
pub const LOG_NAP: Duration = Duration::from_millis(2);
/// Without work for so long, it ends: an idle client has one thread.
pub const LOG_IDLE: Duration = Duration::from_secs(5);
/// The same once the sender has ended: then only what callers still emit comes, and the process is about to end.
pub const LOG_IDLE_AFTER_END: Duration = Duration::from_millis(50);
/// A caller that emits after the end waits this long until its event is written: the process may be over before anybody else waits
/// for it. No longer, because a caller may hold a lock that the log needs; and no more once callers have waited in vain for
/// [`LOG_STALL`] altogether, because then the process goes on.
pub const LOG_LATE_PATIENCE: Duration = Duration::from_millis(200);
/// Callers that wait for room are let in when half of it is free, or so often: waking them at each event that is written would cost
/// more than writing it.
pub const LOG_LET_IN_EVERY: Duration = Duration::from_millis(10);
/// A notice that may repeat itself is given at most this often, the rest is counted into the next one. Beginning and end of
/// the client are always told.
pub const NOTICE_EVERY: Duration = Duration::from_secs(30);
/// Changes of mode or queue share that are told within [`NOTICE_EVERY`]: all that a person makes, and some of what a loop does. As many
/// outages, of an endpoint that flaps.
pub(crate) const SWITCH_NOTICES: u64 = 10;
/// The monotonic clock stands still while a machine is suspended, and a process may be frozen: a difference of this much between what
/// should have passed and what has is such a gap. Connections are then older than they seem.
pub(crate) const CLOCK_GAP: Duration = Duration::from_secs(2);

// ---- Shutdown.

/// What writing one event to the log is taken to cost, at least, when time is set aside for it before a deadline: several
/// times what tracing-subscriber's JSON layer takes. A log that proves slower is taken at twice what it was seen to
/// take. At most half of the time there is is set aside.
pub(crate) const SPILL_TIME_PER_EVENT: Duration = Duration::from_micros(50);
/// After the deadline, this much is allowed for the last log writes before the rest is lost.
pub const SHUTDOWN_GRACE: Duration = Duration::from_millis(100);
/// What whoever then takes over the rest waits for a thread that was interrupted between two steps with an event: with it and the
/// grace a shutdown is still back within 200 ms of its deadline.
pub(crate) const TAKE_OVER_PATIENCE: Duration = Duration::from_millis(50);
/// A sender that panicked goes on after this; a panic in a loop must not become a busy loop.
pub(crate) const SENDER_RESTART: Duration = Duration::from_millis(20);

// ---- A fork.

/// In a child, threads that want its client wait for the one that makes it: for https that reads the root certificates, on a crowded
/// machine. Beyond this it has ended without it.
pub(crate) const FORK_PATIENCE: Duration = Duration::from_secs(2);
/// A child waits this long for a sink's lock that a thread of its parent's may have held as it forked: nobody gives that back. Longer than
/// a write takes that another thread of the child's has begun, and short enough for the log of a child.
pub(crate) const FORK_LOCK_PATIENCE: Duration = Duration::from_millis(50);
/// Places for a child's client. The first is enough, unless a process forks while one of its threads makes its own: then its child needs
/// the next one, and so on for a child of that child.
pub(crate) const FORK_PLACES: usize = 3;

// ---- Memory that is not events (see `Client::memory_bound`).

/// Spare blocks kept per size class, in bytes: one batch's worth.
pub(crate) const SPARE_BYTES_PER_CLASS: usize = 256 << 10;
/// One connection: hyper reads into at most 408 KiB (its fixed maximum), writes headers into 8 KiB, TLS holds two 16 KiB records.
pub(crate) const CONNECTION_BYTES: usize = 512 << 10;
/// The runtime, the HTTP client and the state of the log writer, without TLS roots.
pub(crate) const RUNTIME_BYTES: usize = 512 << 10;
/// The platform's root certificates and the TLS configuration, twice while connections are renewed.
pub(crate) const TLS_BYTES: usize = 4 << 20;
/// gzip's window and hash tables (miniz_oxide), one compression at a time.
#[cfg(feature = "gzip")]
pub(crate) const GZIP_BYTES: usize = 512 << 10;
/// zstd's tables at its level, for the largest body: less than two thirds of this, and kept from one body to the next.
#[cfg(feature = "zstd")]
pub(crate) const ZSTD_BYTES: usize = 1 << 20;
