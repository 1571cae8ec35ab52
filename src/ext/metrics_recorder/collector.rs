//! The end of an interval: looks at each series, and turns anything there is to report into an event.
//!
//! In: a moment. Out: [`Aggregate`]s, and what to log. CL1: pure except for the series: no clock, no thread, no client.

use super::aggregate::{Aggregate, IntervalTimes, Quantile};
use super::limits::NOTICE_EVERY;
use super::registry::{Registry, Surplus};
use super::series::{Series, SeriesReading};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since the recorder began, by a clock that cannot be set.
    pub(super) age: Duration,
    /// By the wall clock, for the event's readers.
    pub(super) wall: SystemTime,
}

pub(super) struct Collector {
    registry: Arc<Registry>,
    quantiles: Vec<Quantile>,
    idle_max: Duration,
    /// The end of the last interval.
    last: Moment,
    interval: u64,
    told: [Option<Duration>; 2],
}

/// The result of an interval.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Collected {
    pub(super) events: u64,
    /// Values without a series, if they are to be reported: why, how many so far, and one of their metrics.
    pub(super) surplus: Vec<(Surplus, u64, Option<String>)>,
}

impl Collector {
    pub(super) fn new(
        registry: Arc<Registry>,
        quantiles: &[f64],
        idle_max: Duration,
        began: Moment,
    ) -> Collector {
        let quantiles = quantiles.iter().copied().map(Quantile::of).collect();
        Collector { registry, quantiles, idle_max, last: began, interval: 0, told: [None; 2] }
    }

