//! From settings to a running client: the only place where all parts meet.

use crate::client::Client;
use crate::clock::{Clock, Source, entropy};
use crate::config::{BuildError, Builder, Tls};
use crate::encode::Encoder;
use crate::ledger::Ledger;
use crate::mode::{Mode, ModeSwitch};
use crate::notice::Notices;
use crate::queue::Queue;
use crate::reentry;
use crate::sender::Sender;
use crate::settle::Settler;
use crate::shared::Shared;
use crate::shutdown::Closing;
use crate::spill::log::{Home, Log};
use crate::spill::log_queue::{LogQueue, SenderPart};
use crate::spill::{Primary, Shape, Spill};
use crate::sync::plain::AtomicU64;
use crate::sync::{Arc, start_thread};
use crate::transport::Transport;
use crate::transport::http::{Headers, Http};
use crate::transport::nowhere::Nowhere;
use crate::waits::Board;
use std::io;
use std::sync::mpsc;

/// A client that nobody has heard of yet.
struct Assembled {
    client: Client,
    sender: Sender,
    /// The endpoint, as a notice may show it.
    shown: String,
}

/// The first notice. Not before the sender is up: writing it may need the last thread that can be had.
fn say_started(client: &Client, shown: &str) {
    client.say(|notices, memory_bound, mode| notices.started(shown, memory_bound, mode));
}

pub(crate) fn by_hand(builder: Builder) -> Result<(Client, Sender), BuildError> {
    let Assembled { client, sender, shown } = assemble(builder, Source::Tokio, ModeSwitch::new)?;
    say_started(&client, &shown);
    Ok((client, sender))
}

pub(crate) fn on_own_thread(builder: Builder) -> Result<Client, BuildError> {
    let Assembled { client, sender, shown } = assemble(builder, Source::Machine, ModeSwitch::new)?;
    drive_on_own_thread(sender)?;
    say_started(&client, &shown);
    client.watch_the_end_of_main();
    Ok(client)
}

pub(crate) fn on_own_thread_or_log_only(builder: Builder) -> Client {
    let (to_log, again) = (builder.for_the_log_alone(), builder.for_the_log_alone());
    let problem = match on_own_thread(builder) {
        Ok(client) => return client,
        Err(error) => error.to_string(),
    };
    let start = |builder: Builder| {
        assemble(builder.transport(Nowhere(problem.clone())), Source::Machine, ModeSwitch::new)
    };
    let with_sender = start(to_log).and_then(|Assembled { client, sender, .. }| {
        drive_on_own_thread(sender)?;
        Ok(client)
    });
    let client = with_sender.unwrap_or_else(|_| {
        // Not even a thread: the client is closed from the beginning, and its events go to the log.
        #[expect(
            clippy::expect_used,
            reason = "`for_the_log_alone` leaves valid settings, and `Nowhere` cannot fail"
        )]
        start(again).expect("valid settings").client
    });
    client.say(|notices, _, mode| notices.not_built(&problem, mode));
    client.watch_the_end_of_main();
    client
}

pub(crate) fn disabled() -> Client {
    // Room for nothing: nothing comes.
    let builder = Builder::new("").transport(Nowhere(String::new())).queue_events_max(1).mode(Mode::Off);
    #[expect(clippy::expect_used, reason = "the defaults are valid, and `Nowhere` cannot fail")]
    let assembled =
        assemble(builder, Source::Machine, |_| ModeSwitch::off_for_good()).expect("valid settings");
    assembled.client
}

fn drive_on_own_thread(sender: Sender) -> Result<(), BuildError> {
    // The runtime is made on the thread that drives it: here we may be inside another one, where a runtime must not
    // be dropped if something goes wrong.
    let (up, is_up) = mpsc::sync_channel(1);
    start_thread("overspill", move || drive(sender, &up)).map_err(BuildError::Sender)?;
    match is_up.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(BuildError::Sender(error)),
        Err(mpsc::RecvError) => Err(BuildError::Sender(io::Error::other("its thread ended at once"))),
    }
}

