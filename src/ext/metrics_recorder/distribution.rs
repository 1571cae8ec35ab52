//! The values of a histogram over an interval: their number, sum,
//! minimum and maximum, and their shape, by buckets or by a sketch.
//!
//! DI1: its memory does not depend on how many values there are. DI2: a value that
//! is not finite is counted separately and changes none of the other numbers.

use super::limits::{RELATIVE_ERROR, SKETCH_BINS, VALUE_MIN};
use sketches_ddsketch::{Config, DDSketch};
use std::sync::Arc;

/// How the values of a histogram are kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum HistogramPlan {
    /// Quantiles within [`RELATIVE_ERROR`].
    Summary,
    /// A count for each of these bounds, ascending, and one for values above the last.
    Buckets(Arc<[f64]>),
}

impl HistogramPlan {
    /// Maximum bytes that a distribution's buckets or sketch hold.
    pub(super) fn bytes_max(&self) -> usize {
        match self {
            // Two stores, whose vectors may grow to twice their content.
            HistogramPlan::Summary => 2 * 2 * SKETCH_BINS as usize * size_of::<u64>() + size_of::<DDSketch>(),
            HistogramPlan::Buckets(bounds) => (bounds.len() + 1) * size_of::<u64>(),
        }
    }
}

#[derive(Clone)]
pub(super) enum HistogramData {
    /// Created with the first value.
    Nothing,
    Sketch(Box<DDSketch>),
    /// The bounds, and one more count than bounds.
    Buckets(Arc<[f64]>, Box<[u64]>),
}

#[derive(Clone)]
pub(super) struct Distribution {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) not_finite: u64,
    pub(super) data: HistogramData,
}

impl Distribution {
    pub(super) fn new() -> Distribution {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Distribution { count: 0, sum: 0.0, min, max, not_finite: 0, data: HistogramData::Nothing }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.not_finite == 0
    }

    #[inline]
    pub(super) fn add(&mut self, plan: &HistogramPlan, value: f64, times: u64) {
        if !value.is_finite() {
            self.not_finite += times;
            return;
        }
        if times == 0 {
            return;
        }
        self.count += times;
        self.sum += value * times as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if matches!(self.data, HistogramData::Nothing) {
            self.data = HistogramData::of(plan);
        }
        match &mut self.data {
            HistogramData::Nothing => {}
            HistogramData::Sketch(sketch) => sketch.add_with_count(value, times),
            // No index is beyond the last count: there is one more count than bounds.
            HistogramData::Buckets(bounds, counts) => {
                counts[bounds.partition_point(|bound| *bound < value)] += times
            }
        }
    }

    /// The value that this share of the values does not exceed; for a summary.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let HistogramData::Sketch(sketch) = &self.data else { return None };
        // A share between 0 and 1 cannot cause an error.
        let estimate = sketch.quantile(share).ok().flatten()?;
        Some(estimate.clamp(self.min, self.max))
    }
}

impl HistogramData {
    #[cold]
    fn of(plan: &HistogramPlan) -> HistogramData {
        match plan {
            HistogramPlan::Summary => {
                let config = Config::new(RELATIVE_ERROR, SKETCH_BINS, VALUE_MIN);
                HistogramData::Sketch(Box::new(DDSketch::new(config)))
            }
            HistogramPlan::Buckets(bounds) => {
                HistogramData::Buckets(Arc::clone(bounds), vec![0; bounds.len() + 1].into_boxed_slice())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(plan: &HistogramPlan, values: &[f64]) -> Distribution {
        let mut distribution = Distribution::new();
        values.iter().for_each(|&value| distribution.add(plan, value, 1));
        distribution
    }

    #[test]
    fn a_value_on_a_bound_is_in_its_bucket_and_one_above_all_in_the_last() {
        let plan = HistogramPlan::Buckets(Arc::new([1.0, 2.0, 4.0]));
        let seen = of(&plan, &[-3.0, 1.0, 1.000_1, 2.0, 4.0, 4.1, 1e300]);
        let HistogramData::Buckets(bounds, counts) = &seen.data else { panic!() };
        assert_eq!((&bounds[..], &counts[..]), (&[1.0, 2.0, 4.0][..], &[2, 2, 1, 2][..]));
        assert_eq!((seen.count, seen.min, seen.max), (7, -3.0, 1e300));
    }

    #[test]
    fn non_finite_values_are_counted_separately_and_spoil_nothing() {
        for plan in [HistogramPlan::Summary, HistogramPlan::Buckets(Arc::new([1.0]))] {
            let seen = of(&plan, &[f64::NAN, 2.0, f64::INFINITY, f64::NEG_INFINITY, 3.0]);
            assert_eq!(
                (seen.count, seen.not_finite, seen.sum, seen.min, seen.max),
                (2, 3, 5.0, 2.0, 3.0),
                "{plan:?}"
            );
        }
        assert!(!of(&HistogramPlan::Summary, &[f64::NAN]).is_empty());
    }

    #[test]
    fn adding_a_value_n_times_equals_adding_it_one_by_one() {
        for plan in [HistogramPlan::Summary, HistogramPlan::Buckets(Arc::new([0.5, 1.5]))] {
            let (mut at_once, one_by_one) = (Distribution::new(), of(&plan, &[1.0; 7]));
            at_once.add(&plan, 1.0, 7);
            at_once.add(&plan, 1.0, 0);
            assert_eq!((at_once.count, at_once.sum), (one_by_one.count, one_by_one.sum));
            assert_eq!(at_once.quantile(0.5), one_by_one.quantile(0.5));
        }
    }

    fn any_finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            -1e3..1e3,
            1e-6..1e2,
            Just(0.0),
            Just(f64::MAX),
            Just(f64::MIN),
            Just(f64::MIN_POSITIVE),
            any::<f64>().prop_filter("finite", |value| value.is_finite())
        ]
    }

    proptest! {
        /// Any values in any order: nothing panics, and no value is forgotten.
        #[test]
        fn any_values_are_taken_and_counted(values in prop::collection::vec(any_finite(), 0..200)) {
            let seen = of(&HistogramPlan::Summary, &values);
            prop_assert_eq!(seen.count, values.len() as u64);
            for share in [0.0, 0.5, 0.99, 1.0] {
                match seen.quantile(share) {
                    Some(value) => prop_assert!(value >= seen.min && value <= seen.max),
                    None => prop_assert!(values.is_empty()),
                }
            }
        }

        /// The promise of `limits::RELATIVE_ERROR`, over eight decades of values of both signs.
        #[test]
        fn a_quantile_is_within_the_relative_error(
            mut values in prop::collection::vec(prop_oneof![1e-5..1e3, -1e3..-1e-5, 0.5..1.5], 1..300),
            share in 0.0..=1.0,
        ) {
            let seen = of(&HistogramPlan::Summary, &values);
            values.sort_by(f64::total_cmp);
            let exact = values[(share * (values.len() as f64 - 1.0)) as usize];
            let found = seen.quantile(share).unwrap();
            prop_assert!((found - exact).abs() <= exact.abs() * RELATIVE_ERROR * 1.000_001, "{} for {}", found, exact);
        }
    }
}
