//! Defaults and limits of the settings, and other numbers that a service or its operator needs to know, each with its reason. Sizes are in
//! bytes, times are durations. A number may change with a version; its name does not.
//!
//! Nothing that overspill holds is unbounded. Where a number below cannot be set, its documentation says why it is enough. A file that
//! spilled events are appended to grows like the log: limit and rotate it like the log.

use std::time::Duration;

// ---- The queue.

/// Default of `queue_events_max`: 0.4 s of 20,000 events a second, longer than any pause of a healthy sender.
pub const QUEUE_EVENTS: usize = 8_192;
/// Upper limit of `queue_events_max`: events are counted in steps that are a share of it.
pub const QUEUE_EVENTS_LIMIT: usize = 1 << 20;
/// Default of `queue_bytes_max`: the budget of JSON bytes for queue, batches and requests in flight.
pub const QUEUE_BYTES: usize = 8 << 20;
/// Upper limit of `queue_bytes_max`: 4 GiB, or 1 GiB where an address has 32 bits. Beyond it the library would be the leak it exists to
/// prevent.
pub const QUEUE_BYTES_LIMIT: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 30 };

/// Fill level, in eighths of its events or bytes, above which the sender relieves the queue while every request still waits for its
/// answer: it writes the oldest batch to the log, so that callers do not meet a full queue.
pub(crate) const QUEUE_RELIEF_EIGHTHS: usize = 6;
/// A sender that naps until relief is due ([`QUEUE_RELIEF_EIGHTHS`]) is woken at this level, in eighths, if the queue fills faster than
/// expected.
pub(crate) const QUEUE_LATE_EIGHTHS: usize = 7;
/// A batch stops waiting for more events once it holds one part in this many of the byte budget, whatever `batch_bytes_max` allows.
/// Otherwise it could use up the budget, and callers would be refused while the endpoint has nothing to do. A larger number would make
/// batches smaller, and three of them (two in flight, one ready) would then be relieved into the log as if the endpoint were slow.
pub(crate) const BATCHES_IN_BUDGET: u64 = 2;
/// How long all requests must have been without an answer before the sender relieves the queue: a burst into an endpoint that answers in a
/// few milliseconds is delivered, and 20,000 events a second fill a tenth of the free room in the queue meanwhile.
pub(crate) const RELIEF_PATIENCE: Duration = Duration::from_millis(10);
/// Fill level, in eighths of capacity, at which a push wakes a napping sender: early enough for a thread that is slow to start, late
/// enough that a burst seldom wakes it.
pub(crate) const QUEUE_NAP_EIGHTHS: usize = 2;

/// Places for callers' events. Up to this many threads never collide, and a thread that is interrupted while it holds one stops nobody
/// else. With more places the sender would have more to look at, and smaller chunks to sweep together. Independent of the number of
/// cores: eight threads on two cores need eight. A power of two.
pub(crate) const QUEUE_SHARDS: usize = 8;
/// How often a caller tries each shard before it uses the side door: a shard is held for as long as it takes to copy one event.
pub(crate) const QUEUE_TRIES: usize = 2;
/// Maximum events at the side door, for callers that find no shard free: about as many as arrive while a thread that holds one is
/// interrupted. This is a separate bound, so that bursts do not use up the room of full chunks.
pub(crate) const QUEUE_ALONE: usize = 64;
/// A shard takes room for this many events and bytes at once, so that its callers write a shared word only once per step.
pub(crate) const QUEUE_STEP_EVENTS: usize = 32;
/// About the bytes of that many events.
pub(crate) const QUEUE_STEP_BYTES: usize = 8 << 10;
/// All steps together are at most one part in this many of the budgets: room that a shard has and does not use looks used to the others.
pub(crate) const STEPS_IN_BUDGET: usize = 8;
/// Spare chunks kept for reuse, beyond the number that a full queue has: those of the batches that are usually under way, one that fills,
/// one that is ready and two in flight.
pub(crate) const SPARE_CHUNKS: usize = 4;
/// No spare chunk is larger: chunks of large events are allocated anew, which costs little compared with filling them.
pub(crate) const SPARE_CHUNK_BYTES: usize = 128 << 10;
/// Unused bytes that a chunk may hold, beyond an eighth of its events' bytes: below this, moving to a smaller buffer is not worth it.
pub(crate) const CHUNK_SLACK_BYTES: usize = 4 << 10;

