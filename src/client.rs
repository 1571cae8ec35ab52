//! The handle that callers hold: emit, stats, mode, flush, shutdown.
//!
//! In: values. Out: events in the queue, or settled on the spot. C1: an accepted `emit` takes no lock and, with an awake sender,
//! makes no system call; it never waits for the sender or the network, and never panics. C2: whatever happens inside `emit`,
//! the event is settled or in the queue when it returns.

mod named;

use crate::config::{BuildError, Builder};
use crate::encode::Encoded;
use crate::event::Event;
use crate::fork::Own;
use crate::gate::Side;
use crate::mode::Mode;
use crate::observer::Signal;
use crate::outcome::{Emitted, LostReason, Reason};
use crate::queue::Full;
use crate::queue_share::QueueShare;
use crate::reentry;
use crate::sender::Sender;
use crate::settle::Settler;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::sync::Arc;
use crate::waits::{Deadline, Reached, in_the_future};
use named::{Naming, NoName};
use serde::Serialize;
use std::fmt;

/// A handle on the queue and the books; cheap to clone, one pointer wide, usable from any thread, with or without a
/// runtime.
///
/// Dropping a clone does nothing. Dropping the last one without [`shutdown`](Client::shutdown) lets the sender finish
/// within `shutdown_timeout` in the background and write the rest to the log; a process that exits before that loses
/// at most what [`Stats::pending`] says.
///
/// # One client for a whole program
/// A `OnceLock` holds it, `main` fills it and keeps a guard, for a static is never dropped (`examples/global_client.rs`):
///
/// ```
/// static EVENTS: std::sync::OnceLock<overspill::Client> = std::sync::OnceLock::new();
///
/// /// From anywhere. Before `main` has built the client, and in tests that do without, it does nothing.
/// fn report(event: &impl serde::Serialize) {
///     if let Some(events) = EVENTS.get() {
///         events.emit(event);
///     }
/// }
///
/// # let url = "http://127.0.0.1:9/";
/// # fn run(url: &str) -> Result<(), overspill::BuildError> {
/// // in main:
/// report(&"too early: to nobody");
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
    /// What the clones share; its drop is the last client's.
    own: Arc<Own>,
}

impl Client {
    /// Begins to configure a client for `endpoint`, an `http://` or `https://` URL.
    pub fn builder(endpoint: impl Into<String>) -> Builder {
        Builder::new(endpoint)
    }

    /// A client that is off for good, for tests, tools and services without an endpoint: `emit` is [`Emitted::Off`], the books stay empty, nothing
    /// is started, nothing is logged. [`set_mode`](Client::set_mode) does not wake it.
    ///
    /// ```
    /// let events = overspill::Client::disabled();
    /// assert_eq!(events.emit(&"nobody hears this"), overspill::Emitted::Off);
    /// ```
    pub fn disabled() -> Client {
        crate::start::disabled()
    }

    pub(crate) fn new(own: Own) -> Client {
        Client { own: Arc::new(own) }
    }

    /// Hands over an event: encoded now, delivered later, or written to the log.
    ///
    /// NaN and infinities become `null`, as serde_json has it. A value that cannot be encoded (its `Serialize` fails or
    /// panics, nests deeper than 127 arrays and objects or 500 newtypes, or has map keys that are neither strings nor numbers,
    /// booleans or unit variants) is [`Emitted::Lost`]; one longer than `event_bytes_max` is spilled whole, beyond twice that it is lost.
    ///
    /// A type that recurses through untagged variants alone is not counted
    /// ([`WRAPPERS_MAX`](crate::limits::WRAPPERS_MAX)): serde tells nobody of such levels, and a million of them overflow
    /// the caller's stack, here as in any other serializer.
    ///
    /// # Blocking
    /// Not on the network, not on the log, and not at all for an event that is accepted. One that is for the log (the queue is full, the
    /// mode is LogOnly, it is oversized) is handed over to the thread that writes the log, and is [`Emitted::Spilled`] though not yet
    /// written. If so many wait there that there is no room, the call waits for room, at most
    /// [`LOG_STALL`](crate::limits::LOG_STALL), and not at all while a write has been stuck for that long; without room the event is
    /// lost, reason `log_stalled`. After the end of the client the call waits until its event is written,
    /// [`LOG_LATE_PATIENCE`](crate::limits::LOG_LATE_PATIENCE) at most, and no longer than `LOG_STALL` over all such calls that wait in
    /// vain.
    ///
    /// So a caller may hold locks that the log needs, as a tracing layer does that emits. Only if no thread can be started, and the
    /// sender has ended or hangs, does a caller write by itself.
    #[inline]
    pub fn emit<T: Serialize + ?Sized>(&self, event: &T) -> Emitted {
        match self.own.mode().unless_off() {
            None => Emitted::Off,
            Some(mode) => self.own.for_event().emit_under(mode, NoName, event),
        }
    }

