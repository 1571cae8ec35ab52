//! RK1 to RK3 as tables and over random inputs.

use super::*;
use proptest::prelude::*;

const MB: u64 = 1_000_000;
const PERIOD: u64 = 512 << 10;
const MINUTE: Duration = Duration::from_secs(60);

fn growth(held_megabytes: [u64; 3]) -> Growth {
    Growth::of(held_megabytes.map(|megabytes| megabytes * MB), [MINUTE; 2], PERIOD)
}

#[test]
fn growth_is_distinguished_from_a_cache_that_filled_and_from_noise() {
    let table = [
        // A leak; one in a large stack; one that accelerates.
        ([100, 200, 300], Verdict::Persistent),
        ([1_000, 1_200, 1_400], Verdict::Persistent),
        ([0, 100, 400], Verdict::Persistent),
        // Filled in the first interval, and in the second.
        ([0, 300, 300], Verdict::Once),
        ([0, 0, 300], Verdict::Once),
        ([300, 200, 600], Verdict::Once),
        // A few samples more or less.
        ([100, 103, 106], Verdict::Noise),
        ([1_000, 1_020, 1_040], Verdict::Noise),
        ([0, 1, 2], Verdict::Noise),
        ([0, 0, 0], Verdict::Noise),
        ([300, 300, 100], Verdict::Shrank),
    ];
    for (held, verdict) in table {
        assert_eq!(growth(held).verdict, verdict, "{held:?}");
    }
}

#[test]
fn a_leak_ranks_before_a_cache_that_grew_more_but_fades_and_both_before_one_that_has_filled() {
    let (leak, filling, filled) = (growth([100, 160, 220]), growth([200, 400, 480]), growth([0, 900, 900]));
    let mut ranked = [filled, filling, leak];
    ranked.sort_by_key(Growth::rank);
    assert_eq!(ranked, [leak, filling, filled]);
    // 60 MB in each of ten more; and 80 MB x (0.4 + 0.4^2 + ...), which comes to an end.
    assert_eq!(leak.forecast_bytes, 600 * MB);
    assert!((53 * MB..54 * MB).contains(&filling.forecast_bytes), "{filling:?}");
}

#[test]
fn growth_is_per_time_where_the_intervals_are_not_equally_long() {
    let lasting = [MINUTE, 3 * MINUTE];
    let steady = Growth::of([100 * MB, 160 * MB, 340 * MB], lasting, PERIOD);
    // A minute brings 60 MB, and the mean interval is two.
    assert_eq!(steady.forecast_bytes, 1_200 * MB);
}

#[test]
fn the_confidence_is_that_of_the_weaker_interval_and_knows_the_period() {
    let (strong, weak) = (growth([100, 200, 300]), growth([100, 200, 240]));
    assert!(strong.confidence > 0.999_999, "{strong:?}");
    assert!((0.99..0.999).contains(&weak.confidence), "{weak:?}");
    let coarse = Growth::of([100, 200, 300].map(|held| held * MB), [MINUTE; 2], 64 * PERIOD);
    assert_eq!(coarse.verdict, Verdict::Noise, "three samples, six, nine: {coarse:?}");
}

#[test]
fn an_exact_profile_has_no_noise_to_speak_of() {
    let exact = Growth::of([10_000, 11_000, 12_000], [MINUTE; 2], 1);
    assert_eq!(exact.verdict, Verdict::Persistent);
}

proptest! {
    #[test]
    fn whatever_was_held_the_answer_is_in_its_bounds(
        held in any::<[u64; 3]>(), seconds in any::<[u32; 2]>(), period in any::<u64>()
    ) {
        let lasting = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let growth = Growth::of(held, lasting, period);
        prop_assert!((0.0..=1.0).contains(&growth.confidence));
        let grew = growth.intervals.iter().all(|interval| interval.bytes > 0);
        prop_assert!(growth.verdict != Verdict::Persistent || grew);
        prop_assert!(growth.verdict == Verdict::Persistent || growth.forecast_bytes == 0);
    }

    /// Anything that a fine profile cannot tell from noise, a coarse one cannot either.
    #[test]
    fn a_coarser_profile_never_shows_more(held in [0..1_u64 << 40, 0..1 << 40, 0..1 << 40], period in 1..1_u64 << 30) {
        let fine = Growth::of(held, [MINUTE; 2], period);
        let coarse = Growth::of(held, [MINUTE; 2], period * 2);
        prop_assert!(coarse.verdict != Verdict::Persistent || fine.verdict == Verdict::Persistent);
        if coarse.verdict == fine.verdict {
            prop_assert!(coarse.confidence <= fine.confidence || fine.verdict == Verdict::Shrank || held[2] <= held[0]);
        }
    }

    /// Of two that end at the same size, the one that grew more evenly ranks first.
    #[test]
    fn the_steadier_of_two_ranks_first(first in 1_000_u64..2_000, grown in 500_u64..5_000, late in 0_u64..250) {
        let steady = growth([first, first + grown / 2, first + grown]);
        let fading = growth([first, first + grown / 2 + late, first + grown]);
        prop_assert!(steady.rank() <= fading.rank(), "{steady:?} {fading:?}");
    }
}

