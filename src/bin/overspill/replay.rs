//! `overspill replay`: sends the events in a log to the endpoint, unchanged.

mod filter;
mod input;
mod order;
mod progress;
mod rejects;
mod send;

use crate::exit::{CommandFailure, Exit};
use crate::out;
use crate::to::To;
use crate::units::{count, grouped, moment, time_of};
use clap::{Args, ValueEnum};
use filter::Filter;
use input::{Came, LogFile, LogInput};
use overspill::Reason;
use overspill::spill::{Checkpoint, Joiner, Place};
use progress::ReplayProgress;
use rejects::Rejects;
use send::{SendEnd, Sending};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Send the events in a log again: with their ids, their times and their names
#[derive(Debug, Args)]
#[command(after_help = "\
Finds the spilled events among everything else, whatever a runtime, syslog or a shipper has put around the lines, joins their parts, and
sends each once. Files may be packed (gzip, zstd) and are read in the order of their rotation; - is standard input.

What the endpoint refuses is appended to the rejects file, with its words, as records that replay reads again. Nothing else is written, and
nothing is discarded: an event that is not accepted is sent again until it is; with --on-outage stop it stays in the log.

With --checkpoint you may kill the command at any moment and start it again. It does not send accepted events again, except the one batch
that was on its way.

Exits with 0 if every event that was found was delivered, with 1 if some were refused or have lost a part in the log, with 3 if the endpoint
was not reached.

Examples:
  overspill replay /var/log/orders/app.log* --to https://telemetry.example.com/v1/events --checkpoint /var/tmp/orders.replay
  overspill replay app.log --to http://elastic:9200/_bulk --format bulk --since 2h --only-reason outage
  kubectl logs deploy/orders | overspill replay - --to http://127.0.0.1:8080/events --dry-run
  journalctl -u orders -o export | overspill replay - --to http://loki:3100/loki/api/v1/push --format loki
  overspill replay -f /var/log/orders/app.log --to http://127.0.0.1:8080/events --rate 500 --checkpoint orders.replay")]
pub(crate) struct Arguments {
    /// The logs: files, also compressed or rotated ones, or - for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    to: To,
    /// Keep reading what is appended to the last log, through its rotation, until a signal arrives
    #[arg(short, long)]
    follow: bool,
    /// Only events that were spilled for this reason; may be repeated
    #[arg(long = "only-reason", value_name = "REASON", value_parser = reason_of)]
    reasons: Vec<Reason>,
    /// Only events that were emitted at or after this: 2026-11-26T12:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = moment_of)]
    since: Option<SystemTime>,
    /// Only events that were emitted before this
    #[arg(long, value_name = "TIME", value_parser = moment_of)]
    until: Option<SystemTime>,
    /// Only events with this value in this member, like user.country=DE; may be repeated, and then all must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = filter::condition_of)]
    conditions: Vec<filter::Condition>,
    /// Leave out events that may be at the endpoint already
    #[arg(long)]
    skip_maybe_delivered: bool,
    /// Count what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Maximum events per second
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// File that records the progress; read at the start, written as events are accepted
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The file for events that the endpoint refuses
    #[arg(long, value_name = "FILE", default_value = "overspill-rejects.ndjson")]
    rejects: PathBuf,
    /// What to do while the endpoint takes nothing
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnOutage::Wait)]
    on_outage: OnOutage,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

/// What to do while the endpoint takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOutage {
    Wait,
    Stop,
}

fn reason_of(text: &str) -> Result<Reason, String> {
    text.parse().map_err(|error: overspill::UnknownName| error.to_string())
}

/// A moment, or how long ago.
fn moment_of(text: &str) -> Result<SystemTime, String> {
    if let Some(moment) = filter::moment(text) {
        return Ok(moment);
    }
    let ago =
        time_of(text).map_err(|_| "give a moment like 2026-11-26T12:00:00Z, or how long ago: 30m, 2h, 1d")?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| "that is before all time".to_owned())
}

