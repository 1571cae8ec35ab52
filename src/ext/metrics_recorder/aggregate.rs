//! The event that is emitted for a series in an interval. Its members are an interface and do not change.

use super::distribution::{Distribution, HistogramData};
use super::series::SeriesReading;
use crate::spill::Rfc3339;
use metrics::{Key, Label, Unit};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::time::{Duration, SystemTime};

/// The number and the times of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntervalTimes {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    /// Its length, by a clock that cannot be set.
    pub(super) lasted: Duration,
}

pub(super) struct Aggregate<'a> {
    pub(super) key: &'a Key,
    pub(super) unit: Option<Unit>,
    pub(super) interval: IntervalTimes,
    pub(super) since: SystemTime,
    pub(super) found: SeriesReading,
    pub(super) quantiles: &'a [Quantile],
}

/// A share, and the name of its member: `p50`, `p999`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantile {
    share: f64,
    name: String,
}

impl Quantile {
    /// A quantile for a share between 0 and 1. Its name has the digits after the share's point, at
    /// least two. The name has no point, because some aggregators turn names with points into objects.
    pub(super) fn of(share: f64) -> Quantile {
        let text = share.to_string();
        let name = match text.split_once('.') {
            Some((_, digits)) => format!("p{digits:0<2}"),
            None if share > 0.0 => "p100".to_owned(),
            None => "p0".to_owned(),
        };
        Quantile { share, name }
    }
}

/// Displayed as text.
struct AsText<T>(T);

impl<T: std::fmt::Display> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An object. If labels share a name, the last one is kept.
struct Labels<'a>(&'a Key);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let labels = self.0.labels().as_slice();
        let is_last =
            |at: usize, label: &Label| !labels[at + 1..].iter().any(|later| later.key() == label.key());
        for (_, label) in labels.iter().enumerate().filter(|(at, label)| is_last(*at, label)) {
            map.serialize_entry(label.key(), label.value())?;
        }
        map.end()
    }
}

struct Quantiles<'a>(&'a Distribution, &'a [Quantile]);

impl Serialize for Quantiles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for quantile in self.1 {
            if let Some(value) = self.0.quantile(quantile.share) {
                map.serialize_entry(&quantile.name, &value)?;
            }
        }
        map.end()
    }
}

impl Serialize for Aggregate<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metric", self.key.name())?;
        let kind = match &self.found {
            SeriesReading::Counter { .. } => "counter",
            SeriesReading::Gauge(_) => "gauge",
            SeriesReading::Histogram { .. } => "histogram",
        };
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("labels", &Labels(self.key))?;
        if let Some(unit) = self.unit {
            map.serialize_entry("unit", unit.as_str())?;
        }
        map.serialize_entry("interval", &self.interval.number)?;
        map.serialize_entry("interval_start", &AsText(Rfc3339(self.interval.start)))?;
        map.serialize_entry("interval_end", &AsText(Rfc3339(self.interval.end)))?;
        let millis = u64::try_from(self.interval.lasted.as_millis()).unwrap_or(u64::MAX);
        map.serialize_entry("interval_ms", &millis)?;
        match &self.found {
            SeriesReading::Counter { delta, total } => {
                map.serialize_entry("delta", delta)?;
                map.serialize_entry("total", total)?;
                map.serialize_entry("total_since", &AsText(Rfc3339(self.since)))?;
            }
            SeriesReading::Gauge(value) => map.serialize_entry("value", value)?,
            SeriesReading::Histogram { seen, total_count, total_sum } => {
                self.serialize_distribution(&mut map, seen)?;
                map.serialize_entry("total_count", total_count)?;
                map.serialize_entry("total_sum", total_sum)?;
                map.serialize_entry("total_since", &AsText(Rfc3339(self.since)))?;
            }
        }
        map.end()
    }
}

