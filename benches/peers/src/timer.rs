//! Time stamps precise enough for single calls, and the cost of taking one.

use quanta::Clock;

/// A clock that knows its own cost.
pub struct Timer {
    clock: Clock,
    own_ns: f64,
}

impl Timer {
    pub fn calibrated() -> Timer {
        let clock = Clock::new();
        let mut pairs: Vec<u64> = (0..20_001)
            .map(|_| {
                let begin = clock.raw();
                clock.delta_as_nanos(begin, clock.raw())
            })
            .collect();
        pairs.sort_unstable();
        Timer { own_ns: pairs[pairs.len() / 2] as f64, clock }
    }

    /// The time in ns between two consecutive readings: the median of 20,001.
    pub fn own_ns(&self) -> f64 {
        self.own_ns
    }

    /// How long `call` takes, without the clock's own cost, in ns.
    #[inline]
    pub fn time<T>(&self, call: impl FnOnce() -> T) -> f64 {
        let begin = self.clock.raw();
        std::hint::black_box(call());
        let end = self.clock.raw();
        (self.clock.delta_as_nanos(begin, end) as f64 - self.own_ns).max(0.0)
    }
}
