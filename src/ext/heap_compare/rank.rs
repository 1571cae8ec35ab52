//! Defines growth: a pure function of three estimates with their sampling errors, and the time between them.
//!
//! **Sampling error.** The profiler samples one allocation in `period` bytes on average, at random. An object
//! of `s` bytes is sampled with probability `p = 1 - e^(-s/period)` and then stands for `s/p` bytes. So the
//! estimate for `n` objects has a variance of `n s² (1-p)/p`, which is `period` for each byte of small
//! objects, and less for large ones ([`HeldSums::of`] has the bound for objects of mixed sizes). Samples are
//! independent, so variances add: over the stacks of a function, of a package, of the whole. The variance of
//! a difference is at most the sum of both, reached when nothing of the first lives on in the second.
//!
//! That bound is far too wide for a large sum of which most lives on. There the differences themselves are evidence: pure
//! sampling noise goes up as often as down, so the sum of the squares of all stacks' differences is an estimate of the same
//! variance, and the sum of the differences over its root is bounded like the normal distribution (Efron 1969). The smaller of
//! the two errors counts. One period is added to what was observed: a stack without samples is not a stack that holds nothing.
//!
//! - RK1: growth within [`SIGMAS`] standard errors in either interval is not persistent growth. Nor is growth from the first to the last
//!   profile that is so small that some candidate shows it by chance in one of [`COMPARISONS_PER_FALSE_ALARM`] comparisons ([`Odds`]).
//! - RK2: *persistent* growth happened in both intervals; growth that ended, or began, in between is *once*.
//! - RK3: persistent growth is ranked by what it would add over the next [`FORECAST_INTERVALS`]
//!   intervals if it went on fading as it faded between the two; a cache that fills comes to
//!   an end that way, a leak does not. Accelerating growth is counted as steady.
//!
//! Not here: what the objects are, who frees them, trends through more than three points.

use super::profile::Held;
use std::cmp::Reverse;
use std::ops::{AddAssign, Sub};
use std::time::Duration;

/// Standard errors that growth must exceed in each of two intervals. By chance about
/// one stack in three hundred thousand does so in both: they share the profile in
/// the middle, and if that is high for one interval it is as high for the other.
pub const SIGMAS: f64 = 2.0;

/// Standard errors that growth from the first profile to the last must exceed to
/// be shown as growth that happened once: one stack in thirty thousand by chance.
pub const SIGMAS_ONCE: f64 = 4.0;

/// Of this many comparisons in which nothing grows, one reports
/// growth, however many stacks, functions and packages are tested.
pub const COMPARISONS_PER_FALSE_ALARM: u32 = 100;

/// How far ahead the ranking looks, in intervals of the mean length of the two.
pub const FORECAST_INTERVALS: i32 = 10;

/// What happened to a stack over two intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It grew in both intervals, beyond sampling error: a leak
    /// looks like this, and so does a cache that is still filling.
    Persistent,
    /// It grew, but not in both intervals: a cache that has filled, something loaded or started, or a leak that has just begun.
    Once,
    /// Nothing beyond sampling error.
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
    /// The standard error of that, in bytes: an upper bound.
    pub standard_error_bytes: f64,
    /// How long it was.
    pub lasting: Duration,
}

/// How many candidates were tested, each of which may grow by chance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odds {
    candidates: f64,
    /// Standard errors that growth from the first to the last must exceed.
    pub(super) sigmas: f64,
}

impl Odds {
    /// Follows from the bound `e^(-x²/2)`, which holds for sums of symmetric terms and not
    /// only for the normal distribution; doubled, because the smaller of two errors counts.
    pub(super) fn of(candidates: usize) -> Odds {
        let candidates = candidates.max(1) as f64;
        let sigmas = (2.0 * (2.0 * candidates * f64::from(COMPARISONS_PER_FALSE_ALARM)).ln()).sqrt();
        Odds { candidates, sigmas }
    }
}

