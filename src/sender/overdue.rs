//! How long a post may wait until it counts as hanging and another may start next to it, judged by how long recent answers took.
//!
//! In: how long deliveries took. Out: a time, or none if nothing is known. A pure rule.
//!
//! OV1: a request that hangs at one backend does not hold back requests that others would answer; it is not given up before its
//!     timeout.
//! OV2: an endpoint that has always been slow does not count as hanging.

use crate::clock::Stamp;
use crate::limits::{ANSWERS_HEARD, HUNG_AFTER, HUNG_TIMES, OUTCOMES_HEARD_FOR};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Answers {
    took: [Duration; ANSWERS_HEARD],
    next: usize,
    last: Option<Stamp>,
}

impl Answers {
    pub(crate) fn delivered(&mut self, now: Stamp, took: Duration) {
        self.took[self.next % ANSWERS_HEARD] = took;
        self.next = (self.next + 1) % ANSWERS_HEARD;
        self.last = Some(now);
    }

    /// After this long a post counts as hanging; `None` if nothing is known.
    pub(crate) fn hung_after(&self, now: Stamp) -> Option<Duration> {
        let last = self.last?;
        let slowest = self.took.iter().max()?;
        (now.since(last) < OUTCOMES_HEARD_FOR).then(|| (*slowest * HUNG_TIMES).max(HUNG_AFTER))
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_post_hangs_after_ten_times_the_slowest_of_the_last_answers_and_not_within_a_second() {
        let (mut answers, now) = (Answers::default(), Stamp(0));
        assert_eq!(answers.hung_after(now), None, "nothing is known");
        answers.delivered(now, Duration::from_millis(300));
        assert_eq!(answers.hung_after(now), Some(Duration::from_secs(3)));
        (0..ANSWERS_HEARD).for_each(|_| answers.delivered(now, Duration::from_millis(5)));
        assert_eq!(answers.hung_after(now), Some(HUNG_AFTER));
        assert_eq!(answers.hung_after(now.after(OUTCOMES_HEARD_FOR)), None, "long ago");
    }
}