    /// Like [`emit`](Client::emit), for an event that is expensive to make: `make` does not run when the mode is
    /// [`Mode::Off`]. A panic in `make` is the caller's own and passes through; nothing was emitted then.
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
    /// Not on the log: the notice is handed over to who writes it. Tells the observer before it returns.
    pub fn set_mode(&self, mode: Mode) {
        let shared = self.own.to_change();
        let settler = &shared.settler;
        let from = self.own.set_mode(mode);
        if from != mode {
            settler.notices.mode_changed(settler.clock.now(), from, mode);
            settler.signal(&Signal::ModeChanged { from, to: mode });
        }
    }

    /// The mode now.
    pub fn mode(&self) -> Mode {
        self.own.mode().get()
    }

    /// Lowers the client's appetite while memory is short, or gives it all of it again: from now on `queue_bytes_max` is
    /// this share of what it was built with. What is held already stays; an event for which there is no room in the share is spilled
    /// with [`Reason::QueueFull`].
    ///
    /// # Blocking
    /// As [`set_mode`](Client::set_mode).
    pub fn set_queue_share(&self, share: QueueShare) {
        let shared = self.own.to_change();
        let settler = &shared.settler;
        if shared.mode.is_off_for_good() {
            return;
        }
        let from = settler.queue.set_queue_share(share);
        if from != share {
            settler.notices.queue_share_changed(settler.clock.now(), from, share);
        }
    }

    /// The share of its byte budget that the client may use now.
    pub fn queue_share(&self) -> QueueShare {
        self.seen().settler.queue.queue_share()
    }

    /// Sends `authorization: Bearer token` from the next request on: [`set_header`](Client::set_header).
    ///
    /// # Errors
    /// As [`set_header`](Client::set_header).
    pub fn set_bearer_auth(&self, token: impl AsRef<str>) -> Result<(), BuildError> {
        self.set_header("authorization", format!("Bearer {}", token.as_ref()))
    }

    /// Replaces a header, or adds one, from the next request on: a token that has changed. At any time, from any thread. A header whose
    /// value was asked for ([`header_with`](Builder::header_with)) has this one from now on. A request that the endpoint answers with 401
    /// while the header changes is sent once more.
    ///
    /// # Errors
    /// As `build` would: a name or a value that cannot be sent, a credential over plain http to another host; also if the client posts by a
    /// [transport](Builder::transport) of yours, which has no headers. Nothing has changed then.
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

    /// A snapshot of the books. Some thirty loads: cheap enough for every second.
    pub fn stats(&self) -> Stats {
        match self.own.look() {
            Ok(shared) => shared.stats(),
            Err(parent) => Own::unused(parent),
        }
    }

    /// The most bytes this client can hold, from its configuration: slots of the queue, `queue_bytes_max`, batches,
    /// bodies, compression, reading answers, connections, TLS, the sender's runtime, and what waits for the log. Callers inside `emit`
    /// use, for the duration of the call, at most six times `event_bytes_max` each; the log takes what it takes for a record.
    pub fn memory_bound(&self) -> usize {
        self.seen().memory_bound
    }

    /// Waits until everything emitted before is settled: delivered, spilled (and written) or lost. Forces nothing out: events go their usual way,
    /// only a batch in the making does not wait for company.
    ///
    /// Works on any executor.
    ///
    /// # Errors
    /// [`FlushError::DeadlinePassed`] if it takes longer; the events are settled all the same, later.
    ///
    /// # Cancel safety
    /// Cancel safe: begins when it is first polled, and a `Duration` counts from then; dropping the future ends the waiting and
    /// nothing else.
    pub async fn flush(&self, deadline: impl Into<Deadline>) -> Result<(), FlushError> {
        let Ok(shared) = self.own.look() else { return Ok(()) };
        let until = in_the_future(deadline.into().remaining());
        match shared.flush(until).await {
            Reached::Yes => Ok(()),
            Reached::No => Err(FlushError::DeadlinePassed),
        }
    }