impl Aggregate<'_> {
    fn serialize_distribution<M: SerializeMap>(
        &self,
        map: &mut M,
        seen: &Distribution,
    ) -> Result<(), M::Error> {
        map.serialize_entry("count", &seen.count)?;
        map.serialize_entry("sum", &seen.sum)?;
        if seen.count > 0 {
            map.serialize_entry("min", &seen.min)?;
            map.serialize_entry("max", &seen.max)?;
        }
        if seen.not_finite > 0 {
            map.serialize_entry("not_finite", &seen.not_finite)?;
        }
        match &seen.data {
            HistogramData::Nothing => Ok(()),
            HistogramData::Sketch(_) => map.serialize_entry("quantiles", &Quantiles(seen, self.quantiles)),
            HistogramData::Buckets(bounds, counts) => {
                map.serialize_entry("bounds", &bounds[..])?;
                map.serialize_entry("bucket_counts", &counts[..])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::distribution::HistogramPlan;
    use super::*;
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_quantile_is_named_by_the_digits_of_its_share() {
        let table = [
            (0.0, "p0"),
            (0.05, "p05"),
            (0.5, "p50"),
            (0.9, "p90"),
            (0.95, "p95"),
            (0.999, "p999"),
            (0.9999, "p9999"),
            (1.0, "p100"),
        ];
        for (share, name) in table {
            assert_eq!(Quantile::of(share).name, name);
        }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn json(key: &Key, unit: Option<Unit>, found: SeriesReading) -> String {
        let interval =
            IntervalTimes { number: 7, start: at(60), end: at(70), lasted: Duration::from_millis(10_001) };
        let quantiles = [0.5, 0.999].map(Quantile::of);
        let aggregate = Aggregate { key, unit, interval, since: at(0), found, quantiles: &quantiles };
        serde_json::to_string(&aggregate).unwrap()
    }

    fn distribution(plan: &HistogramPlan, values: &[f64]) -> SeriesReading {
        let mut seen = Distribution::new();
        values.iter().for_each(|&value| seen.add(plan, value, 1));
        SeriesReading::Histogram { seen, total_count: 12, total_sum: 99.5 }
    }

    /// The golden test: backends have tables with these members.
    #[test]
    fn the_events_of_all_kinds_are_these_texts() {
        const TIMES: &str = r#""interval":7,"interval_start":"2026-11-18T11:07:40.000Z","interval_end":"2026-11-18T11:07:50.000Z","interval_ms":10001"#;
        const SINCE: &str = r#""total_since":"2026-11-18T11:06:40.000Z""#;
        let labelled = Key::from_parts("http_requests_total", &[("route", "/a \"b\""), ("method", "GET")]);
        let counter = SeriesReading::Counter { delta: 3, total: 45 };
        assert_eq!(
            json(&labelled, Some(Unit::Count), counter),
            format!(
                r#"{{"metric":"http_requests_total","kind":"counter","labels":{{"route":"/a \"b\"","method":"GET"}},"unit":"count",{TIMES},"delta":3,"total":45,{SINCE}}}"#
            )
        );
        let plain = Key::from_name("queue_depth");
        assert_eq!(
            json(&plain, None, SeriesReading::Gauge(-1.5)),
            format!(r#"{{"metric":"queue_depth","kind":"gauge","labels":{{}},{TIMES},"value":-1.5}}"#)
        );
        assert_eq!(
            json(
                &plain,
                Some(Unit::Seconds),
                distribution(&HistogramPlan::Summary, &[2.0, 2.0, 2.0, f64::NAN])
            ),
            format!(
                r#"{{"metric":"queue_depth","kind":"histogram","labels":{{}},"unit":"seconds",{TIMES},"count":3,"sum":6.0,"min":2.0,"max":2.0,"not_finite":1,"quantiles":{{"p50":2.0,"p999":2.0}},"total_count":12,"total_sum":99.5,{SINCE}}}"#
            )
        );
        assert_eq!(
            json(
                &plain,
                None,
                distribution(&HistogramPlan::Buckets(Arc::new([0.5, 5.0])), &[0.25, 1.0, 2.0, 7.5])
            ),
            format!(
                r#"{{"metric":"queue_depth","kind":"histogram","labels":{{}},{TIMES},"count":4,"sum":10.75,"min":0.25,"max":7.5,"bounds":[0.5,5.0],"bucket_counts":[1,2,1],"total_count":12,"total_sum":99.5,{SINCE}}}"#
            )
        );
    }

    #[test]
    fn of_labels_with_one_name_the_last_is_reported() {
        let key = Key::from_parts("m", &[("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(serde_json::to_string(&Labels(&key)).unwrap(), r#"{"b":"2","a":"3"}"#);
    }

    #[test]
    fn values_that_are_all_not_finite_have_no_least_and_no_greatest() {
        let text = json(
            &Key::from_name("m"),
            None,
            distribution(&HistogramPlan::Summary, &[f64::NAN, f64::INFINITY]),
        );
        assert!(text.contains(r#""count":0,"sum":0.0,"not_finite":2,"total_count""#), "{text}");
    }
}
