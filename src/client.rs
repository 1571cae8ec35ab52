//! The handle that callers hold: emit, stats, mode, flush, shutdown.
//!
//! In: values. Out: events in the queue, or settled on the spot. C1: an accepted `emit` waits for no lock and, with an awake sender,
//! makes no system call; it never waits for the sender or the network, and never panics. C2: whatever happens inside `emit`,
//! the event is settled or in the queue when it returns.

mod named;

use crate::build_error::BuildError;
use crate::config::Builder;
use crate::encode::Encoded;
use crate::event::Event;
use crate::flush::FlushError;
use crate::fork::Own;
use crate::gate::Side;
use crate::mode::Mode;
use crate::observer::Signal;
use crate::outcome::{Emitted, LostReason, Reason};
use crate::queue::Full;
use crate::queue_share::QueueShare;
use crate::reentry;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::sync::Arc;
use crate::waits::{Deadline, in_the_future};
use named::{Naming, NoName};
use serde::Serialize;
use std::fmt;

/// A handle to the queue and the stats. It is cheap to clone, one pointer wide, and works from any thread, with or without a runtime.
///
/// Dropping a clone does nothing. Dropping the last one without [`shutdown`](Client::shutdown) gives the sender `shutdown_timeout` to
/// finish in the background and write the rest to the log. A process that exits before that loses at most [`Stats::pending`] events.
///
/// # One client for a whole program
/// Keep it in a `OnceLock` that `main` fills. Keep a guard in `main` too, because a static is never dropped (`examples/global_client.rs`):
///
/// ```
/// static EVENTS: std::sync::OnceLock<overspill::Client> = std::sync::OnceLock::new();
///
/// /// Call it from anywhere. Before `main` has built the client, and in tests without one, it does nothing.
/// fn report(event: &impl serde::Serialize) {
///     if let Some(events) = EVENTS.get() {
///         events.emit(event);
///     }
/// }
///
/// # let url = "http://127.0.0.1:9/";
/// # fn run(url: &str) -> Result<(), overspill::BuildError> {
/// // in main:
/// report(&"too early: nobody gets it");
/// let built = overspill::Client::builder(url).build()?;
/// let events = EVENTS.get_or_init(|| built);
/// let guard = events.shutdown_on_drop(std::time::Duration::from_secs(2));
/// report(&("order placed", 7));
/// # drop(guard);
/// # let stats = events.stats();
/// # assert_eq!((stats.emitted, stats.delivered + stats.spilled, stats.pending), (1, 1, 0));
/// # Ok(()) }
/// # run(url).unwrap();
/// ```
#[derive(Clone)]
pub struct Client {
    /// Shared by all clones, and dropped with the last one.
    own: Arc<Own>,
}

impl Client {
    /// Starts to configure a client for `endpoint`, an `http://` or `https://` URL.
    pub fn builder(endpoint: impl Into<String>) -> Builder {
        Builder::new(endpoint)
    }

    pub(crate) fn new(own: Own) -> Client {
        Client { own: Arc::new(own) }
    }

