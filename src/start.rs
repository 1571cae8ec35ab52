//! From settings to a running client.

mod parts;
mod thread;

use crate::build_error::BuildError;
use crate::client::Client;
use crate::clock::{Clock, Source};
use crate::config::Builder;
use crate::exit;
use crate::fork::Own;
use crate::mode::{Mode, ModeSwitch};
use crate::reentry;
use crate::sender::Sender;
use crate::shared::Shared;
use crate::transport::http::ChildHttp;
use crate::transport::nowhere::Nowhere;
use parts::{Carrier, Parts, Way};
use thread::drive_on_own_thread;

impl Builder {
    /// Checks every setting and starts the client, with its sender on its own thread.
    ///
    /// A program that returns from `main` without [`shutdown`](Client::shutdown) ends with its last events pending: hold a
    /// [guard](Client::shutdown_on_drop) there.
    ///
    /// Spilled events and notices go to the tracing subscriber that is current here, even if it is set only for this thread or scope, as in
    /// a test. Without one, or once it is gone, they go to the global subscriber, which may be set later. They are written on one of
    /// overspill's threads. A subscriber set for another thread or scope, or set later for this one, gets none of them; if there is no
    /// other subscriber, the fallback gets them.
    ///
    /// In a child of `fork` the client rebuilds itself when it is first needed: [`guide::processes`](crate::guide::processes).
    ///
    /// # Errors
    /// [`BuildError`] says which setting is wrong and what to do, or why the thread, runtime or HTTP client could not be made.
    ///
    /// # Blocking
    /// Until the sender's thread is up: well under a millisecond. For https, as long as it takes to read the root certificates.
    pub fn build(self) -> Result<Client, BuildError> {
        let (clock, mode) = (Clock::start(Source::Machine), self.mode);
        let (parts, carrier) = Parts::of(self, clock)?;
        begin(parts, carrier, (clock, mode), None).map(Client::new)
    }

    /// Builds the client like [`build`](Builder::build). On an error it returns a client that writes its events to the log, so that
    /// telemetry never keeps a service from starting.
    ///
    /// On an error one notice says what is wrong and what to do (ERROR, in the log or the fallback), and the client starts in
    /// [`Mode::LogOnly`], or in [`Mode::Off`] if that was configured. It has no endpoint: if you switch it to [`Mode::On`], it is in an
    /// outage that says why. It keeps the spill settings and the observers. If the redaction itself is misconfigured, events are lost
    /// ([`LostReason::RedactFailed`](crate::LostReason::RedactFailed)) rather than written unredacted. With
    /// [`with_env`](Builder::with_env) a wrong variable is such an error too.
    ///
    /// ```
    /// let events = overspill::Client::builder("not a URL").with_env().build_or_log_only();
    /// assert_eq!(events.mode(), overspill::Mode::LogOnly);
    /// # events.shutdown_blocking(std::time::Duration::from_secs(2));
    /// ```
    ///
    /// # Blocking
    /// Like [`build`](Builder::build).
    pub fn build_or_log_only(self) -> Client {
        let (to_log, mode) = (self.for_the_log_alone(), self.mode);
        self.build().unwrap_or_else(|error| {
            let problem = error.to_string();
            let parts = parts_without_endpoint(to_log).with(Way::Nowhere(problem.clone()));
            Client::new(to_log_alone(&parts, mode, &problem))
        })
    }

    /// Like [`build`](Builder::build), but you run the sender, on a tokio runtime with io and time enabled. For simulations on a paused
    /// clock, and for programs that place their own threads. The client uses tokio's clock; callers waiting in `flush` or `shutdown` wait
    /// in real time. The sender writes the log itself, on the thread and in the runtime that polls it. Short-lived threads remain: one that
    /// resolves a host name, one that watches the clock for an awaited `flush` or `shutdown`, one that reports a stuck log, and one that
    /// writes the log when the sender has ended, or is not polled and there is no more room.
    ///
    /// # Errors
    /// Those of [`build`](Builder::build).
    pub fn build_with_sender(self) -> Result<(Client, Sender), BuildError> {
        let (clock, mode) = (Clock::start(Source::Tokio), self.mode);
        let (parts, carrier) = Parts::of(self, clock)?;
        let shown = carrier.shown.clone();
        let (own, sender) = parts.assemble(carrier, (Source::Tokio, clock), ModeSwitch::new(mode))?;
        say_started(&own.shared, &shown, None);
        Ok((Client::new(own), sender))
    }
}

