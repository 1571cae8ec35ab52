//! The window of events in flight: sent, waited for, sent again.
//!
//! SD1: the events that `send` returns are settled, or were left because of a stop; by then refused
//! events are on the disk. SD2: at most one window is in doubt at any time, whenever the process ends.

use super::progress::ReplayProgress;
use super::rejects::Rejects;
use super::{Arguments, OnOutage};
use crate::exit::CommandFailure;
use crate::to::To;
use overspill::spill::{Joined, Notice, Record, SpillSink};
use overspill::{BuildError, Reason, Resender, Resent, limits};
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendEnd {
    Delivered,
    /// It is in the rejects file.
    Refused,
    /// The endpoint had not taken it when the command stopped.
    Left,
}

pub(crate) struct Sending {
    /// `None` for a dry run.
    resender: Option<Resender>,
    window: Vec<Joined>,
    ids: HashSet<(String, u64)>,
    bytes: usize,
    events_max: usize,
    on_outage: OnOutage,
    rejects: Rejects,
    pace: RateLimit,
    stop: Arc<AtomicBool>,
    /// Whether the endpoint has taken or refused an event.
    heard: bool,
    stopped: bool,
}

/// Maximum bytes per window: a batch of events of the usual size.
const WINDOW_BYTES: usize = 1 << 20;
/// Maximum events per window of a replay without a checkpoint: eight batches.
const WINDOW_EVENTS: usize = 8 * limits::BATCH_EVENTS;

/// The pause between attempts while the endpoint takes nothing.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Failed attempts before `--on-outage stop` stops: one failure may be a closed connection or a brief load peak.
const TRIES: u32 = 3;

/// Shows notices to a person, except for outages: this file reports them better.
struct ProgressNotices(ReplayProgress);

impl SpillSink for ProgressNotices {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        Err(io::Error::other("nothing is spilled here"))
    }

    fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
        if !["outage ", "shut down", "some posts", "posts no"]
            .iter()
            .any(|begin| notice.text.starts_with(begin))
        {
            self.0.say(notice.text);
        }
        Ok(())
    }
}

impl Sending {
    pub(crate) fn new(
        arguments: &Arguments,
        rejects: Rejects,
        progress: &ReplayProgress,
        stop: &Arc<AtomicBool>,
    ) -> Result<Sending, CommandFailure> {
        let events_max = match (&arguments.checkpoint, arguments.rate) {
            (_, Some(rate)) => (rate as usize / 5).clamp(1, limits::BATCH_EVENTS),
            (Some(_), None) => limits::BATCH_EVENTS,
            (None, None) => WINDOW_EVENTS,
        };
        let resender = if arguments.dry_run { None } else { Some(resender(&arguments.to, progress)?) };
        Ok(Sending {
            resender,
            window: Vec::new(),
            ids: HashSet::new(),
            bytes: 0,
            events_max,
            on_outage: arguments.on_outage,
            rejects,
            pace: RateLimit { rate: arguments.rate, next: Instant::now() },
            stop: Arc::clone(stop),
            heard: false,
            stopped: false,
        })
    }

    /// Whether the event is waiting to be sent.
    pub(crate) fn has(&self, event: &Joined) -> bool {
        self.ids.contains(&(event.client.clone(), event.seq))
    }

    pub(crate) fn add(&mut self, event: Joined) {
        self.ids.insert((event.client.clone(), event.seq));
        self.bytes += event.event.len();
        self.window.push(event);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.window.len() >= self.events_max || self.bytes >= WINDOW_BYTES
    }