/// What was found, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct ReplayCounts {
    found: u64,
    twice: u64,
    left_out: u64,
    pub(crate) delivered: u64,
    pub(crate) refused: u64,
    /// The endpoint had not taken them when the command stopped.
    pub(crate) left: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CommandFailure> {
    let logs = order::in_order(&arguments.logs);
    let stop = stopped_by_signals()?;
    let mut replay = Replay::new(arguments, &stop)?;
    let input = LogInput::start(&logs, arguments.follow, replay.checkpoint.clone(), Arc::clone(&stop))?;
    replay.progress.begin(input.bytes_total(), input.bytes_read());
    let ended = replay.all(&input);
    replay.progress.end();
    let exit = ended?;
    if !arguments.quiet {
        out::tell(&replay.summary(arguments));
    }
    Ok(exit)
}

fn stopped_by_signals() -> Result<Arc<AtomicBool>, CommandFailure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal ends the process at once.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| CommandFailure::usage(format!("signals cannot be waited for: {error}")))?;
    }
    Ok(stop)
}

struct Replay<'a> {
    arguments: &'a Arguments,
    filter: Filter<'a>,
    joiner: Joiner,
    checkpoint: Checkpoint,
    sending: Sending,
    counts: ReplayCounts,
    progress: ReplayProgress,
    stop: Arc<AtomicBool>,
    /// Positions in the log that is being read: the one in the checkpoint, and the one that is reached once the window is settled.
    place: Option<Place>,
    reached: Option<(LogFile, u64)>,
    first: Option<SystemTime>,
    last: Option<SystemTime>,
    /// When the checkpoint was last written, and how long that took.
    kept_at: Instant,
    keeping: Duration,
}

/// How long events wait for more events before they are sent.
const COMPANY: Duration = Duration::from_millis(200);

/// If a write takes no longer than this, the checkpoint is written after each window.
const KEEPING: Duration = Duration::from_millis(50);