/// The life of the sender's thread.
fn drive(sender: Sender, up: &mpsc::SyncSender<io::Result<()>>) {
    let _sender = reentry::sender_thread();
    let runtime = room_for_a_runtime().and_then(|()| {
        // Names are looked up elsewhere (`transport/resolve.rs`): there is no blocking work.
        tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .build()
    });
    match runtime {
        Ok(runtime) => {
            // Nobody waits any more only if `build` itself has panicked.
            let _ = up.send(Ok(()));
            runtime.block_on(sender.run());
            // Waits for nothing, whatever a transport of the user's has started.
            runtime.shutdown_background();
        }
        Err(error) => {
            drop(sender);
            let _ = up.send(Err(error));
        }
    }
}

/// Asks for as many file descriptors as a runtime takes, and gives them back. Without them tokio panics instead of failing, if
/// another crate has switched its signals on; and a panic runs the application's hook, which may well end it.
#[cfg(unix)]
fn room_for_a_runtime() -> io::Result<()> {
    // Numbers that every Unix shares: too many open files, in the whole system and in this process.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    // epoll, its duplicate and its waker; the signals' pipe and its duplicate; two to spare.
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| std::os::unix::net::UnixStream::pair()).collect();
    match pairs {
        Err(error) if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => Err(error),
        // What else may be wrong with pairs of sockets is no reason to fail.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn room_for_a_runtime() -> io::Result<()> {
    Ok(())
}

fn assemble(
    mut builder: Builder,
    source: Source,
    switch: impl FnOnce(Mode) -> ModeSwitch,
) -> Result<Assembled, BuildError> {
    let clock = Clock::start(source);
    let config = builder.config()?;
    let (transport, shown, tls, headers): (Box<dyn Transport>, String, Tls, Option<Arc<Headers>>) =
        match builder.transport.take() {
            // The endpoint is only a name then, but it may be a URL with a key in it all the same.
            Some(transport) => (transport, "by another transport".to_owned(), Tls::No, None),
            None => {
                let http = Http::new(&builder.http_settings(&config), clock)?;
                let (shown, tls) = (http.shown(), if http.needs_roots() { Tls::Yes } else { Tls::No });
                let headers = http.headers();
                (Box::new(http), shown, tls, Some(headers))
            }
        };
    let memory_bound = config.memory_bound(config.overhead, tls);
    let id = format!("{:016x}", entropy());
    let home = Home::capture();
    let sender_part = match source {
        Source::Machine => SenderPart::StandsBy,
        Source::Tokio => SenderPart::Writes,
    };
    let log =
        Arc::new(LogQueue::new(config.log_queue_events_max(), config.log_queue_bytes_max(), sender_part));
    let notice_log = match &builder.spill_sink {
        None => Arc::clone(&log),
        Some(_) => Arc::new(LogQueue::new(0, 0, sender_part)),
    };
    let fallback = builder.spill_fallback;
    let notices =
        Arc::new(Notices::new(id.clone(), home.clone(), Arc::clone(&fallback), Arc::clone(&notice_log)));
    if let Some(headers) = &headers {
        headers.tell(&notices);
    }
    let primary = match builder.spill_sink {
        Some(sink) => Primary::Sink(sink),
        None => Primary::Log(Log { home }),
    };
    let shape = Shape {
        level: builder.spill_level,
        packing: config.spill_packing,
        line_bytes_max: config.spill_line_bytes_max,
        bytes_per_second_max: config.spill_bytes_per_second_max,
        redact: Arc::new(config.spill_redact.clone()),
        common: config.common_in_log.clone(),
    };
    let settler = Settler {
        ledger: Ledger::default(),
        queue: Queue::new(config.queue_events_max, config.queue_bytes_max),
        spill: Spill::new(id, primary, fallback, clock, Arc::clone(&notices), shape),
        log,
        notice_log,
        notices,
        encoder: Encoder::new(config.text_bytes_max),
        common: Arc::clone(&config.common),
        closing: Closing::default(),
        board: Arc::new(Board::default()),
        end_wanted: AtomicU64::new(0),
        clock,
        observers: builder.observers,
    };
    let shared = Arc::new(Shared::new(settler, config, memory_bound, switch(builder.mode), headers));
    let sender = Sender::new(Arc::clone(&shared), transport, builder.format);
    Ok(Assembled { client: Client::new(shared), sender, shown })
}