    /// [`flush`](Client::flush) for where one cannot await: without a runtime, or inside one, since the sender runs on a thread of its own.
    ///
    /// # Errors
    /// As [`flush`](Client::flush); also if it is called from inside overspill's own work (an `Observer`, a `SpillSink`, a tracing layer
    /// that hears our records), where waiting would wait for itself: then it returns at once.
    ///
    /// # Blocking
    /// The calling thread, until the goal or the deadline. Not on the thread that runs the [`Sender`] of
    /// [`build_with_sender`](Builder::build_with_sender).
    pub fn flush_blocking(&self, deadline: impl Into<Deadline>) -> Result<(), FlushError> {
        if reentry::is_echo() {
            return Err(FlushError::DeadlinePassed);
        }
        let Ok(shared) = self.own.look() else { return Ok(()) };
        match shared.flush_blocking(in_the_future(deadline.into().remaining())) {
            Reached::Yes => Ok(()),
            Reached::No => Err(FlushError::DeadlinePassed),
        }
    }

    /// Closes the client, lets the sender deliver what it can until the deadline, has it write the rest to the log, and
    /// returns the final books. Events emitted from now on are spilled with [`Reason::Closed`].
    ///
    /// Idempotent: a second call, from any clone, waits for the same end, and for what was emitted since to be written; the earliest
    /// deadline holds. Works on any
    /// executor. Returns at the latest 200 ms after the deadline; what could not even be written down by then is
    /// [`LostReason::Deadline`].
    ///
    /// # Cancel safety
    /// Begins when it is first polled, and a `Duration` counts from then. Dropping the future after that does not take back the
    /// shutdown: the sender finishes by itself within the deadline.
    pub async fn shutdown(&self, deadline: impl Into<Deadline>) -> Stats {
        match self.own.look() {
            Ok(shared) => shared.shutdown(deadline.into()).await,
            Err(parent) => Own::shut_unused(parent),
        }
    }

    /// [`shutdown`](Client::shutdown) for where one cannot await: without a runtime, in `Drop`, in a panic hook, and also
    /// inside one, since the sender runs on a thread of its own.
    ///
    /// # Blocking
    /// The calling thread, until the end or 200 ms after the deadline. Do not call it on the thread that runs the [`Sender`] of
    /// [`build_with_sender`](Builder::build_with_sender), which could not work meanwhile; await [`shutdown`](Client::shutdown) there.
    ///
    /// Called from inside overspill's own work (an `Observer`, a `SpillSink`, a tracing layer that hears our records, a panic hook when one of them panics)
    /// it closes and returns at once. In a panic hook it settles what was emitted before the panic, with `panic = "abort"`
    /// as well, unless the panic comes out of overspill's own work (`examples/panic_hook.rs`); call it before the hook prints, or
    /// records on standard error may get into the middle of a backtrace's lines. The panic's own message then comes up to the
    /// deadline later.
    pub fn shutdown_blocking(&self, deadline: impl Into<Deadline>) -> Stats {
        match self.own.look() {
            Ok(shared) => shared.shutdown_blocking(deadline.into()),
            Err(parent) => Own::shut_unused(parent),
        }
    }

    /// What single words are read of.
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
        let settler: &Settler = &self.settler;
        if reentry::is_echo() {
            settler.ledger.echo();
            return Emitted::Echo;
        }
        let Some(_encoding) = reentry::encoding() else {
            return settler.lose_callers(LostReason::Reentrant);
        };
        let mut event = Event::vacant(settler.clock.last_tick());
        let encoded = settler.encoder.encode(value, &mut event);
        let encoded = naming.name(settler, &mut event, encoded);
        if encoded == Encoded::Whole && mode == Mode::On {
            return match settler.queue.push(event) {
                Ok(()) => Emitted::Queued,
                Err((event, Full::NoRoom)) => {
                    settler.hold();
                    settler.notices.queue_full(event.emitted_at);
                    self.spill(event, Side::Open, Reason::QueueFull)
                }
                Err((event, Full::Closed)) => self.spill(event, Side::Closed, Reason::Closed),
            };
        }
        self.settle_apart(event, encoded, mode)
    }

    /// Everything that does not go into the queue.
    #[cold]
    fn settle_apart(&self, mut event: Event, encoded: Encoded, mode: Mode) -> Emitted {
        let settler = &self.settler;
        let lost = match encoded {
            Encoded::Whole | Encoded::Oversized => {
                let reason = if mode == Mode::LogOnly { Reason::LogOnly } else { Reason::Oversized };
                let (number, side) = settler.announce();
                event.seq = number;
                return self.spill(event, side, reason);
            }
            Encoded::TooLong => {
                let beginning = settler.spill.beginning_of(event.text());
                settler.notices.oversized(self.now(), self.config.event_bytes_max, &beginning);
                LostReason::Oversized
            }
            Encoded::Failed(why) => {
                settler.notices.encode_failed(self.now(), &why);
                LostReason::EncodeFailed
            }
        };
        settler.encoder.recycle(&mut event);
        settler.lose_callers(lost)
    }

    #[cold]
    fn spill(&self, event: Event, side: Side, reason: Reason) -> Emitted {
        self.settler.spill_callers(event, side, reason)
    }
}