// ---- One event.

/// Default of `event_bytes_max`: a generous log line. Anything larger belongs in object storage.
pub const EVENT_BYTES: usize = 64 << 10;
/// Upper limit of `event_bytes_max`.
pub const EVENT_BYTES_LIMIT: usize = 16 << 20;
/// Events up to this many bytes of JSON are encoded on the caller's stack, longer ones in a block from the heap, and copied from there.
pub(crate) const EVENT_INLINE_BYTES: usize = 210;
/// Maximum nesting of arrays and objects. Deeper is refused, because serde_json's own reader stops at this depth.
pub const DEPTH_MAX: usize = 127;
/// Maximum nesting of newtypes and `Option`s. They write nothing but still use the stack. A `Box`, a reference and an untagged variant
/// cannot be counted, because serde calls only the next level.
pub const WRAPPERS_MAX: usize = 500;
/// How many `emit`s may be nested through `Serialize`: enough for an event whose fields report something, but not without end.
pub const NESTED_EMITS_MAX: usize = 1;

/// Default of `name_field`: OpenTelemetry's name for it.
pub const NAME_FIELD: &str = "event.name";
/// Maximum bytes of all common fields together, as a JSON object. They are in every event or every record; more than a few names and
/// versions belongs elsewhere.
pub const COMMON_FIELDS_BYTES_MAX: usize = 2 << 10;
/// How many event names a client stores as a number, or `queue_events_max` if that is less: more than most programs have. Events with other
/// names carry them in their text from `emit` on, which costs a copy.
pub const EVENT_NAMES: usize = 512;
/// Maximum length of a name that is stored as a number: OpenTelemetry's own are half as long.
pub const EVENT_NAME_BYTES_MAX: usize = 64;

// ---- A batch.

/// Default of `batch_events_max`.
pub const BATCH_EVENTS: usize = 500;
/// Upper limit of `batch_events_max`.
pub const BATCH_EVENTS_LIMIT: usize = 10_000;
/// Default of `batch_bytes_max`: below the 1 MiB at which common reverse proxies answer 413.
pub const BATCH_BYTES: usize = 256 << 10;
/// Upper limit of that default for a format that makes events longer: common receivers take this much, including a collector with its 20
/// MiB.
pub const BATCH_BYTES_GROWN: usize = 1 << 20;
const _: () = assert!(BATCH_BYTES <= BATCH_BYTES_GROWN);
/// Upper limit of `batch_bytes_max`.
pub const BATCH_BYTES_LIMIT: usize = 64 << 20;
/// Default of `batch_age_max`: how long an event may wait for more events.
pub const BATCH_AGE: Duration = Duration::from_millis(200);

// ---- Posts.

