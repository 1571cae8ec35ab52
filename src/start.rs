//! From settings to a running client.

mod parts;

pub(crate) use parts::Parts;

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
use crate::sync::start_thread;
use crate::transport::http::Again;
use crate::transport::nowhere::Nowhere;
use parts::{Carrier, Way};
use std::io;
use std::sync::mpsc;

pub(crate) fn by_hand(builder: Builder) -> Result<(Client, Sender), BuildError> {
    let (clock, mode) = (Clock::start(Source::Tokio), builder.mode);
    let (parts, carrier) = Parts::of(builder, clock)?;
    let shown = carrier.shown.clone();
    let (own, sender) = parts.assemble(carrier, (Source::Tokio, clock), ModeSwitch::new(mode))?;
    say_started(&own.shared, &shown, None);
    Ok((Client::new(own), sender))
}

pub(crate) fn disabled() -> Client {
    // Room for nothing, because nothing comes.
    let builder = Builder::new("").queue_events_max(1);
    Client::new(nowhere(&parts_without_endpoint(builder), "", ModeSwitch::off_for_good()).0)
}

pub(crate) fn on_own_thread_or_log_only(builder: Builder) -> Client {
    let (to_log, mode) = (builder.for_the_log_alone(), builder.mode);
    on_own_thread(builder).unwrap_or_else(|error| {
        let problem = error.to_string();
        let parts = parts_without_endpoint(to_log).with(Way::Nowhere(problem.clone()));
        Client::new(to_log_alone(&parts, mode, &problem))
    })
}

pub(crate) fn on_own_thread(builder: Builder) -> Result<Client, BuildError> {
    let (clock, mode) = (Clock::start(Source::Machine), builder.mode);
    let (parts, carrier) = Parts::of(builder, clock)?;
    begin(parts, carrier, (clock, mode), None).map(Client::new)
}

/// The client of a child process, with the same settings; `parent` is a copy that nobody runs.
///
/// # Blocking
/// Like `build`.
pub(crate) fn in_child(parts: &Parts, parent: &Shared) -> Own {
    // What our own parts log meanwhile, and a layer may want to emit, would wait for this very client.
    let _own = reentry::own_work();
    let mode = parent.mode.get();
    let own = if parent.settler.queue.is_closed() {
        // Needs no connection, and has nothing to report.
        nowhere(parts, "the client was shut down", ModeSwitch::new(mode)).0
    } else {
        let begun = match parts.way() {
            Way::Http(again) => by_http(parts, again, mode, parent.settler.spill.client()),
            Way::Another => Err(ONLY_ONE_TRANSPORT.to_owned()),
            Way::Nowhere(problem) => Err(problem.clone()),
        };
        begun.unwrap_or_else(|problem| to_log_alone(parts, mode, &problem))
    };
    own.shared.settler.queue.set_queue_share(parent.settler.queue.queue_share());
    own
}

const ONLY_ONE_TRANSPORT: &str =
    "the process was forked, and a transport of your own stays with the parent: build a client in the child";

fn by_http(parts: &Parts, again: &Again, mode: Mode, parent: &str) -> Result<Own, String> {
    let clock = Clock::start(Source::Machine);
    let begun = again
        .http(clock)
        .and_then(|http| begin(parts.again(), Carrier::of(http), (clock, mode), Some(parent)));
    begun.map_err(|error| error.to_string())
}

/// Reports itself only once its sender runs: what cannot begin has not started.
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
    shared.settler.notices.started(shown, shared.memory_bound, shared.mode.get(), parent);
}

/// A client without an endpoint, on its own thread; without a thread it is closed from the start, and its events go to the log.
fn to_log_alone(parts: &Parts, mode: Mode, problem: &str) -> Own {
    let mode = if mode == Mode::Off { Mode::Off } else { Mode::LogOnly };
    let (own, sender) = nowhere(parts, problem, ModeSwitch::new(mode));
    let own = match drive_on_own_thread(sender) {
        Ok(()) => own,
        Err(_) => nowhere(parts, problem, ModeSwitch::new(mode)).0,
    };
    own.shared.settler.notices.not_built(problem, mode);
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

fn drive_on_own_thread(sender: Sender) -> Result<(), BuildError> {
    // The runtime is built on the thread that drives it: here we may be inside another runtime, where one must not
    // be dropped if something goes wrong.
    let (up, is_up) = mpsc::sync_channel(1);
    start_thread("overspill", move || drive(sender, &up)).map_err(BuildError::Sender)?;
    match is_up.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(BuildError::Sender(error)),
        Err(mpsc::RecvError) => Err(BuildError::Sender(io::Error::other("its thread ended at once"))),
    }
}

/// The body of the sender's thread.
fn drive(sender: Sender, up: &mpsc::SyncSender<io::Result<()>>) {
    let _sender = reentry::sender_thread();
    let runtime = room_for_a_runtime().and_then(|()| {
        // Names are resolved elsewhere (`transport/resolve.rs`): there is no blocking work.
        tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .build()
    });
    match runtime {
        Ok(runtime) => {
            // Only if `build` itself has panicked does nobody wait any more.
            let _ = up.send(Ok(()));
            runtime.block_on(sender.run());
            // Does not wait, whatever a user's transport has started.
            runtime.shutdown_background();
        }
        Err(error) => {
            drop(sender);
            let _ = up.send(Err(error));
        }
    }
}

/// Opens as many file descriptors as a runtime needs, and closes them again. Without them tokio panics instead of failing, if
/// another crate has enabled its signals; and a panic runs the application's hook, which may well end it.
#[cfg(unix)]
fn room_for_a_runtime() -> io::Result<()> {
    // The same numbers on every Unix: too many open files, in the whole system and in this process.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    // epoll, its duplicate and its waker; the signals' pipe and its duplicate; two to spare.
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| std::os::unix::net::UnixStream::pair()).collect();
    match pairs {
        Err(error) if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => Err(error),
        // Any other problem with pairs of sockets is no reason to fail.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn room_for_a_runtime() -> io::Result<()> {
    Ok(())
}