    /// Whether it has given up because the endpoint takes nothing.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// Sends the window. Returns once each event is delivered, refused or left.
    pub(crate) fn send(
        &mut self,
        progress: &mut ReplayProgress,
    ) -> Result<Vec<(String, u64, SendEnd)>, CommandFailure> {
        let mut waiting = std::mem::take(&mut self.window);
        self.ids.clear();
        self.bytes = 0;
        let mut ended = Vec::with_capacity(waiting.len());
        let (mut pause, mut tries) = (PAUSE, 0);
        while !waiting.is_empty() && !self.stopped {
            // While the endpoint takes nothing, one event at a time is tried.
            let asked = if tries > 0 { 1 } else { waiting.len() };
            self.pace.wait_for(asked, &self.stop);
            let Some(resender) = &mut self.resender else { break };
            let resent = resender.send(&waiting[..asked]);
            let again = self.judge(&mut waiting, resent, &mut ended)?;
            let Some((reason, words)) = again else {
                if tries > 0 {
                    progress.say("the endpoint takes events again");
                }
                (pause, tries) = (PAUSE, 0);
                continue;
            };
            tries += 1;
            if tries == 1 && self.on_outage == OnOutage::Wait {
                progress.say(&format!("the endpoint takes nothing ({words}): waiting for it"));
            }
            let settings = reason == Reason::Denied && !self.heard;
            let enough = self.on_outage == OnOutage::Stop && tries >= TRIES;
            if settings || enough || self.stop.load(Ordering::Relaxed) {
                progress.say(&format!("stopped: {words}"));
                self.stopped = true;
            } else {
                wait(pause, &self.stop);
                pause = PAUSE_MAX.min(pause * 3 / 2);
            }
        }
        ended.extend(waiting.into_iter().map(|event| (event.client, event.seq, SendEnd::Left)));
        Ok(ended)
    }

    /// Moves settled events to `ended`. Events that were not taken stay in `waiting`,
    /// ahead of those not tried. Returns the reason if an event was not taken.
    fn judge(
        &mut self,
        waiting: &mut Vec<Joined>,
        resent: Vec<Resent>,
        ended: &mut Vec<(String, u64, SendEnd)>,
    ) -> Result<Option<(Reason, String)>, CommandFailure> {
        let mut refused = Vec::new();
        let mut why = None;
        for (event, resent) in waiting.iter().zip(&resent) {
            match resent {
                Resent::Refused { words, maybe_delivered, .. } => {
                    refused.push((event, words.as_str(), *maybe_delivered))
                }
                Resent::NotTaken { reason, words, .. } => {
                    let words = if words.is_empty() { reason.as_str() } else { words };
                    // The reason that says most about the endpoint: in an outage, other events are not tried.
                    if why.as_ref().is_none_or(|(known, _)| *known == Reason::Outage) {
                        why = Some((*reason, words.to_owned()));
                    }
                }
                _ => {}
            }
        }
        self.rejects.add(&refused)?;
        let asked = resent.len();
        let rest = waiting.split_off(asked);
        let mut left = Vec::new();
        for (event, resent) in waiting.drain(..).zip(resent) {
            match resent {
                Resent::NotTaken { .. } => left.push(event),
                Resent::Refused { .. } => ended.push((event.client, event.seq, SendEnd::Refused)),
                _ => ended.push((event.client, event.seq, SendEnd::Delivered)),
            }
        }
        self.heard |= left.len() < asked;
        left.extend(rest);
        *waiting = left;
        Ok(why)
    }
}

/// Events in a log may exceed the default limits of a client, and are wrapped in another event here.
fn resender(to: &To, progress: &ReplayProgress) -> Result<Resender, CommandFailure> {
    let build = |sizes: Option<(usize, usize)>| -> Result<Result<Resender, BuildError>, CommandFailure> {
        let mut builder = to.builder()?.spill_fallback(ProgressNotices(progress.clone()));
        if let Some((event, batch)) = sizes {
            builder = builder.event_bytes_max(event).batch_bytes_max(batch);
        }
        Ok(builder.build_resender())
    };
    let is_set = |name| std::env::var_os(name).is_some();
    let sizes = [(1 << 20, 2 << 20), (256 << 10, 1 << 20)];
    if !is_set("OVERSPILL_EVENT_BYTES_MAX") && !is_set("OVERSPILL_BATCH_BYTES_MAX") {
        for sizes in sizes {
            // The format rejects sizes above its limits; smaller ones are tried then.
            if let Ok(resender) = build(Some(sizes))? {
                return Ok(resender);
            }
        }
    }
    Ok(build(None)??)
}

/// `--rate`.
#[derive(Debug)]
struct RateLimit {
    rate: Option<u32>,
    next: Instant,
}

impl RateLimit {
    fn wait_for(&mut self, events: usize, stop: &AtomicBool) {
        let Some(rate) = self.rate else { return };
        wait(self.next.saturating_duration_since(Instant::now()), stop);
        self.next = self.next.max(Instant::now()) + Duration::from_secs_f64(events as f64 / f64::from(rate));
    }
}

/// Sleeps, but wakes at a stop.
fn wait(pause: Duration, stop: &AtomicBool) {
    let until = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}