/// What was held at three moments, and the data for its error. Sums over stacks.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct HeldSums {
    pub(super) held: [u64; 3],
    variance: [f64; 3],
    /// For the differences from the first to the second, from there to the third, and from the first to the third.
    squares: [f64; 3],
}

/// `x² / (e^x - 1)` is greatest here: the variance of one object in periods squared, by its size in periods.
const WORST_SIZE: f64 = 1.593_624;
const WORST_VARIANCE: f64 = 0.647_610;

impl HeldSums {
    /// The sums for one stack. Only the objects' mean size is known: no mix of sizes with that mean has more variance than this,
    /// because up to the worst size the variance of one object is a concave function of its size, and it is nowhere greater.
    pub(super) fn of(held: [Held; 3], period_bytes: u64) -> HeldSums {
        let period = period_bytes.max(1) as f64;
        let variance = held.map(|held| {
            let bytes = held.bytes as f64;
            match held.objects {
                Some(objects @ 1..) => {
                    let size = bytes / objects as f64 / period;
                    let one = if size < WORST_SIZE { size * size / size.exp_m1() } else { WORST_VARIANCE };
                    if size > 0.0 { objects as f64 * one * period * period } else { 0.0 }
                }
                _ => bytes * period,
            }
        });
        let held = held.map(|held| held.bytes);
        let squared = |from: usize, to: usize| (held[to] as f64 - held[from] as f64).powi(2);
        HeldSums { held, variance, squares: [squared(0, 1), squared(1, 2), squared(0, 2)] }
    }

    fn interval(&self, [from, to]: [usize; 2], lasting: Duration, period_bytes: u64) -> Interval {
        let by_differences = match [from, to] {
            [0, 1] => self.squares[0],
            [1, 2] => self.squares[1],
            _ => self.squares[2],
        };
        let variance = (self.variance[from] + self.variance[to]).min(by_differences);
        let unseen = period_bytes as f64 * period_bytes as f64;
        Interval {
            bytes: difference(self.held[from], self.held[to]),
            standard_error_bytes: (variance + unseen).sqrt(),
            lasting,
        }
    }
}

impl AddAssign for HeldSums {
    fn add_assign(&mut self, other: HeldSums) {
        for at in 0..3 {
            self.held[at] = self.held[at].saturating_add(other.held[at]);
            self.variance[at] += other.variance[at];
            self.squares[at] += other.squares[at];
        }
    }
}

/// The sums of what was added since.
impl Sub for HeldSums {
    type Output = HeldSums;

    fn sub(self, before: HeldSums) -> HeldSums {
        let at = [0, 1, 2];
        HeldSums {
            held: at.map(|at| self.held[at].saturating_sub(before.held[at])),
            variance: at.map(|at| (self.variance[at] - before.variance[at]).max(0.0)),
            squares: at.map(|at| (self.squares[at] - before.squares[at]).max(0.0)),
        }
    }
}

fn difference(before: u64, after: u64) -> i64 {
    let bytes = i128::from(after) - i128::from(before);
    i64::try_from(bytes).unwrap_or(if bytes < 0 { i64::MIN } else { i64::MAX })
}

impl Interval {
    fn between(before: u64, after: u64, lasting: Duration, period_bytes: u64) -> Interval {
        let variance = period_bytes as f64 * (before as f64 + after as f64 + period_bytes as f64);
        Interval { bytes: difference(before, after), standard_error_bytes: variance.sqrt(), lasting }
    }

