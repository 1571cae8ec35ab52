//! The load: several threads, random sizes, steady times, bursts and silence, all from a seed.

use super::random::SplitMix64 as Random;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Contains its own length, so that a cut or garbled text is noticed when it is read back.
#[derive(Serialize, Deserialize)]
pub struct Event<'a> {
    pub id: u64,
    pub length: usize,
    pub text: Cow<'a, str>,
}

pub const THREADS: u64 = 4;
/// Texts are cut from this: quotes, backslashes, line breaks and escapes among plain words. ASCII, so that it can be cut
/// anywhere.
const PATTERN: &str =
    "GET /orders/42 said \"hello\" in 3 ms; C:\\temp\\x; a line\nand another;\t\u{1b}[31mred\u{1b}[0m; ";
const LONGEST_TEXT: usize = 20_000;

/// What the threads share.
pub struct Load {
    pub stop: AtomicBool,
    next_id: AtomicU64,
    words: String,
}

/// What a thread does for a while.
enum Mood {
    Steady { per_second: f64, lasting: Duration },
    Burst { events: u64 },
    Quiet { lasting: Duration },
}

impl Load {
    pub fn new() -> Load {
        let words = PATTERN.repeat(LONGEST_TEXT / PATTERN.len() + 2);
        Load { stop: AtomicBool::new(false), next_id: AtomicU64::new(0), words }
    }

    /// Emits until told to stop.
    pub fn run(&self, seed: u64, rate: u32, emit: impl Fn(&Event<'_>) + Sync) {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let emit = &emit;
                // Far apart, so that neighbouring seeds use different parts of the sequence.
                let random = Random::of(seed.wrapping_add(thread << 48));
                scope.spawn(move || self.emit_by_mood(random, f64::from(rate) / THREADS as f64, emit));
            }
        });
    }

    fn emit_by_mood(&self, mut random: Random, rate: f64, emit: &impl Fn(&Event<'_>)) {
        while !self.stop.load(Ordering::Relaxed) {
            match mood(&mut random, rate) {
                Mood::Burst { events } => (0..events).for_each(|_| self.emit_one(&mut random, emit)),
                Mood::Quiet { lasting } => self.pass(lasting),
                Mood::Steady { per_second, lasting } => {
                    let (began, mut done) = (Instant::now(), 0);
                    while began.elapsed() < lasting && !self.stop.load(Ordering::Relaxed) {
                        let due = (began.elapsed().as_secs_f64() * per_second) as u64;
                        (done..due).for_each(|_| self.emit_one(&mut random, emit));
                        done = due;
                        // Sets the rate of the load.
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
            }
        }
    }

    fn emit_one(&self, random: &mut Random, emit: &impl Fn(&Event<'_>)) {
        // 16 to 1,448 bytes, evenly over the orders of magnitude; now and then an event that needs several records.
        let length = match random.next() % 500 {
            0 => LONGEST_TEXT / 2 + random.next() as usize % (LONGEST_TEXT / 2),
            _ => 2_f64.powf(4.0 + 6.5 * random.share()) as usize,
        };
        let from = random.next() as usize % PATTERN.len();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        emit(&Event { id, length, text: Cow::Borrowed(&self.words[from..from + length]) });
    }

    fn pass(&self, lasting: Duration) {
        let began = Instant::now();
        while began.elapsed() < lasting && !self.stop.load(Ordering::Relaxed) {
            // The pace.
            std::thread::sleep(Duration::from_millis(10).min(lasting));
        }
    }
}

fn mood(random: &mut Random, rate: f64) -> Mood {
    let seconds = |random: &mut Random, most: f64| Duration::from_secs_f64(0.1 + most * random.share());
    match random.next() % 8 {
        0 => Mood::Burst { events: (rate * (1.0 + 9.0 * random.share())) as u64 },
        1 | 2 => Mood::Quiet { lasting: seconds(random, 2.0) },
        _ => Mood::Steady { per_second: rate * (0.5 + random.share()), lasting: seconds(random, 4.0) },
    }
}