/// Default of `posts_in_flight_max`: one on the wire while the next is prepared.
pub const POSTS_IN_FLIGHT: usize = 2;
/// Upper limit of `posts_in_flight_max`: one endpoint, one sender thread.
pub const POSTS_IN_FLIGHT_LIMIT: usize = 64;
/// Default of `connect_timeout`, including name lookup and TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Default of `post_timeout`: from the start of the connection, if there is none yet, to the last byte received.
pub const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// If a transport has not ended a request this long after the post timeout, the sender ends it. A transport is expected to keep its own
/// timeouts; one that does not must not hold its events forever.
pub const TRANSPORT_GRACE: Duration = Duration::from_secs(1);
/// Default of `shutdown_timeout`: how long the sender may take to finish after the last client is dropped.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// Upper limit of any timeout or age: nobody wants to wait longer than an hour, and it is far from any overflow.
pub const TIMEOUT_LIMIT: Duration = Duration::from_secs(3_600);
/// Maximum bytes read of a reply's body: enough for refusals of single events, but not for an endless body.
pub const REPLY_BYTES_MAX: usize = 64 << 10;
/// Maximum that a format may ask for instead.
pub const REPLY_BYTES_LIMIT: usize = 16 << 20;
/// Maximum number of reply headers that a format may ask for, and maximum characters of each that it gets: whatever identifies an error is
/// short.
pub const REPLY_HEADERS_ASKED_MAX: usize = 8;
pub(crate) const REPLY_HEADER_CHARS_MAX: usize = 200;
/// Maximum bytes that one byte of an event may become in a body: six for one that is escaped as `\u0022`, plus room for formats that tag
/// each value with its type.
pub const GROWTH_LIMIT: usize = 64;
/// How long a post whose status settles it waits for the body: most bodies come with their head, and a connection whose answer was read is
/// ready for the next post. More would be taken from the posts of an endpoint that never ends its bodies.
pub(crate) const REPLY_BODY_PATIENCE: Duration = Duration::from_millis(20);
/// How long a refusal may take to give its reason: half of the second within which a slot must be free again.
pub const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);
/// How long the rest of a body is read after its post has ended, at most one for each post that may be in flight: a new connection
/// costs an endpoint more than a moment's wait for a slow body, and an endless body must end.
pub(crate) const REPLY_DRAIN: Duration = Duration::from_secs(1);
/// Maximum number of request headers.
pub const HEADERS_MAX: usize = 100;
/// Maximum header lines of an answer: three times what the longest chains of proxies add, and 50 KiB when all are used.
pub(crate) const REPLY_HEADERS_MAX: usize = 300;
/// Default of `connection_idle_max`. An idle connection is closed after this: sooner than the keep-alive of common servers (nginx 75 s, ALB
/// 60 s, node 5 s, ClickHouse 3 s), so that they rarely close it while we write.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(2);
/// If an endpoint says how long it keeps idle connections (`keep-alive: timeout=5`), they are used for that long less this, or less half of
/// it: a request on its way must arrive before the connection ends.
pub(crate) const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);
/// Connections are renewed after this, so that a change of the endpoint's address is followed under steady traffic.
pub const CONNECTION_AGE: Duration = Duration::from_secs(60);
/// How long a post waits for a new HTTP client if the previous one's connections are known to be stale: reading the root certificates
/// takes some milliseconds, a hundred times as long on an overloaded machine.
pub(crate) const RENEWAL_PATIENCE: Duration = Duration::from_secs(1);
/// After a machine has slept this long, earlier connections are not reused: shorter than any endpoint keeps an idle one,
/// longer than two clocks differ.
pub(crate) const SUSPENDED_MIN: Duration = Duration::from_millis(500);
/// Age at which a header value from a function or file is read again: tokens live for minutes at least, and a refused one is read again at
/// once.
pub const CREDENTIAL_AGE: Duration = Duration::from_secs(60);
/// Maximum bytes of such a value: the longest tokens are a few KiB, and few servers take longer header lines.
pub const CREDENTIAL_BYTES_MAX: usize = 16 << 10;
/// Maximum number of headers with such a value: a token and the like; each may keep a thread waiting.
pub const LIVE_HEADERS_MAX: usize = 4;
/// Maximum characters of the endpoint's URL: what common servers accept as a request's first line.
pub const ENDPOINT_CHARS_MAX: usize = 8_000;
/// Maximum bytes of a certificate file named by an environment variable: all roots of a platform are a quarter of it.
pub const CERTIFICATE_FILE_BYTES_MAX: usize = 1 << 20;

// ---- Outage.