    /// Ends the interval.
    pub(super) fn collect(&mut self, now: Moment, mut emit: impl FnMut(&Aggregate<'_>)) -> Collected {
        self.interval += 1;
        let interval = IntervalTimes {
            number: self.interval,
            start: self.last.wall,
            end: now.wall,
            lasted: now.age.saturating_sub(self.last.age),
        };
        let mut collected = Collected::default();
        let mut tell = |series: &dyn Series, found: SeriesReading| {
            let common = series.common();
            emit(&Aggregate {
                key: &common.key,
                unit: self.registry.unit(common.key.name()),
                interval,
                since: common.since(interval.start),
                found,
                quantiles: &self.quantiles,
            });
            collected.events += 1;
        };
        self.registry.for_each(|series| {
            let found = series.look(now.age);
            // Sets its start even if there is nothing to report.
            series.common().since(interval.start);
            if let Some(found) = found {
                tell(series, found);
            }
        });
        for (reason, overflow) in self.registry.overflows() {
            let Some(found) = overflow.values.look(now.age) else { continue };
            tell(&overflow.values, found);
            let told = &mut self.told[reason as usize];
            if told.is_none_or(|told| now.age.saturating_sub(told) >= NOTICE_EVERY) {
                *told = Some(now.age);
                collected.surplus.push((reason, overflow.values.total(), overflow.take_first()));
            }
        }
        self.registry.expire(now.age, self.idle_max);
        self.last = now;
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::super::distribution::HistogramPlan;
    use super::super::home::HomeProcess;
    use super::super::registry::{Limits, Plans, SURPLUS_METRIC};
    use super::*;
    use metrics::{CounterFn, GaugeFn, HistogramFn, Key};
    use serde_json::Value;
    use std::collections::HashMap;
    use std::time::UNIX_EPOCH;

    const IDLE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Moment {
        Moment { age: Duration::from_secs(seconds), wall: UNIX_EPOCH + Duration::from_secs(1_000 + seconds) }
    }

    fn limits(series_max: usize) -> Limits {
        let plans = Plans { by_name: HashMap::new(), others: HistogramPlan::Summary };
        Limits { series_max, key_bytes_max: 300, plans }
    }

    struct World {
        registry: Arc<Registry>,
        collector: Collector,
        collected: Collected,
    }

    impl World {
        fn new(series_max: usize) -> World {
            let registry = Arc::new(Registry::new(limits(series_max), HomeProcess::here()));
            let collector = Collector::new(Arc::clone(&registry), &[0.5], IDLE, at(0));
            World { registry, collector, collected: Collected::default() }
        }

        fn look(&mut self, seconds: u64) -> Vec<Value> {
            let mut events = Vec::new();
            self.collected = self
                .collector
                .collect(at(seconds), |aggregate| events.push(serde_json::to_value(aggregate).unwrap()));
            assert_eq!(self.collected.events, events.len() as u64);
            events
        }

        fn count(&self, name: &'static str, by: u64) {
            let key = Key::from_name(name);
            match self.registry.counter(&key) {
                Ok(counter) => counter.increment(by),
                Err(surplus) => CounterFn::increment(&*self.registry.overflow(surplus, &key), by),
            }
        }

        fn set(&self, name: &'static str, to: f64) {
            self.registry.gauge(&Key::from_name(name)).ok().unwrap().set(to);
        }
    }

    /// For each step: what is added, and the delta and the total that the interval then reports.
    #[test]
    fn a_counter_reports_its_increase_and_total_and_nothing_if_unchanged() {
        let mut world = World::new(10);
        let table = [(3, Some((3, 3))), (0, None), (4, Some((4, 7))), (0, None), (1, Some((1, 8)))];
        for (step, (added, told)) in table.into_iter().enumerate() {
            world.count("orders", added);
            let events = world.look(10 + 10 * step as u64);
            let found = events
                .first()
                .map(|event| (event["delta"].as_u64().unwrap(), event["total"].as_u64().unwrap()));
            assert_eq!(found, told, "step {step}");
            if let Some(event) = events.first() {
                assert_eq!(event["interval"], step as u64 + 1);
                assert_eq!(
                    event["total_since"], "1970-01-01T00:16:40.000Z",
                    "the beginning of its first interval"
                );
                assert_eq!(event["interval_ms"], 10_000);
            }
        }
    }

    #[test]
    fn an_absolute_counter_never_goes_back() {
        let mut world = World::new(10);
        let counter = world.registry.counter(&Key::from_name("seen")).ok().unwrap();
        for (to, told) in [(10, Some(10)), (4, None), (12, Some(2))] {
            counter.absolute(to);
            assert_eq!(world.look(1).first().map(|event| event["delta"].as_u64().unwrap()), told, "{to}");
        }
    }

    #[test]
    fn a_gauge_reports_its_value_in_each_interval_once_it_has_one() {
        let mut world = World::new(10);
        let gauge = world.registry.gauge(&Key::from_name("depth")).ok().unwrap();
        assert!(world.look(10).is_empty(), "a gauge that was never set has no value");
        gauge.set(4.0);
        gauge.increment(2.5);
        gauge.decrement(1.0);
        for seconds in [20, 30, 200] {
            assert_eq!(world.look(seconds)[0]["value"], 5.5);
        }
    }

    #[test]
    fn a_histogram_reports_the_values_of_the_interval_and_the_totals() {
        let mut world = World::new(10);
        let histogram = world.registry.histogram(&Key::from_name("seconds")).ok().unwrap();
        for (step, (values, count, total)) in
            [(vec![1.0, 3.0], 2, 2), (vec![], 0, 2), (vec![5.0], 1, 3)].into_iter().enumerate()
        {
            values.iter().for_each(|&value| histogram.record(value));
            let events = world.look(10 + step as u64);
            assert_eq!(events.is_empty(), count == 0);
            if let Some(event) = events.first() {
                assert_eq!((&event["count"], &event["total_count"]), (&count.into(), &total.into()));
                assert_eq!(event["sum"], values.iter().sum::<f64>());
            }
        }
    }

    #[test]
    fn an_idle_series_expires_unless_somebody_holds_it_and_starts_over_when_it_returns() {
        let mut world = World::new(10);
        let held = world.registry.counter(&Key::from_name("held")).ok().unwrap();
        held.increment(1);
        world.count("idle", 1);
        world.set("level", 2.0);
        assert_eq!(world.look(10).len(), 3);
        assert_eq!((world.look(39).len(), world.registry.series()), (1, 3), "the gauge, until it expires");
        assert_eq!(
            (world.look(40).len(), world.registry.series()),
            (1, 1),
            "the handle that is held keeps its series"
        );
        assert!(world.look(50).is_empty());
        held.increment(1);
        world.count("idle", 5);
        let mut events = world.look(60);
        events.sort_by_key(|event| event["metric"].to_string());
        assert_eq!((&events[0]["metric"], &events[0]["total"]), (&"held".into(), &2.into()));
        assert_eq!((&events[1]["metric"], &events[1]["total"]), (&"idle".into(), &5.into()));
        assert_eq!(
            events[1]["total_since"], "1970-01-01T00:17:30.000Z",
            "a reader sees that the total began anew"
        );
    }

    #[test]
    fn an_unwritten_series_expires_only_after_its_full_time_since_the_first_look() {
        let mut world = World::new(10);
        world.look(1_000);
        world.count("late", 0);
        world.look(1_001);
        assert_eq!(world.registry.series(), 1);
        world.look(1_031);
        assert_eq!(world.registry.series(), 0);
    }

    #[test]
    fn values_beyond_the_maximum_of_series_are_counted_reported_once_and_accepted_again_when_there_is_room() {
        let mut world = World::new(2);
        ["a", "b", "c", "c", "d"].into_iter().for_each(|name| world.count(name, 100));
        let events = world.look(10);
        let surplus = events.iter().find(|event| event["metric"] == SURPLUS_METRIC).unwrap();
        assert_eq!((&surplus["delta"], &surplus["labels"]["reason"]), (&3.into(), &"series_max".into()));
        assert_eq!(world.collected.surplus, [(Surplus::SeriesMax, 3, Some("c".to_owned()))]);
        world.count("c", 1);
        assert_eq!(world.look(20).len(), 1);
        assert!(world.collected.surplus.is_empty(), "it was told a moment ago");
        world.look(60);
        world.count("c", 1);
        assert_eq!(world.look(70)[0]["metric"], "c", "a and b have expired");
        ["x", "y"].into_iter().for_each(|name| world.count(name, 1));
        world.look(700);
        assert_eq!(world.collected.surplus, [(Surplus::SeriesMax, 5, Some("c".to_owned()))]);
    }

    #[test]
    fn a_series_with_too_long_a_key_is_refused_and_counted() {
        let mut world = World::new(10);
        let key = Key::from_parts("urls", &[("url".to_owned(), "x".repeat(300))]);
        let Err(surplus) = world.registry.histogram(&key) else { panic!() };
        HistogramFn::record_many(&*world.registry.overflow(surplus, &key), 1.0, 4);
        assert_eq!(world.look(10)[0]["labels"]["reason"], "key_bytes_max");
        assert_eq!(world.collected.surplus, [(Surplus::KeyBytesMax, 4, Some("urls".to_owned()))]);
        assert_eq!(world.registry.series(), 0);
    }

    #[test]
    fn one_name_may_be_of_every_kind() {
        let mut world = World::new(3);
        world.count("same", 1);
        world.set("same", 1.0);
        world.registry.histogram(&Key::from_name("same")).ok().unwrap().record(1.0);
        let mut kinds: Vec<String> = world.look(10).iter().map(|event| event["kind"].to_string()).collect();
        kinds.sort();
        assert_eq!(kinds, ["\"counter\"", "\"gauge\"", "\"histogram\""]);
    }

    /// RG2 and SR2: threads that make and write the same few series at once, next
    /// to a collector: no series above the maximum, no value counted twice.
    #[test]
    fn what_threads_write_while_intervals_end_is_reported_exactly_once() {
        let mut world = World::new(8);
        let registry = Arc::clone(&world.registry);
        let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
        let mut told = 0;
        let mut add = |events: Vec<Value>| {
            for event in events.iter().filter(|event| event["kind"] == "counter") {
                told += event["delta"].as_u64().unwrap();
            }
            for event in events.iter().filter(|event| event["kind"] == "histogram") {
                told += event["count"].as_u64().unwrap();
            }
        };
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|_| {
                    let registry = &registry;
                    scope.spawn(move || {
                        for nth in 0..6_000 {
                            let key = Key::from_name(names[nth % names.len()]);
                            match (nth % 2, registry.counter(&key), registry.histogram(&key)) {
                                (0, Ok(counter), _) => counter.increment(1),
                                (1, _, Ok(histogram)) => histogram.record(1.0),
                                (_, Err(surplus), _) | (_, _, Err(surplus)) => {
                                    registry.overflow(surplus, &key).values.increment(1);
                                }
                                _ => unreachable!(),
                            }
                        }
                    })
                })
                .collect();
            let mut seconds = 0;
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                seconds += 40;
                add(world.look(seconds));
                assert!(registry.series() <= 8);
            }
            add(world.look(seconds + 1));
        });
        assert_eq!(told, 18_000);
    }
}