    /// Hands over an event. It is encoded now and delivered later, or written to the log.
    ///
    /// NaN and infinities become `null`, as in serde_json. A value that cannot be encoded is [`Emitted::Lost`]: its `Serialize` fails or
    /// panics, it nests deeper than 127 arrays and objects or 500 newtypes, or it has map keys that are not strings, numbers, booleans or
    /// unit variants. An event longer than `event_bytes_max` is spilled whole; beyond twice that it is lost.
    ///
    /// A type that recurses only through untagged variants is not counted ([`WRAPPERS_MAX`](crate::limits::WRAPPERS_MAX)), because serde
    /// does not report such levels. A million of them overflow the caller's stack, as with any other serializer.
    ///
    /// # Blocking
    /// Never on the network or the log, and not at all for an event that is accepted. An event for the log (the queue is full, the mode is
    /// LogOnly, the event is oversized) is handed to the thread that writes the log; it is [`Emitted::Spilled`] although not written yet.
    /// If that thread's queue is full, the call waits for room: at most [`LOG_STALL`](crate::limits::LOG_STALL), and not at all while a
    /// write has been stuck for that long. Without room the event is lost, reason `log_stalled`. After the client has ended, the call waits
    /// until its event is written: at most [`LOG_LATE_PATIENCE`](crate::limits::LOG_LATE_PATIENCE), and at most `LOG_STALL` summed over all
    /// such calls that wait in vain.
    ///
    /// So a caller may hold locks that the log needs, as a tracing layer that emits does. A caller writes to the log itself only if no
    /// thread can be started and the sender has ended or hangs.
    #[inline]
    pub fn emit<T: Serialize + ?Sized>(&self, event: &T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, NoName, event),
        }
    }

    /// Like [`emit`](Client::emit), for an event that is expensive to make: `make` does not run when the mode is [`Mode::Off`]. A panic in
    /// `make` passes through to the caller, and nothing is emitted.
    #[inline]
    pub fn emit_with<T: Serialize>(&self, make: impl FnOnce() -> T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, NoName, &make()),
        }
    }

    /// Switches the mode, at any time, from any thread. Events already in the queue are still delivered.
    ///
    /// # Blocking
    /// Never on the log: the notice is handed to the thread that writes it. The observer gets its signal before this returns.
    pub fn set_mode(&self, mode: Mode) {
        let shared = self.own.to_change();
        let from = self.own.set_mode(mode);
        if from != mode {
            shared.notices.mode_changed(shared.clock.now(), from, mode);
            shared.signal(&Signal::ModeChanged { from, to: mode });
        }
    }

    /// The current mode.
    pub fn mode(&self) -> Mode {
        self.own.mode().get()
    }

    /// Reduces what the client may hold while memory is short, or restores it: from now on `queue_bytes_max` is this share of its
    /// configured value. Events already held stay. An event that does not fit into the share is spilled with [`Reason::QueueFull`].
    ///
    /// # Blocking
    /// Like [`set_mode`](Client::set_mode).
    pub fn set_queue_share(&self, share: QueueShare) {
        let shared = self.own.to_change();
        if shared.mode.is_off_for_good() {
            return;
        }
        let from = shared.queue.set_queue_share(share);
        if from != share {
            shared.notices.queue_share_changed(shared.clock.now(), from, share);
        }
    }

    /// The share of its byte budget that the client may use now.
    pub fn queue_share(&self) -> QueueShare {
        self.seen().queue.queue_share()
    }

    /// Sends `authorization: Bearer token` from the next request on. See [`set_header`](Client::set_header).
    ///
    /// # Errors
    /// Those of [`set_header`](Client::set_header).
    pub fn set_bearer_auth(&self, token: impl AsRef<str>) -> Result<(), BuildError> {
        self.set_header("authorization", format!("Bearer {}", token.as_ref()))
    }

    /// Replaces or adds a header from the next request on, for example a token that has changed. Call it at any time, from any thread. It
    /// also replaces a header set with [`header_with`](Builder::header_with). If the endpoint answers 401 while the header changes, the
    /// request is sent once more.
    ///
    /// # Errors
    /// Those of `build`: a name or value that cannot be sent, or a credential over plain http to another host. Also if the client posts
    /// through a [transport](Builder::transport) of yours, which has no headers. On an error nothing changes.
    ///
    /// # Blocking
    /// Never on the network or on the sender.
    pub fn set_header(&self, name: impl AsRef<str>, value: impl AsRef<str>) -> Result<(), BuildError> {
        let shared = self.own.to_change();
        match &shared.headers {
            Some(headers) => headers.set(name.as_ref(), value.as_ref()),
            None if shared.mode.is_off_for_good() => Ok(()),
            None => Err(BuildError::invalid(
                "header",
                "is not sent by a transport of your own",
                "change it in the transport",
            )),
        }
    }

    /// A snapshot of the stats. It costs about thirty loads: cheap enough to call every second.
    pub fn stats(&self) -> Stats {
        match self.own.look() {
            Ok(shared) => shared.stats(),
            Err(parent) => Own::unused(parent),
        }
    }

    /// The maximum number of bytes this client can hold, computed from its configuration: `queue_bytes_max`, chunks being filled, batches,
    /// bodies, compression, reading answers, connections, TLS, the sender's runtime, and events waiting for the log. Each caller inside
    /// `emit` may use up to six times `event_bytes_max` more during the call. The log's own memory for a record is not included.
    pub fn memory_bound(&self) -> usize {
        self.seen().memory_bound
    }

    /// The names that this client puts in front of an event's own members: common fields, time, the event's name. Use it if you build
    /// events from fields that others have named: a field with the same name would be in the JSON twice, and readers take one of the two.
    ///
    /// ```
    /// let events = overspill::Client::builder("http://127.0.0.1:9/").service_name("orders").time_field("at").build().unwrap();
    /// assert_eq!(events.added_names(), ["service.name", "at", "event.name"]);
    /// ```
    pub fn added_names(&self) -> Vec<String> {
        self.seen().config.common.added_names()
    }

    /// Waits until everything emitted before this call is settled: delivered, spilled (and written) or lost. It changes nothing about
    /// delivery, except that a batch being filled stops waiting for more events.
    ///
    /// Works on any executor.
    ///
    /// # Errors
    /// [`FlushError::DeadlinePassed`] if it takes longer. The events are still settled later.
    ///
    /// # Cancel safety
    /// Cancel safe. It starts when first polled, and a `Duration` counts from then. Dropping the future only stops the waiting.
    pub async fn flush(&self, deadline: impl Into<Deadline>) -> Result<(), FlushError> {
        let Ok(shared) = self.own.look() else { return Ok(()) };
        shared.flush(in_the_future(deadline.into().remaining())).await
    }

    /// [`flush`](Client::flush) for code that cannot await. It works without a runtime or inside one, because the sender runs on its own
    /// thread.
    ///
    /// # Errors
    /// Those of [`flush`](Client::flush). Also if called from inside overspill's own work (an `Observer`, a `SpillSink`, a tracing layer
    /// that gets our records), where it would wait for itself: it then returns at once.
    ///
    /// # Blocking
    /// Blocks the calling thread until everything is settled or the deadline has passed. Do not call it on the thread that runs the
    /// [`Sender`](crate::Sender) of [`build_with_sender`](Builder::build_with_sender).
    pub fn flush_blocking(&self, deadline: impl Into<Deadline>) -> Result<(), FlushError> {
        if reentry::is_echo() {
            return Err(FlushError::DeadlinePassed);
        }
        let Ok(shared) = self.own.look() else { return Ok(()) };
        shared.flush_blocking(in_the_future(deadline.into().remaining()))
    }

    /// Closes the client, lets the sender deliver what it can until the deadline, writes the rest to the log, and returns the final stats.
    /// Events emitted from now on are spilled with [`Reason::Closed`].
    ///
    /// Idempotent: a second call, from any clone, waits for the same end, and until events emitted since then are written; the earliest
    /// deadline applies. Works on any executor. Returns no later than 200 ms after the deadline. The last eighth of the time, at most 250
    /// ms, is kept for writing to the log. Events that could not even be written by then are [`LostReason::Deadline`]. If the process was
    /// frozen past the deadline (SIGSTOP, a paused container, a function's platform), it gets
    /// [`SHUTDOWN_THAW`](crate::limits::SHUTDOWN_THAW) from the thaw, once.
    ///
    /// # Cancel safety
    /// It starts when first polled, and a `Duration` counts from then. Dropping the future after that does not cancel the shutdown: the
    /// sender still finishes within the deadline.
    pub async fn shutdown(&self, deadline: impl Into<Deadline>) -> Stats {
        match self.own.look() {
            Ok(shared) => shared.shutdown(deadline.into()).await,
            Err(parent) => Own::shut_unused(parent),
        }
    }

    /// [`shutdown`](Client::shutdown) for code that cannot await: without a runtime, in `Drop`, in a panic hook. It also works inside a
    /// runtime, because the sender runs on its own thread.
    ///
    /// # Blocking
    /// Blocks the calling thread until the end, or 200 ms after the deadline. Do not call it on the thread that runs the
    /// [`Sender`](crate::Sender) of [`build_with_sender`](Builder::build_with_sender), which could not work meanwhile; await
    /// [`shutdown`](Client::shutdown) there.
    ///
    /// If called from inside overspill's own work (an `Observer`, a `SpillSink`, a tracing layer that gets our records, a panic hook when
    /// one of them panics), it closes and returns at once. In a panic hook it settles what was emitted before the panic, even with
    /// `panic = "abort"`, unless the panic comes from overspill's own work (`examples/panic_hook.rs`). Call it before the hook prints, or
    /// records on standard error may land inside a line of the backtrace. The panic's own message then appears up to the deadline later.
    pub fn shutdown_blocking(&self, deadline: impl Into<Deadline>) -> Stats {
        match self.own.look() {
            Ok(shared) => shared.shutdown_blocking(deadline.into()),
            Err(parent) => Own::shut_unused(parent),
        }
    }

    /// For reading: this process's client, or its parent's if it has none yet.
    fn seen(&self) -> &Shared {
        match self.own.look() {
            Ok(shared) | Err(shared) => shared,
        }
    }

    #[cfg(all(test, overspill_shuttle))]
    fn shared(&self) -> &Shared {
        &self.own.shared
    }
}