/// This many consecutive failed posts make an outage if posts have hardly failed before; fewer would be one unlucky rolling restart. A
/// post that waited for its whole timeout counts twice.
pub(crate) const FAILURES_BEFORE_OUT: u32 = 3;
/// Where a share of the posts fails anyway (one backend of several), a run of failures is an outage once chance alone would produce it
/// less often than this. At five posts a second and one bad backend of three, that makes a false outage of a few tenths of a second every
/// few minutes.
pub(crate) const OUT_BY_CHANCE: f64 = 0.0015;
/// Upper limit of the length of such a run: an endpoint that fails most of the time must be recognized too.
pub(crate) const FAILURES_BEFORE_OUT_MAX: u32 = 10;
/// A run of [`FAILURES_BEFORE_OUT`] that has lasted this long without a delivery is an outage, whatever the odds: a service
/// that posts seldom should not wait for ten posts.
pub(crate) const OUT_AFTER: Duration = Duration::from_secs(10);
/// How many results of posts are remembered, to know how often posts fail anyway.
pub(crate) const OUTCOMES_HEARD: usize = 20;
/// How long they are remembered: backends come and go.
pub(crate) const OUTCOMES_HEARD_FOR: Duration = Duration::from_secs(300);
/// A `Retry-After` takes the endpoint out at once, and is honored once this many consecutive answers have confirmed it, including those of
/// probes and stragglers: a single one may be one backend's. The confirming probe comes no sooner than a post would have.
pub(crate) const RETRY_AFTER_BELIEVED_AFTER: u32 = 2;
/// If a post is delivered before the time a `Retry-After` has set, the hint was one backend's; later ones are doubted for this long
/// after the last contradiction.
pub(crate) const RETRY_AFTER_DOUBTED_FOR: Duration = Duration::from_secs(300);
/// A doubted hint is honored after this many consecutive probes of one outage were answered with it: with one bad backend of three that
/// happens by chance in one of 27 outages.
pub(crate) const RETRY_AFTER_BELIEVED_AFTER_PROBES: u32 = 3;

/// The period over which failed posts are counted to report the share that fails; or the last [`OUTCOMES_HEARD`] posts, if they cover more.
pub(crate) const SHARE_OVER: Duration = Duration::from_secs(30);
/// Minimum share of failed posts that is reported, in hundredths: below it are restarts and the noise of a network.
pub(crate) const SHARE_TOLD_PERCENT: u64 = 10;
/// Below this it has ended: half, so that a share near the first limit is not reported again and again.
pub(crate) const SHARE_ENDED_PERCENT: u64 = 5;
/// Fewer failed posts than this do not make a share.
pub(crate) const SHARE_FAILED_MIN: u64 = 3;

/// What a delivered post earns toward second tries of posts that the endpoint has answered (503, 429, a denial). With one bad backend
/// of three, asked in turn, every other post needs one, because a second try takes a turn as well. Second tries are earned by
/// deliveries, not by posts, so that an overloaded endpoint gets little extra load: one that serves a fifth of what it gets receives a
/// tenth more; half, a third more; six tenths, four tenths more, which is the worst case; one that serves nothing gets nothing extra.
pub(crate) const SECOND_TRIES_PER_DELIVERY: f64 = 0.5;
/// Maximum second tries saved up: what an overload meets when it begins.
pub(crate) const SECOND_TRIES_SAVED_MAX: f64 = 3.0;

/// If the endpoint answers with failures, its connections are closed, at most this often: behind a balancer of connections they lead to
/// a bad backend, and would keep doing so.
pub(crate) const FRESH_CONNECTIONS_EVERY: Duration = Duration::from_secs(1);

/// The first probe comes after one `batch_age_max` of silence and a random part of this, or of `batch_age_max` if that is longer: an
/// outage of a second should not cost another second, and a fleet that is out must not be more load than a healthy one.
pub(crate) const PROBE_INTERVAL_FIRST: Duration = Duration::from_millis(200);
/// Each probe lengthens the interval by this factor: from 200 ms to the default maximum in five probes, about three seconds.
pub(crate) const PROBE_INTERVAL_GROWTH: f64 = 1.5;
/// Default of `probe_interval_max`, or twice `batch_age_max` if that is longer: the maximum time until a recovered endpoint is noticed, as
/// long as events keep coming to make probes of. With the time of an answer it is noticed within two seconds. It costs no more than a
/// healthy client, which posts once per `batch_age_max`: about 70 small requests a minute. A `Retry-After` may make it longer.
pub const PROBE_INTERVAL: Duration = Duration::from_millis(1_500);
/// A probe is given up after this, unless `post_timeout` is less, or it is the one probe that waits for a slow endpoint as long as any
/// post.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Maximum probes in flight: a patient one, and two that may hang next to it. So a probe that hangs keeps no other from starting.
pub(crate) const PROBES_MAX: usize = 3;
/// Requests on the wire beyond `posts_in_flight_max`, part of the memory bound: probes next to posts that hang, and posts next to those
/// that have waited much longer than recent answers took.
pub const SPARE_POSTS: usize = 2;
/// How many of them posts may use: one is left for a probe.
pub(crate) const SPARE_POSTS_BESIDE_HUNG: usize = 1;
/// A post that has waited this many times as long as the slowest of the recent answers counts as hanging, and another may start next to it.
pub(crate) const HUNG_TIMES: u32 = 10;
/// No post counts as hanging before this: a garbage collector's pause is not a hang.
pub(crate) const HUNG_AFTER: Duration = Duration::from_secs(1);
/// How many answers' times are remembered to find the slowest.
pub(crate) const ANSWERS_HEARD: usize = 8;

