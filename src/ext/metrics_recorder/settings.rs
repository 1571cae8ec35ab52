//! The settings of a recorder, their defaults, and whether they are within their limits.

use super::MetricsRecorder;
use super::distribution::HistogramPlan;
use super::drive::MetricsGuard;
use super::error::InstallError;
use super::limits::{
    BUCKETS_LIMIT, IDLE_MAX, INTERVAL, INTERVAL_MIN, KEY_BYTES, KEY_BYTES_LIMIT, KEY_BYTES_MIN, QUANTILES,
    QUANTILES_LIMIT, SERIES, SERIES_LIMIT, TIME_MAX,
};
use super::registry::{Limits, Plans};
use crate::Client;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The settings of a recorder; each has a default.
#[must_use = "nothing is recorded until it is installed"]
pub struct Builder {
    client: Client,
    pub(super) interval: Duration,
    pub(super) idle_max: Duration,
    series_max: usize,
    key_bytes_max: usize,
    pub(super) quantiles: Vec<f64>,
    buckets: Option<Vec<f64>>,
    buckets_of: Vec<(String, Vec<f64>)>,
}

impl Builder {
    pub(super) fn new(client: &Client) -> Builder {
        Builder {
            client: client.clone(),
            interval: INTERVAL,
            idle_max: IDLE_MAX,
            series_max: SERIES,
            key_bytes_max: KEY_BYTES,
            quantiles: QUANTILES.to_vec(),
            buckets: None,
            buckets_of: Vec::new(),
        }
    }

    /// How often the series are emitted. Default [`INTERVAL`].
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.interval = interval;
        self
    }

    /// A series that is not written to for this long is removed, unless the program holds its handle. Default [`IDLE_MAX`].
    pub fn idle_max(mut self, time: Duration) -> Builder {
        self.idle_max = time;
        self
    }

    /// Maximum number of series at a time, of all kinds together; values of further ones are counted in
    /// [`SURPLUS_METRIC`](super::SURPLUS_METRIC) instead. Default [`SERIES`].
    ///
    /// All of them may be emitted at once: keep it below [`queue_events_max`](crate::Builder::queue_events_max), or the excess goes to the
    /// log.
    pub fn series_max(mut self, series: usize) -> Builder {
        self.series_max = series;
        self
    }

    /// Maximum bytes of a series' key: its name, its labels' names and values, and [`LABEL_BYTES`](super::limits::LABEL_BYTES) per label.
    /// Values of series with a longer key are counted in [`SURPLUS_METRIC`](super::SURPLUS_METRIC) instead. Default [`KEY_BYTES`].
    pub fn key_bytes_max(mut self, bytes: usize) -> Builder {
        self.key_bytes_max = bytes;
        self
    }

    /// Which quantiles histograms without buckets report, as shares between 0 and 1. Default [`QUANTILES`].
    pub fn quantiles(mut self, shares: impl Into<Vec<f64>>) -> Builder {
        self.quantiles = shares.into();
        self
    }

    /// Makes histograms count by buckets with these upper bounds, ascending, instead of by quantiles. A value on a bound belongs to its
    /// bucket.
    pub fn buckets(mut self, bounds: impl Into<Vec<f64>>) -> Builder {
        self.buckets = Some(bounds.into());
        self
    }

    /// Sets [`buckets`](Builder::buckets) for the histogram with this name alone. They take precedence over those for all.
    pub fn buckets_of(mut self, metric: impl Into<String>, bounds: impl Into<Vec<f64>>) -> Builder {
        self.buckets_of.push((metric.into(), bounds.into()));
        self
    }

    /// Makes this the recorder of the process, and starts its thread.
    ///
    /// # Errors
    /// [`InstallError`] says which setting is wrong and what to do, or that there is a recorder already, or that the thread could not
    /// start.
    ///
    /// # Blocking
    /// Does not block.
    pub fn install(self) -> Result<MetricsGuard, InstallError> {
        let (recorder, guard) = self.start()?;
        // The guard ends the thread again.
        metrics::set_global_recorder(recorder).map_err(|_| InstallError::AlreadySet)?;
        Ok(guard)
    }

    /// Starts the recorder's thread and returns the recorder for you to place: under
    /// a fanout of metrics-util, or in `metrics::with_local_recorder` in a test.
    ///
    /// # Errors
    /// Like [`install`](Builder::install), except that an existing recorder is no error.
    ///
    /// # Blocking
    /// Does not block.
    pub fn start(self) -> Result<(MetricsRecorder, MetricsGuard), InstallError> {
        let limits = self.check()?;
        MetricsGuard::start(self, limits)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn check(&self) -> Result<Limits, InstallError> {
        within("interval", self.interval, INTERVAL_MIN, "choose 100 ms to a day")?;
        within("idle_max", self.idle_max, self.interval, "choose at least the interval, and at most a day")?;
        if !(1..=SERIES_LIMIT).contains(&self.series_max) {
            let problem = format!("is {}", self.series_max);
            return Err(InstallError::setting("series_max", problem, "choose 1 to 100000"));
        }
        if !(KEY_BYTES_MIN..=KEY_BYTES_LIMIT).contains(&self.key_bytes_max) {
            let problem = format!("is {}", self.key_bytes_max);
            return Err(InstallError::setting("key_bytes_max", problem, "choose 256 to 8192"));
        }
        self.check_quantiles()?;
        let others = self.buckets.as_deref().map(|bounds| plan("buckets", bounds)).transpose()?;
        let mut by_name = HashMap::new();
        for (name, bounds) in &self.buckets_of {
            if by_name.insert(name.clone(), plan("buckets_of", bounds)?).is_some() {
                let problem = format!("is set twice for {name:?}");
                return Err(InstallError::setting("buckets_of", problem, "set it once for each histogram"));
            }
        }
        let plans = Plans { by_name, others: others.unwrap_or(HistogramPlan::Summary) };
        Ok(Limits { series_max: self.series_max, key_bytes_max: self.key_bytes_max, plans })
    }

    fn check_quantiles(&self) -> Result<(), InstallError> {
        let wrong = |problem: String, remedy| Err(InstallError::setting("quantiles", problem, remedy));
        if let Some(share) = self.quantiles.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return wrong(
                format!("has {share}"),
                "choose shares between 0 and 1: 0.99 is what one in a hundred exceeds",
            );
        }
        let mut sorted = self.quantiles.clone();
        sorted.sort_by(f64::total_cmp);
        if sorted.windows(2).any(|two| two[0] == two[1]) {
            return wrong("has one twice".to_owned(), "name each once");
        }
        if self.quantiles.len() > QUANTILES_LIMIT {
            return wrong(format!("has {}", self.quantiles.len()), "choose at most 32");
        }
        Ok(())
    }
}

