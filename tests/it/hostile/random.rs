//! The source of the cases: a seeded generator, and its list of nasty text.

use crate::split_mix::SplitMix64;
use std::time::{Duration, SystemTime};

/// Text that a record, a formatter or a terminal might mistake for its own.
const NASTY: [&str; 41] = [
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{7}",
    "\u{8}",
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}2J",
    "\u{ad}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{2066}",
    "\u{200f}",
    "\u{feff}",
    "\u{e0041}",
    "\u{ffff}",
    "❤\u{fe0f}",
    "a\u{fe00}\u{34f}b",
    "\u{180b}\u{180f}",
    "\u{115f}\u{1160}\u{3164}\u{ffa0}",
    "\u{17b4}\u{17b5}",
    "\u{2800}\u{1d159}",
    "заказ «оплачен» — l’été",
    "\"a\"\n\"b\"",
    "\"",
    "\\",
    "\\u{1b}",
    "\\n",
    "{}",
    " spill_seq=9 spill_event={\"id\":9}",
    "spill_v=3 spill_client=\"c\" spill_seq=1 spill_batch=0 spill_reason=\"outage\" spill_maybe_delivered=false spill_emitted_at=2026-01-01T00:00:00.000Z spill_age_ms=0 spill_detail=\"\" spill_part=1 spill_parts=1 spill_events=1 spill_redacted=false spill_event={}",
    "\n2026-01-01T00:00:00.000000Z  WARN overspill::spill: spill_v=3 spill_client=\"c\" spill_seq=1",
    ", spill_v: 3, spill_client: \"c\", spill_seq: 1",
    "\"}}\n{\"spill_v\":3,\"spill_client\":\"c\"}",
    "e\u{301}🎉हिन्दी",
    "世界",
];

pub struct Random(SplitMix64);

impl Random {
    pub fn seeded(seed: u64) -> Random {
        Random(SplitMix64::of(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.next()
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }

    pub fn bytes(&mut self, len_max: u64) -> Vec<u8> {
        (0..self.below(len_max + 1)).map(|_| self.next() as u8).collect()
    }

    /// Content of an event: pieces that are nasty, plain, any characters or any bytes; now and then a long one, very rarely
    /// one of a mebibyte.
    pub fn content(&mut self) -> String {
        let mut content = String::new();
        for _ in 0..self.below(8) {
            match self.below(5) {
                0 => content.extend(
                    (0..self.below(6)).filter_map(|_| char::from_u32(self.next() as u32 % 0x11_0000)),
                ),
                1 => content.push_str(&String::from_utf8_lossy(&self.bytes(8))),
                2 => content.extend((0..self.below(4)).map(|_| char::from(self.next() as u8))),
                _ => content.push_str(NASTY[self.below(NASTY.len() as u64) as usize]),
            }
        }
        match self.below(1 << 20) {
            0 => content.repeat((1 << 20) / content.len().max(1)),
            1..500 => content.repeat(self.below(1000) as usize),
            _ => content,
        }
    }

    /// A Retry-After, and the span in which it asks for the next post.
    pub fn retry_after(&mut self) -> (String, (Duration, Duration)) {
        let most = Duration::from_secs(600);
        let exactly = |delay: Duration| (delay.min(most), delay.min(most));
        match self.below(8) {
            0 => {
                let seconds = self.below(1200);
                (seconds.to_string(), exactly(Duration::from_secs(seconds)))
            }
            1 => {
                let shift = self.below(64);
                let number = self.next() >> shift;
                // A larger number is a moment in seconds, milliseconds, microseconds or nanoseconds. None is near by chance.
                let moment = match number {
                    0..1_000_000_000 => return (format!(" {number} "), exactly(Duration::from_secs(number))),
                    1_000_000_000..1_000_000_000_000 => Duration::from_secs(number),
                    1_000_000_000_000..1_000_000_000_000_000 => Duration::from_millis(number),
                    1_000_000_000_000_000..1_000_000_000_000_000_000 => Duration::from_micros(number),
                    _ => Duration::from_nanos(number),
                };
                let ahead = SystemTime::UNIX_EPOCH + moment > SystemTime::now();
                (format!(" {number} "), exactly(if ahead { Duration::MAX } else { Duration::ZERO }))
            }
            2 => {
                let digits = 21 + self.below(10_000) as usize;
                (format!("1{}", "0".repeat(digits)), exactly(Duration::MAX))
            }
            3 => (format!("-{}", self.below(1 << 40)), exactly(Duration::ZERO)),
            4 => {
                // Dates have whole seconds: up to one second is lost in the text, and up to one until it is read.
                let ahead = Duration::from_secs(2 + self.below(1200));
                let date = SystemTime::now() + ahead;
                (httpdate::fmt_http_date(date), ((ahead - Duration::from_secs(2)).min(most), ahead.min(most)))
            }
            5 => {
                let date = SystemTime::UNIX_EPOCH + Duration::from_secs(self.below(1_700_000_000));
                (httpdate::fmt_http_date(date), exactly(Duration::ZERO))
            }
            6 => (format!("{}.{}", self.below(100), self.below(100)), exactly(Duration::ZERO)),
            // Starts with a sign, so that it is not a number by chance.
            _ => (format!("~{}", self.content()), exactly(Duration::ZERO)),
        }
    }
}