/// The books; neither endpoint nor headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("stats", &self.stats())
            .field("memory_bound", &self.memory_bound())
            .finish()
    }
}

/// Why a flush ended without its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// Something emitted before the flush is not settled yet.
    DeadlinePassed,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline of the flush passed with events not settled yet")
    }
}

impl std::error::Error for FlushError {}

impl Builder {
    /// Checks every setting and starts the client, with its sender on a thread of its own.
    ///
    /// A program that returns from `main` without [`shutdown`](Client::shutdown) ends with its last events pending: hold a
    /// [guard](Client::shutdown_on_drop) there.
    ///
    /// Spilled events and notices go to the tracing subscriber that is current here, if there is one, be it set for this thread or scope
    /// alone as in a test; else, or once it is gone, to the global one, which may come later. They are written on a thread of overspill's:
    /// a subscriber that is set for another thread or scope, or for this one but later, gets none of them, and if there is no other the
    /// fallback has them.
    ///
    /// In a child of `fork` the client makes itself anew when it is first needed: [`guide::processes`](crate::guide::processes).
    ///
    /// # Errors
    /// [`BuildError`] says which setting is wrong and what to do, or why thread, runtime or HTTP client could not be made.
    ///
    /// # Blocking
    /// Until the sender's thread is up: well under a millisecond, for https as long as reading the root certificates takes.
    pub fn build(self) -> Result<Client, BuildError> {
        crate::start::on_own_thread(self)
    }

    /// Builds the client as [`build`](Builder::build) does, or, if that is an error, one that writes its events to the log: telemetry does not
    /// keep a service from starting.
    ///
    /// On an error one notice says what is wrong and what to do (ERROR, in the log or the fallback), and the client begins in
    /// [`Mode::LogOnly`]; in [`Mode::Off`] if it was to be off. It has no endpoint: switched to [`Mode::On`] it is in an outage that says why. Of
    /// the settings those of the spill and the observers hold; where redaction itself is set wrong, events are lost
    /// ([`LostReason::RedactFailed`]) rather than written unredacted. With [`with_env`](Builder::with_env) a wrong variable is such an
    /// error too.
    ///
    /// ```
    /// let events = overspill::Client::builder("not a URL").with_env().build_or_log_only();
    /// assert_eq!(events.mode(), overspill::Mode::LogOnly);
    /// # events.shutdown_blocking(std::time::Duration::from_secs(2));
    /// ```
    ///
    /// # Blocking
    /// As [`build`](Builder::build).
    pub fn build_or_log_only(self) -> Client {
        crate::start::on_own_thread_or_log_only(self)
    }

    /// Like [`build`](Builder::build), but the sender is yours to run, on a tokio runtime with io and time enabled. For simulations
    /// with a paused clock, and for programs that place their threads themselves. The client's clock is then tokio's; whoever waits
    /// in `flush` or `shutdown` waits in real time. The sender writes the log in its own turns, on the thread and in the runtime that polls
    /// it. Threads that come and go remain: one that looks up a host name, one that watches the clock for an awaited `flush` or
    /// `shutdown`, one that tells of a stuck log, and one that writes the log when so much waits for a sender that is not polled that there
    /// is no more room, or when the sender has ended.
    ///
    /// # Errors
    /// As [`build`](Builder::build).
    pub fn build_with_sender(self) -> Result<(Client, Sender), BuildError> {
        crate::start::by_hand(self)
    }
}

#[cfg(all(test, overspill_shuttle))]
mod model;