impl Shared {
    fn emit_under<T: Serialize + ?Sized>(&self, mode: Mode, naming: impl Naming, value: &T) -> Emitted {
        if reentry::is_echo() {
            self.ledger.echo();
            return Emitted::Echo;
        }
        let Some(_encoding) = reentry::encoding() else {
            return self.lose_callers(LostReason::Reentrant);
        };
        let mut event = Event::vacant(self.clock.last_tick());
        let encoded = self.encoder.encode(value, &mut event);
        let encoded = naming.name(self, &mut event, encoded);
        if encoded == Encoded::Whole && mode == Mode::On {
            return match self.queue.push(&event) {
                Ok(()) => {
                    self.encoder.recycle(&mut event);
                    Emitted::Queued
                }
                Err(why) => self.refused(event, why),
            };
        }
        self.settle_apart(event, encoded, mode)
    }

    #[cold]
    fn refused(&self, event: Event, why: Full) -> Emitted {
        match why {
            Full::NoRoom => {
                self.hold();
                self.notices.queue_full(event.emitted_at);
                self.spill(event, Side::Open, Reason::QueueFull)
            }
            Full::Closed => self.spill(event, Side::Closed, Reason::Closed),
        }
    }

    /// Everything that does not go into the queue.
    #[cold]
    fn settle_apart(&self, mut event: Event, encoded: Encoded, mode: Mode) -> Emitted {
        let lost = match encoded {
            Encoded::Whole | Encoded::Oversized => {
                let reason = if mode == Mode::LogOnly { Reason::LogOnly } else { Reason::Oversized };
                let side = self.announce();
                return self.spill(event, side, reason);
            }
            Encoded::TooLong => {
                let beginning = self.spill.beginning_of(event.text());
                self.notices.oversized(self.now(), self.config.event_bytes_max, &beginning);
                LostReason::Oversized
            }
            Encoded::Failed(why) => {
                self.notices.encode_failed(self.now(), &why);
                LostReason::EncodeFailed
            }
        };
        self.encoder.recycle(&mut event);
        self.lose_callers(lost)
    }

    #[cold]
    fn spill(&self, event: Event, side: Side, reason: Reason) -> Emitted {
        self.spill_callers(event, side, reason)
    }
}

/// Shows the stats, but neither endpoint nor headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("stats", &self.stats())
            .field("memory_bound", &self.memory_bound())
            .finish()
    }
}

#[cfg(all(test, overspill_shuttle))]
mod model;