/// If the endpoint has refused large batches and taken small ones, batches grow again after this many deliveries of the size it
/// takes: at most one post in twenty is refused to find out.
pub(crate) const FIT_DELIVERIES: u32 = 20;
/// Each time the larger size is refused again, the number doubles, up to this.
pub(crate) const FIT_DELIVERIES_MAX: u32 = 640;
/// Batches grow by this fraction (one part in this many), by at least one event.
pub(crate) const FIT_GROWTH_PART: usize = 8;

/// A probe carries at most this many events: enough to be a real request, few enough to lose time on.
pub(crate) const PROBE_EVENTS_MAX: usize = 16;
/// Clients that got the same `Retry-After` come back spread over this share of it, but over at most `probe_interval_max`: wide enough that
/// a fleet stays below its normal rate, and no wider than needed.
pub(crate) const RETRY_AFTER_SPREAD: f64 = 0.5;
/// Maximum `Retry-After` that is respected.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// How often the notice `outage continues` appears.
pub const OUTAGE_NOTICE_EVERY: Duration = Duration::from_secs(30);

// ---- The log.

/// Default of `spill_line_bytes_max`: rsyslog cuts lines longer than 8 KiB, container runtimes lines longer than 16.
pub const SPILL_LINE_BYTES: usize = 8 << 10;
/// Lower limit of `spill_line_bytes_max`: half of such a line is the frame.
pub const SPILL_LINE_BYTES_LEAST: usize = 4 << 10;
/// Upper limit of `spill_line_bytes_max`; the record reader takes lines twice as long.
pub const SPILL_LINE_BYTES_LIMIT: usize = 1 << 20;
/// Bytes reserved in each line for everything but the event: half for the record's own fields, half for what a formatter adds around them.
pub const SPILL_FRAME_BYTES: usize = SPILL_FIELDS_BYTES_MAX + FORMATTER_BYTES;
/// Maximum bytes of a record's own fields besides the event, names included, with all numbers at their longest.
pub(crate) const SPILL_FIELDS_BYTES_MAX: usize = 1 << 10;
/// Minimum bytes of each line for the event, whatever else is in it: common fields, if the format has its own place for them.
pub(crate) const SPILL_EVENT_BYTES_LEAST: usize = 1 << 10;
/// The allowance for what a formatter puts around the fields: time, level, target, thread, file (in a registry's folder: 100 bytes),
/// host, colors (16 bytes a field). It does not cover fields of the application's spans: tracing-subscriber's JSON formatter writes the
/// spans that are open where a record is written.
pub(crate) const FORMATTER_BYTES: usize = 1 << 10;
/// Maximum characters of the `spill_detail` field.
pub const DETAIL_CHARS_MAX: usize = 200;
/// Maximum characters of an answer's own words in `detail` and in a notice.
pub(crate) const WORDS_CHARS_MAX: usize = 100;
/// If a piece this long of a secret that was sent appears in an answer, its words are hidden: an answer may show a secret cut or starred.
pub(crate) const SECRET_PIECE_CHARS: usize = 8;
/// Values shorter than this are not secrets, and would hide too much.
pub(crate) const SECRET_CHARS_MIN: usize = 4;
/// Maximum characters for what is wrong in the notice `could not start as configured`: several variables, each with what it takes.
pub(crate) const NOT_BUILT_CHARS_MAX: usize = 1_000;
/// Maximum bytes of the `spill_detail` field once a formatter has escaped it.
pub(crate) const DETAIL_ESCAPED_BYTES_MAX: usize = 400;
/// The record reader skips lines longer than this: no record is that long, and a log may contain anything.
pub const READ_LINE_BYTES_MAX: usize = 2 * SPILL_LINE_BYTES_LIMIT;
/// Maximum bytes that the record reader holds of events whose parts it has not all seen. Beyond it, it drops the one that has waited
/// longest. An event's parts are written one after another, so only other processes' lines come in between.
pub const READ_HELD_BYTES_MAX: usize = 64 << 20;
/// The same in events: what surrounds a part is a few hundred bytes.
pub const READ_HELD_EVENTS_MAX: usize = READ_HELD_BYTES_MAX / 1024;
/// Maximum ranges of sequence numbers that [`Seen`](crate::spill::Seen) holds: about 20 MiB. An outage is a few ranges per client; there
/// are many only if events are sampled into the log for hours.
pub const SEEN_RANGES_MAX: usize = 1 << 18;
/// Maximum clients for which [`Losses`](crate::spill::Losses) keeps counts: about 15 MiB. Each start of a process is a new client.
pub const LOSSES_CLIENTS_MAX: usize = 1 << 17;
/// Maximum logs for which a [`Checkpoint`](crate::spill::Checkpoint) keeps a position: a rotated set has about ten.
pub const CHECKPOINT_LOGS_MAX: usize = 1024;
/// How deep the reader looks into lines within lines: a formatter's in syslog's in Docker's in a shipper's is four.
pub const READ_WRAPS_MAX: usize = 6;
/// What an event that is sent again takes beyond its own bytes: its id, time and name, and their keys.
pub const RESEND_OVERHEAD_BYTES: usize = 256;
/// Default of `spill_bytes_per_second_max`: unlimited.
pub const SPILL_BYTES_PER_SECOND: usize = usize::MAX;
/// Lower limit of `spill_bytes_per_second_max`: a short line a second.
pub const SPILL_BYTES_PER_SECOND_LEAST: usize = 1 << 10;
/// Bytes that a line counts in addition to its part of the event when bytes per second are limited.
pub const SPILL_BYTES_PER_LINE: usize = 512;
/// A redacted event is at most this many times as long as the event: in an array of digits, each digit is replaced by a hash of 24, with
/// quotes.
pub const REDACTED_GROWTH_MAX: usize = 16;
/// A log write that takes longer than this counts as stalled, and nobody waits for it any longer. A shorter limit would mistake a busy disk
/// for a stuck one: on an overloaded machine a write to a plain file was seen to take more than 250 ms.
pub const LOG_STALL: Duration = Duration::from_secs(1);
/// Maximum number of callers' events waiting to be written to the log, or `queue_events_max` if that is less: 20,000 events a second during
/// a log pause of 50 ms. If the pause is longer, callers wait for room, but no longer than [`LOG_STALL`].
pub const LOG_QUEUE_EVENTS: usize = 1_024;
/// Maximum bytes of those events, or `queue_bytes_max` if that is less. One event always has room.
pub const LOG_QUEUE_BYTES: usize = 1 << 20;
/// Maximum number of the sender's batches there, including the one being written: the log always has work while the sender prepares the
/// next.
pub const LOG_QUEUE_BATCHES: usize = 2;
/// Maximum number of notices there. Notices report changes and totals, and repeats are throttled, so more would all say the same.
pub const LOG_QUEUE_NOTICES: usize = 64;
/// Maximum bytes of one notice, longer than the text of any.
pub const NOTICE_BYTES: usize = 1 << 10;
/// The thread that writes the log looks again after this before it sleeps: while events keep coming, no caller pays for waking it.
pub const LOG_NAP: Duration = Duration::from_millis(2);
/// Idle time after which that thread ends: an idle client has one thread.
pub const LOG_IDLE: Duration = Duration::from_secs(5);
/// The same once the sender has ended: after that only late callers' events come, and the process is about to end.
pub const LOG_IDLE_AFTER_END: Duration = Duration::from_millis(50);
/// How long a caller that emits after the end waits until its event is written, because nobody else may wait for it before the process
/// exits. It waits no longer, because it may hold a lock that the log needs. Once callers have waited in vain for [`LOG_STALL`] in total,
/// they no longer wait, because the process is then evidently going on.
pub const LOG_LATE_PATIENCE: Duration = Duration::from_millis(200);
/// Callers that wait for room are let in when half of it is free, or this often: waking them for each event written would cost more than
/// writing it.
pub const LOG_LET_IN_EVERY: Duration = Duration::from_millis(10);
/// Minimum time between two notices that repeat; those left out are counted in the next one. Start and end of the client are always
/// reported.
pub const NOTICE_EVERY: Duration = Duration::from_secs(30);
/// Maximum changes of mode or queue share reported within [`NOTICE_EVERY`]: all that a person makes, and some of those that a loop makes.
/// Also the maximum of outages, for an endpoint that flaps.
pub(crate) const SWITCH_NOTICES: u64 = 10;
/// The monotonic clock stands still while a machine is suspended, and a process may be frozen: a difference of this much between the time
/// that should have passed and the time that has is such a gap. Connections are then older than they seem.
pub(crate) const CLOCK_GAP: Duration = Duration::from_secs(2);