fn plan(name: &'static str, bounds: &[f64]) -> Result<HistogramPlan, InstallError> {
    if bounds.is_empty() || bounds.len() > BUCKETS_LIMIT {
        let problem = format!("has {} bounds", bounds.len());
        return Err(InstallError::setting(name, problem, "choose 1 to 256"));
    }
    let ascend = bounds.windows(2).all(|two| two[0] < two[1]);
    if !ascend || bounds.iter().any(|bound| !bound.is_finite()) {
        let remedy = "give finite bounds in ascending order; what is above the last one has a bucket anyway";
        return Err(InstallError::setting(name, format!("is {bounds:?}"), remedy));
    }
    Ok(HistogramPlan::Buckets(bounds.into()))
}

fn within(
    name: &'static str,
    time: Duration,
    least: Duration,
    remedy: &'static str,
) -> Result<(), InstallError> {
    if (least..=TIME_MAX).contains(&time) {
        return Ok(());
    }
    Err(InstallError::setting(name, format!("is {time:?}"), remedy))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("client", &self.client)
            .field("interval", &self.interval)
            .field("idle_max", &self.idle_max)
            .field("series_max", &self.series_max)
            .field("key_bytes_max", &self.key_bytes_max)
            .field("quantiles", &self.quantiles)
            .field("buckets", &self.buckets)
            .field("buckets_of", &self.buckets_of)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> Builder {
        Builder::new(&Client::disabled())
    }

    #[test]
    fn the_defaults_are_sound_and_each_limit_is_within_itself() {
        builder().check().unwrap();
        builder()
            .interval(INTERVAL_MIN)
            .idle_max(INTERVAL_MIN)
            .series_max(1)
            .key_bytes_max(KEY_BYTES_MIN)
            .check()
            .unwrap();
        let most = builder().interval(TIME_MAX).idle_max(TIME_MAX).series_max(SERIES_LIMIT);
        most.key_bytes_max(KEY_BYTES_LIMIT).quantiles([0.0, 1.0]).buckets([1.0]).check().unwrap();
        builder().quantiles([]).check().unwrap();
    }

    #[test]
    fn a_setting_out_of_range_is_an_error_that_names_it_and_says_what_to_do() {
        let none: [f64; 0] = [];
        let table = [
            ("interval is 99ms", builder().interval(Duration::from_millis(99))),
            ("interval is 86401s", builder().interval(TIME_MAX + Duration::from_secs(1))),
            ("idle_max is 9s", builder().idle_max(Duration::from_secs(9))),
            ("series_max is 0", builder().series_max(0)),
            ("series_max is 100001", builder().series_max(SERIES_LIMIT + 1)),
            ("key_bytes_max is 255", builder().key_bytes_max(255)),
            ("key_bytes_max is 8193", builder().key_bytes_max(8_193)),
            ("quantiles has 99", builder().quantiles([0.5, 99.0])),
            ("quantiles has NaN", builder().quantiles([f64::NAN])),
            ("quantiles has one twice", builder().quantiles([0.5, 0.9, 0.5])),
            (
                "quantiles has 33",
                builder().quantiles((0..33).map(|n| f64::from(n) / 33.0).collect::<Vec<_>>()),
            ),
            ("buckets has 0 bounds", builder().buckets(none)),
            ("buckets has 257 bounds", builder().buckets((0..257).map(f64::from).collect::<Vec<_>>())),
            ("buckets is [1.0, 1.0]", builder().buckets([1.0, 1.0])),
            ("buckets is [2.0, 1.0]", builder().buckets([2.0, 1.0])),
            ("buckets is [1.0, inf]", builder().buckets([1.0, f64::INFINITY])),
            ("buckets is [NaN]", builder().buckets([f64::NAN])),
            ("buckets_of has 0 bounds", builder().buckets_of("m", none)),
            ("buckets_of is set twice for \"m\"", builder().buckets_of("m", [1.0]).buckets_of("m", [2.0])),
        ];
        for (problem, builder) in table {
            let error = builder.check().map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{problem}: ")), "{error}");
        }
    }

    #[test]
    fn a_histogram_has_the_buckets_of_its_name_before_those_of_all() {
        let plans = builder().buckets([1.0]).buckets_of("m", [2.0]).check().unwrap().plans;
        assert_eq!(
            (plans.of("m"), plans.of("n")),
            (HistogramPlan::Buckets([2.0].into()), HistogramPlan::Buckets([1.0].into()))
        );
        assert_eq!(builder().buckets_of("m", [2.0]).check().unwrap().plans.of("n"), HistogramPlan::Summary);
    }
}
