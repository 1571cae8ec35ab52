//! The judge of the soak (`tests/lab/run soak`) reports growth only if there is growth.

#[path = "../lab/soak/slope.rs"]
#[expect(dead_code, reason = "the example draws and prints more of it")]
mod slope;

use crate::split_mix::SplitMix64 as Random;
use slope::Slope;

/// An hour of samples, four a second: a level, a trend, and waves of outages that come and go, each of them half a minute
/// of correlated samples.
fn hour(seed: u64, per_minute: f64) -> Vec<(f64, f64)> {
    let mut random = Random::of(seed);
    let mut wave = 0.0;
    (0..4 * 3600)
        .map(|nth| {
            if nth % 120 == 0 {
                wave = 2_000.0 * random.share();
            }
            let seconds = f64::from(nth) / 4.0;
            (seconds, 15_000.0 + per_minute * seconds / 60.0 + wave + 50.0 * random.share())
        })
        .collect()
}

#[test]
fn correlated_samples_without_a_trend_are_not_called_growth() {
    let of_hour = |seed| Slope::of(&hour(seed, 0.0)).unwrap();
    let wrong = (0..400).map(of_hour).filter(|slope| slope.least() > 0.0 || slope.most() < 0.0).count();
    // One in twenty, as 95 % implies, plus chance.
    assert!(wrong <= 32, "{wrong} of 400 flat hours were called trends");
}

#[test]
fn a_leak_is_found_and_its_size_is_within_the_interval() {
    let slopes: Vec<Slope> = (0..400).map(|seed| Slope::of(&hour(seed, 40.0)).unwrap()).collect();
    assert!(slopes.iter().all(|slope| slope.least() > 8.0), "a failed run each time");
    let covered = slopes.iter().filter(|slope| (slope.least()..slope.most()).contains(&40.0)).count();
    assert!(covered >= 368, "only {covered} of 400 intervals contain the true slope");
}

#[test]
fn too_few_samples_make_no_slope() {
    assert!(Slope::of(&[]).is_none());
    assert!(Slope::of(&[(1.0, 5.0), (2.0, 6.0)]).is_none());
}