impl<'a> Replay<'a> {
    fn new(arguments: &'a Arguments, stop: &Arc<AtomicBool>) -> Result<Replay<'a>, CommandFailure> {
        let progress = ReplayProgress::new(arguments.quiet);
        let checkpoint = match &arguments.checkpoint {
            Some(path) => Checkpoint::read(path).map_err(|error| CommandFailure::of_file(path, error))?,
            None => Checkpoint::new(),
        };
        let sending = Sending::new(arguments, Rejects::new(&arguments.rejects), &progress, stop)?;
        Ok(Replay {
            arguments,
            filter: Filter::new(arguments),
            joiner: Joiner::new(),
            checkpoint,
            sending,
            counts: ReplayCounts::default(),
            progress,
            stop: Arc::clone(stop),
            place: None,
            reached: None,
            first: None,
            last: None,
            kept_at: Instant::now(),
            keeping: Duration::ZERO,
        })
    }

    fn all(&mut self, input: &LogInput) -> Result<Exit, CommandFailure> {
        let mut failed = None;
        loop {
            match input.next(COMPANY) {
                Came::Part(part, log, resume_at) => {
                    self.joiner.add(*part);
                    self.take_joined()?;
                    self.reached = Some((log, resume_at));
                }
                Came::EndOf(log, read) => {
                    self.settle()?;
                    self.reached = Some((log, read));
                    self.settle()?;
                    self.keep(Keep::Now)?;
                    self.place = None;
                    self.reached = None;
                }
                Came::Nothing => {
                    self.settle()?;
                    self.keep(Keep::Now)?;
                }
                Came::Failed(failure) => failed = Some(failure),
                Came::End => break,
            }
            if self.stop.load(Ordering::Relaxed) || self.sending.has_stopped() {
                break;
            }
        }
        self.settle()?;
        self.keep(Keep::Now)?;
        match failed {
            Some(failure) => Err(failure),
            None => Ok(self.exit()),
        }
    }

    fn take_joined(&mut self) -> Result<(), CommandFailure> {
        while let Some(event) = self.joiner.next_event() {
            self.counts.found += 1;
            if self.checkpoint.is_settled(&event.client, event.seq) || self.sending.has(&event) {
                self.counts.twice += 1;
            } else if !self.filter.admits(&event) {
                self.counts.left_out += 1;
            } else {
                self.first = Some(self.first.map_or(event.emitted_at, |first| first.min(event.emitted_at)));
                self.last = Some(self.last.map_or(event.emitted_at, |last| last.max(event.emitted_at)));
                if self.arguments.dry_run {
                    self.checkpoint.settled(&event.client, event.seq);
                    self.counts.delivered += 1;
                } else {
                    self.sending.add(event);
                }
            }
            if self.sending.is_full() {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Sends the waiting events; each is settled, or left because of a stop.
    fn send(&mut self) -> Result<(), CommandFailure> {
        for (client, seq, ended) in self.sending.send(&mut self.progress)? {
            match ended {
                SendEnd::Delivered => self.counts.delivered += 1,
                SendEnd::Refused => self.counts.refused += 1,
                SendEnd::Left => {
                    self.counts.left += 1;
                    continue;
                }
            }
            self.checkpoint.settled(&client, seq);
        }
        self.progress.events(self.counts.delivered, self.counts.refused);
        self.keep(Keep::InTime)
    }

    /// Sends the waiting events, and records the position from which the log may be read next time.
    fn settle(&mut self) -> Result<(), CommandFailure> {
        self.send()?;
        // An event that still waits for parts began before that position.
        if self.joiner.waiting() > 0 || self.counts.left > 0 {
            return Ok(());
        }
        let Some((log, offset)) = self.reached.take() else { return Ok(()) };
        if let Some(place) = log.place(offset) {
            match self.place.replace(place) {
                Some(before) => self.checkpoint.moved(before, place),
                None => self.checkpoint.reached(place),
            }
        }
        Ok(())
    }

    fn keep(&mut self, when: Keep) -> Result<(), CommandFailure> {
        let Some(path) = self.arguments.checkpoint.as_ref().filter(|_| !self.arguments.dry_run) else {
            return Ok(());
        };
        // After a kill, everything past the checkpoint is sent again: one
        // window, unless writing to a slow disk would take most of the time.
        if when == Keep::InTime && self.keeping > KEEPING && self.kept_at.elapsed() < self.keeping * 4 {
            return Ok(());
        }
        let began = Instant::now();
        self.checkpoint.write(path).map_err(|error| CommandFailure::in_the_middle(path, &error))?;
        (self.kept_at, self.keeping) = (Instant::now(), began.elapsed());
        Ok(())
    }

    fn exit(&self) -> Exit {
        match &self.counts {
            ReplayCounts { left: 1.., delivered: 0, .. } => Exit::Unreachable,
            ReplayCounts { left: 1.., .. } | ReplayCounts { refused: 1.., .. } => Exit::Found,
            _ if self.joiner.incomplete() > 0 => Exit::Found,
            _ => Exit::Well,
        }
    }

    fn summary(&self, arguments: &Arguments) -> String {
        let ReplayCounts { found, twice, left_out, delivered, refused, left } = &self.counts;
        let did = if arguments.dry_run { "would be sent" } else { "delivered" };
        let mut text = format!(
            "{} found: {} {did}, {} refused, {} left out, {} seen before\n",
            count(*found, "event"),
            grouped(*delivered),
            grouped(*refused),
            grouped(*left_out),
            grouped(*twice)
        );
        if let Some((first, last)) = self.first.zip(self.last) {
            text += &format!("emitted from {} to {} UTC\n", moment(first), moment(last));
        }
        if *refused > 0 {
            text += &format!(
                "what was refused is in {}, with the endpoint's words\n",
                arguments.rejects.display()
            );
        }
        if *left > 0 {
            text +=
                &format!("{} not taken: start this again once the endpoint is back\n", count(*left, "event"));
        }
        if self.joiner.incomplete() > 0 {
            text += &format!(
                "{} not whole in the log: it has lost lines, or these are not all of its files\n",
                count(self.joiner.incomplete(), "event")
            );
        }
        text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Now,
    InTime,
}
