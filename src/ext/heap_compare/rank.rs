//! What growth is: a pure function of three estimates, the time between them and the sample period.
//!
//! **Sampling error.** The profiler looks at one allocation in `period` bytes on average, at random, and lets it stand for about
//! `period` bytes. What is held by a stack is therefore an estimate; its variance is at most `period × bytes` (an object of
//! `s` bytes is seen with probability `p = 1 - e^(-s/period)` and stands for `s/p`: `s (1-p)/p` of variance per byte, which is `period` for small
//! objects and less for large ones). The variance of a difference is at most the sum of both, reached when nothing of the
//! first lives on in the second. To what was seen one period is added: a stack without samples is not a stack that
//! holds nothing.
//!
//! - G1: growth within [`SIGMAS`] standard errors in either interval is not persistent growth.
//! - G2: growth that was *persistent* was so in both intervals; all that ended, or began, in between is *once*.
//! - G3: among persistent growth ranks first what would add most over the next [`FORECAST_INTERVALS`] intervals if it faded on
//!   as it has faded between the two; a cache that fills comes to an end that way, a leak does not. Growth that gets
//!   faster is counted as steady.
//!
//! Deliberately not there: what the objects are, who frees them, trends through more than three points.

use std::cmp::Reverse;
use std::time::Duration;

/// Standard errors that growth must exceed in each of two intervals. By chance alone one stack in some three
/// hundred thousand does so in both: they share the profile in the middle, and one that is high there for the one is as high for the other.
pub const SIGMAS: f64 = 2.0;

/// Standard errors that growth from the first profile to the last must exceed to be shown as growth that happened once: one stack in
/// thirty thousand by chance.
pub const SIGMAS_ONCE: f64 = 4.0;

/// How far ahead the ranking looks, in intervals of the mean length of the two.
pub const FORECAST_INTERVALS: i32 = 10;

/// What became of a stack over two intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It grew in both intervals, beyond sampling error: a leak looks so, and so does a cache that still fills.
    Persistent,
    /// It grew, but not in both intervals: a cache that has filled, something loaded or started, or a leak that has just begun.
    Once,
    /// Nothing that could not be sampling error.
    Noise,
    /// It shrank.
    Shrank,
}

crate::names::names!(Verdict, "a verdict", { Persistent = "persistent", Once = "once", Noise = "noise", Shrank = "shrank", });

/// One interval's growth.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// Bytes grown; negative if it shrank.
    pub bytes: i64,
    /// Of that, in bytes: an upper bound.
    pub standard_error_bytes: f64,
    /// How long it was.
    pub lasting: Duration,
}

impl Interval {
    fn between(before: u64, after: u64, lasting: Duration, period_bytes: u64) -> Interval {
        let bytes = i64::try_from(i128::from(after) - i128::from(before)).unwrap_or(i64::MAX);
        let variance = period_bytes as f64 * (before as f64 + after as f64 + period_bytes as f64);
        Interval { bytes, standard_error_bytes: variance.sqrt(), lasting }
    }

    /// Growth in standard errors.
    pub fn sigmas(&self) -> f64 {
        // At least one period, which is at least one byte.
        self.bytes as f64 / self.standard_error_bytes.max(1.0)
    }

    fn bytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.lasting.as_secs_f64().max(1e-9)
    }
}

/// The growth of one stack over two intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Growth {
    /// From the first profile to the second, from the second to the third.
    pub intervals: [Interval; 2],
    /// What it amounts to.
    pub verdict: Verdict,
    /// That it grew in both intervals (for [`Verdict::Persistent`]), or that it grew at all, given the sampling error: 0 to 1, a lower bound.
    pub confidence: f64,
    /// Bytes that the next [`FORECAST_INTERVALS`] intervals would add; 0 unless persistent.
    pub forecast_bytes: u64,
}

impl Growth {
    /// Of what was held at three moments, with the time between them, where one allocation in `period_bytes` was looked at.
    pub fn of(held_bytes: [u64; 3], lasting: [Duration; 2], period_bytes: u64) -> Growth {
        let period_bytes = period_bytes.max(1);
        let [first, second, third] = held_bytes;
        let intervals = [
            Interval::between(first, second, lasting[0], period_bytes),
            Interval::between(second, third, lasting[1], period_bytes),
        ];
        let whole = Interval::between(first, third, lasting[0] + lasting[1], period_bytes);
        let verdict = if intervals.iter().all(|interval| interval.sigmas() > SIGMAS) {
            Verdict::Persistent
        } else if whole.sigmas() > SIGMAS_ONCE {
            Verdict::Once
        } else if whole.sigmas() < -SIGMAS_ONCE {
            Verdict::Shrank
        } else {
            Verdict::Noise
        };
        let (confidence, forecast_bytes) = match verdict {
            Verdict::Persistent => {
                let doubt: f64 = intervals.iter().map(|interval| by_chance(interval.sigmas())).sum();
                (1.0 - doubt, forecast(&intervals))
            }
            _ => (1.0 - by_chance(whole.sigmas()), 0),
        };
        Growth { intervals, verdict, confidence: confidence.clamp(0.0, 1.0), forecast_bytes }
    }

    /// Bytes grown in both intervals together.
    pub fn bytes(&self) -> i64 {
        self.intervals[0].bytes.saturating_add(self.intervals[1].bytes)
    }

    /// Grown at the ends, but not all the way.
    pub(super) fn demoted(self) -> Growth {
        Growth { verdict: Verdict::Once, forecast_bytes: 0, ..self }
    }

    /// For sorting: the worst first.
    pub(super) fn rank(&self) -> (Verdict, Reverse<(u64, i64)>) {
        (self.verdict, Reverse((self.forecast_bytes, self.bytes())))
    }
}

/// That noise of the normal distribution exceeds so many standard errors.
fn by_chance(sigmas: f64) -> f64 {
    0.5 * libm::erfc(sigmas / std::f64::consts::SQRT_2)
}

/// G3, for growth in both intervals.
fn forecast([first, second]: &[Interval; 2]) -> u64 {
    let fading = (second.bytes_per_second() / first.bytes_per_second()).min(1.0);
    let mean = (first.lasting + second.lasting) / 2;
    let next = second.bytes_per_second() * mean.as_secs_f64();
    let sum: f64 = (1..=FORECAST_INTERVALS).map(|interval| next * fading.powi(interval)).sum();
    // A cast of a float saturates.
    sum.round() as u64
}

#[cfg(test)]
mod tests;