fn stack(held_bytes: [u64; 3], objects: Option<u64>) -> HeldSums {
    HeldSums::of(held_bytes.map(|bytes| Held { bytes, objects }), PERIOD)
}

/// Ten gigabytes that do not change, and a hundred stacks that gain half a megabyte each.
#[test]
fn what_lives_on_unchanged_adds_no_error_to_a_sum() {
    let mut sums = HeldSums::default();
    (0..100).for_each(|_| sums += stack([100 * MB; 3], None));
    let steady = Growth::among(&sums, [MINUTE; 2], PERIOD, Odds::of(1));
    assert_eq!(steady.verdict, Verdict::Noise);
    (0..100).for_each(|_| sums += stack([MB / 2, MB, 3 * MB / 2], None));
    let growth = Growth::among(&sums, [MINUTE; 2], PERIOD, Odds::of(1_000));
    assert_eq!(growth.verdict, Verdict::Persistent, "{growth:?}");
}

/// Changes up and down as large as sampling causes: the sum of many is no growth.
#[test]
fn many_stacks_that_go_up_and_down_do_not_grow_together() {
    let mut sums = HeldSums::default();
    for nth in 0..1_000 {
        let up = stack([20 * MB, 23 * MB, 26 * MB], None);
        let down = stack([26 * MB, 23 * MB, 20 * MB], None);
        sums += if nth % 2 == 0 { up } else { down };
    }
    let growth = Growth::among(&sums, [MINUTE; 2], PERIOD, Odds::of(1));
    assert_eq!(growth.verdict, Verdict::Noise, "{growth:?}");
}

#[test]
fn large_objects_have_less_error_than_small_ones_and_none_more_than_the_bound() {
    let error = |objects| {
        let growth =
            Growth::among(&stack([100 * MB, 200 * MB, 300 * MB], objects), [MINUTE; 2], PERIOD, Odds::of(1));
        growth.intervals[0].standard_error_bytes
    };
    let bound = (PERIOD as f64 * (300 * MB + PERIOD) as f64).sqrt();
    assert!((error(None) / bound - 1.0).abs() < 1e-9 && (error(Some(1_000_000)) / bound - 1.0).abs() < 1e-3);
    assert!(error(Some(20)) < bound / 4.0, "{} of {bound}", error(Some(20)));
}

proptest! {
    /// Only the mean of a mix of sizes is known: the assumed variance is never less than that of the mix.
    #[test]
    fn no_mix_of_sizes_has_more_variance_than_its_mean_is_given(sizes in prop::collection::vec(1_u64..20_000_000, 1..30)) {
        let truth: f64 = sizes.iter().map(|size| {
            let (size, period) = (*size as f64, PERIOD as f64);
            size * size / (size / period).exp_m1()
        }).sum();
        let (bytes, objects) = (sizes.iter().sum(), sizes.len() as u64);
        // The differences would give a smaller variance, so they are made large.
        let reckoned = stack([bytes, 0, u64::MAX / 4], Some(objects)).variance[0];
        prop_assert!(reckoned >= truth * (1.0 - 1e-9), "{reckoned} {truth}");
    }
}

#[test]
fn the_more_candidates_are_tested_the_more_one_must_stand_out() {
    let odds = [1, 100, 20_000, 1_000_000].map(|candidates| Odds::of(candidates).sigmas);
    assert!(odds.is_sorted() && odds[0] > 3.0 && odds[3] < 7.0, "{odds:?}");
}