    /// Growth in standard errors.
    pub fn sigmas(&self) -> f64 {
        // The error is at least one period, which is at least one byte.
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
    /// From the first profile to the third. Its error is not the sum of the intervals': the second profile is in both.
    pub whole: Interval,
    /// The conclusion.
    pub verdict: Verdict,
    /// Confidence that it grew in both intervals (for [`Verdict::Persistent`]), or that it grew at
    /// all, given the sampling error and how many candidates were tested: 0 to 1, a lower bound.
    pub confidence: f64,
    /// Bytes that the next [`FORECAST_INTERVALS`] intervals would add; 0 unless persistent.
    pub forecast_bytes: u64,
}

impl Growth {
    /// The growth over three moments, by the bytes held at each and the time between them, with one allocation in `period_bytes` sampled.
    pub fn of(held_bytes: [u64; 3], lasting: [Duration; 2], period_bytes: u64) -> Growth {
        let period_bytes = period_bytes.max(1);
        let [first, second, third] = held_bytes;
        let intervals = [
            Interval::between(first, second, lasting[0], period_bytes),
            Interval::between(second, third, lasting[1], period_bytes),
        ];
        let whole = Interval::between(first, third, lasting[0] + lasting[1], period_bytes);
        Growth::judged(intervals, whole, SIGMAS_ONCE, 1.0)
    }

    /// The growth of one candidate among many, with the combined error of its stacks.
    pub(super) fn among(sums: &HeldSums, lasting: [Duration; 2], period_bytes: u64, odds: Odds) -> Growth {
        let period_bytes = period_bytes.max(1);
        let interval = |ends, lasting| sums.interval(ends, lasting, period_bytes);
        let intervals = [interval([0, 1], lasting[0]), interval([1, 2], lasting[1])];
        let whole = interval([0, 2], lasting[0] + lasting[1]);
        Growth::judged(intervals, whole, odds.sigmas, odds.candidates)
    }

    fn judged(intervals: [Interval; 2], whole: Interval, sigmas: f64, candidates: f64) -> Growth {
        let both = intervals.iter().all(|interval| interval.sigmas() > SIGMAS);
        let verdict = if both && (candidates <= 1.0 || whole.sigmas() > sigmas) {
            Verdict::Persistent
        } else if whole.sigmas() > sigmas {
            Verdict::Once
        } else if whole.sigmas() < -sigmas {
            Verdict::Shrank
        } else {
            Verdict::Noise
        };
        let doubt = by_chance(whole.sigmas());
        let (doubt, forecast_bytes) = match verdict {
            Verdict::Persistent => {
                let either: f64 = intervals.iter().map(|interval| by_chance(interval.sigmas())).sum();
                (either.max(candidates * doubt * f64::from(u8::from(candidates > 1.0))), forecast(&intervals))
            }
            _ => (doubt * candidates, 0),
        };
        Growth { intervals, verdict, whole, confidence: (1.0 - doubt).clamp(0.0, 1.0), forecast_bytes }
    }

    /// Bytes grown in both intervals together.
    pub fn bytes(&self) -> i64 {
        self.intervals[0].bytes.saturating_add(self.intervals[1].bytes)
    }

    /// Growth from the first to the last, but not in both intervals.
    pub(super) fn demoted(self) -> Growth {
        Growth { verdict: Verdict::Once, forecast_bytes: 0, ..self }
    }

    /// The ratio of the growth rate in the second interval to the first: 1 is steady.
    pub(super) fn steadiness(&self) -> f64 {
        self.intervals[1].bytes_per_second() / self.intervals[0].bytes_per_second()
    }

    /// For sorting: the worst first.
    pub(super) fn rank(&self) -> (Verdict, Reverse<(u64, i64)>) {
        (self.verdict, Reverse((self.forecast_bytes, self.bytes())))
    }
}

/// The probability that normally distributed noise exceeds this many standard errors.
fn by_chance(sigmas: f64) -> f64 {
    0.5 * libm::erfc(sigmas / std::f64::consts::SQRT_2)
}

/// The bytes that the next intervals would add (RK3), for growth in both intervals.
fn forecast([first, second]: &[Interval; 2]) -> u64 {
    let fading = (second.bytes_per_second() / first.bytes_per_second()).min(1.0);
    let mean = (first.lasting + second.lasting) / 2;
    let next = second.bytes_per_second() * mean.as_secs_f64();
    let sum: f64 = (1..=FORECAST_INTERVALS).map(|interval| next * fading.powi(interval)).sum();
    // A cast from a float saturates.
    sum.round() as u64
}

#[cfg(test)]
mod tests;