// ---- Shutdown.

/// What writing one event to the log is assumed to cost, at least, when time is set aside for it before a deadline: several
/// times what tracing-subscriber's JSON layer takes. A log that proves slower is assumed to take twice what it was seen to
/// take. At most half of the given time is set aside.
pub(crate) const SPILL_TIME_PER_EVENT: Duration = Duration::from_micros(50);
/// At least one part in this many of a shutdown's time is set aside for writing to the log, if anything is left to write: on a busy machine
/// the sender may not run for tens of milliseconds, and what it has not written [`SHUTDOWN_GRACE`] after the deadline is lost.
pub(crate) const SHUTDOWN_SET_ASIDE: u32 = 8;
/// Upper limit of that part: a request on its way may still be answered.
pub(crate) const SHUTDOWN_SET_ASIDE_MAX: Duration = Duration::from_millis(250);
/// Time allowed after the deadline for the last log writes before the rest is lost.
pub const SHUTDOWN_GRACE: Duration = Duration::from_millis(100);
/// A shutdown that is this late when it first sees that its time is up did not run meanwhile: the process was frozen past its deadline,
/// by SIGSTOP, a paused container, or a function's platform. An overloaded machine is late by tens of milliseconds.
pub(crate) const SHUTDOWN_FROZEN_MIN: Duration = Duration::from_millis(500);
/// A shutdown that was frozen gets this much time from the thaw on, once: nothing could be written in the given time. Writing a full queue
/// to a log of usual speed takes half of it.
pub const SHUTDOWN_THAW: Duration = Duration::from_secs(1);
/// How long the thread that takes over waits for a thread interrupted between two steps with an event in hand: with this and the
/// grace, a shutdown still returns within 200 ms of its deadline.
pub(crate) const TAKE_OVER_PATIENCE: Duration = Duration::from_millis(50);
/// A sender that panicked continues after this; a panic in a loop must not become a busy loop.
pub(crate) const SENDER_RESTART: Duration = Duration::from_millis(20);

// ---- A fork.

/// In a child, threads that need its client wait for the thread that builds it: for https that reads the root certificates, on a busy
/// machine. After this, they assume that it has ended without a client.
pub(crate) const FORK_PATIENCE: Duration = Duration::from_secs(2);
/// A child waits this long for a sink's lock that a thread of its parent may have held at the fork, and that nobody will release. Longer
/// than a write that another thread of the child has begun, and short enough for a child's log.
pub(crate) const FORK_LOCK_PATIENCE: Duration = Duration::from_millis(50);
/// Places for a child's client. The first is enough, unless a process forks while one of its threads builds its own: then its child needs
/// the next one, and so on for that child's child.
pub(crate) const FORK_PLACES: usize = 3;

// ---- Memory that is not events (see `Client::memory_bound`).

/// Spare blocks kept per size class, in bytes, and in number. An event leaves its block when it enters the queue, so the blocks in use are
/// those of callers inside `emit` and of events that wait for the log.
pub(crate) const SPARE_BYTES_PER_CLASS: usize = 256 << 10;
pub(crate) const SPARE_BLOCKS_PER_CLASS: usize = 16;
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