impl Client {
    /// A client that is always off, for tests, tools and services without an endpoint: `emit` returns
    /// [`Emitted::Off`](crate::Emitted::Off), the stats stay empty, nothing is started and nothing is logged.
    /// [`set_mode`](Client::set_mode) does not turn it on.
    ///
    /// ```
    /// let events = overspill::Client::disabled();
    /// assert_eq!(events.emit(&"nobody hears this"), overspill::Emitted::Off);
    /// ```
    pub fn disabled() -> Client {
        // Room for nothing, because nothing comes.
        let builder = Builder::new("").queue_events_max(1);
        Client::new(nowhere(&parts_without_endpoint(builder), "", ModeSwitch::off_for_good()).0)
    }
}

/// The client of a child process, with the same settings; `parent` is a copy without a running sender.
///
/// # Blocking
/// Like `build`.
fn in_child(parts: &Parts, parent: &Shared) -> Own {
    // Our own parts may log meanwhile, and a layer may emit that: without this mark it would wait for this very client.
    let _own = reentry::own_work();
    let mode = parent.mode.get();
    let own = if parent.queue.is_closed() {
        // Needs no connection, and has nothing to report.
        nowhere(parts, "the client was shut down", ModeSwitch::new(mode)).0
    } else {
        let begun = match parts.way() {
            Way::Http(again) => by_http(parts, again, mode, parent.spill.client()),
            Way::Another => Err(ONLY_ONE_TRANSPORT.to_owned()),
            Way::Nowhere(problem) => Err(problem.clone()),
        };
        begun.unwrap_or_else(|problem| to_log_alone(parts, mode, &problem))
    };
    own.shared.queue.set_queue_share(parent.queue.queue_share());
    own
}

const ONLY_ONE_TRANSPORT: &str =
    "the process was forked, and a transport of your own stays with the parent: build a client in the child";

fn by_http(parts: &Parts, again: &ChildHttp, mode: Mode, parent: &str) -> Result<Own, String> {
    let clock = Clock::start(Source::Machine);
    let begun = again
        .http(clock)
        .and_then(|http| begin(parts.again(), Carrier::of(http), (clock, mode), Some(parent)));
    begun.map_err(|error| error.to_string())
}

/// Starts a client. It reports its start only once its sender runs.
fn begin(
    parts: Parts,
    carrier: Carrier,
    (clock, mode): (Clock, Mode),
    parent: Option<&str>,
) -> Result<Own, BuildError> {
    let shown = carrier.shown.clone();
    let (own, sender) = parts.assemble(carrier, (Source::Machine, clock), ModeSwitch::new(mode))?;
    drive_on_own_thread(sender)?;
    say_started(&own.shared, &shown, parent);
    exit::watch_the_end_of_main(&own.shared);
    Ok(own)
}

fn say_started(shared: &Shared, shown: &str, parent: Option<&str>) {
    shared.notices.started(shown, shared.memory_bound, shared.mode.get(), parent);
}

/// A client without an endpoint, on its own thread; without a thread it is closed from the start, and its events go to the log.
fn to_log_alone(parts: &Parts, mode: Mode, problem: &str) -> Own {
    let mode = if mode == Mode::Off { Mode::Off } else { Mode::LogOnly };
    let (own, sender) = nowhere(parts, problem, ModeSwitch::new(mode));
    let own = match drive_on_own_thread(sender) {
        Ok(()) => own,
        Err(_) => nowhere(parts, problem, ModeSwitch::new(mode)).0,
    };
    own.shared.notices.not_built(problem, mode);
    exit::watch_the_end_of_main(&own.shared);
    own
}

/// A client whose sender the user drives; closed if that sender is dropped.
fn nowhere(parts: &Parts, problem: &str, switch: ModeSwitch) -> (Own, Sender) {
    let carrier = Carrier::another(Box::new(Nowhere(problem.to_owned())));
    let (source, clock) = (Source::Machine, Clock::start(Source::Machine));
    #[expect(
        clippy::expect_used,
        reason = "fails only if memory is too short to register the fork handler, and then everything else fails too"
    )]
    parts.again().assemble(carrier, (source, clock), switch).expect("a process that can go on")
}

fn parts_without_endpoint(builder: Builder) -> Parts {
    let builder = builder.transport(Nowhere(String::new()));
    #[expect(
        clippy::expect_used,
        reason = "the settings are defaults, or were checked by `for_the_log_alone`"
    )]
    let (parts, _) = Parts::of(builder, Clock::start(Source::Machine)).expect("valid settings");
    parts
}
