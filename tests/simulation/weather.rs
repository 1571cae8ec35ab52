//! The endpoint: what happens to a request depends on the current weather.

use crate::books::Books;
use crate::hooks::planned_panic;
use crate::plan::{Hooks, Plan, log_uniform};
use fastrand::Rng;
use overspill::MaybeDelivered;
use overspill::testkit::Answer;
use overspill::transport::{Failure, FailureKind, Posting, Reply, Request, RequestBody, Transport};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Healthy,
    Refused,
    Tarpit,
    Broken,
    Overloaded,
    Failing,
    Denied,
    Picky,
    Changeable,
}

const WEATHERS: [Weather; 9] = [
    Weather::Healthy,
    Weather::Refused,
    Weather::Tarpit,
    Weather::Broken,
    Weather::Overloaded,
    Weather::Failing,
    Weather::Denied,
    Weather::Picky,
    Weather::Changeable,
];

/// Whether the endpoint accepted what it was sent, whatever it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Took {
    All,
    Nothing,
}

/// A transport that follows the weather.
pub struct Sky {
    rng: Rng,
    plan: Plan,
    books: Arc<Books>,
    began: Instant,
    until: Instant,
    weather: Weather,
    /// A body that is kept longer than its request lasts.
    kept: Option<RequestBody>,
}

impl Sky {
    pub fn new(plan: &Plan, mut rng: Rng, books: Arc<Books>) -> Sky {
        let now = Instant::now();
        let weather = WEATHERS[rng.usize(..WEATHERS.len())];
        Sky { rng, plan: plan.clone(), books, began: now, until: now, weather, kept: None }
    }

    /// The current weather; after the horizon it is always fine.
    fn now(&mut self) -> Weather {
        let now = Instant::now();
        if now >= self.began + self.plan.horizon {
            return Weather::Healthy;
        }
        while now >= self.until {
            let longest = self.plan.horizon.max(Duration::from_millis(20));
            self.until += log_uniform(&mut self.rng, Duration::from_millis(10), longest);
            self.weather = WEATHERS[self.rng.usize(..WEATHERS.len())];
        }
        match self.weather {
            Weather::Changeable => WEATHERS[self.rng.usize(..WEATHERS.len() - 1)],
            steady => steady,
        }
    }

    fn fate(&mut self, ids: &[u64], bytes: usize) -> (Took, Answer) {
        let after = log_uniform(&mut self.rng, Duration::from_micros(100), self.plan.post_timeout / 2);
        let coin = if self.rng.bool() { Took::All } else { Took::Nothing };
        let broken = |kind, maybe_delivered, after| {
            Answer::After(after, Err(Failure::new(kind, maybe_delivered, "the weather")))
        };
        match self.now() {
            Weather::Healthy | Weather::Changeable => {
                (Took::All, Answer::status(after, [200, 201, 202, 204][self.rng.usize(..4)]))
            }
            Weather::Refused => {
                (Took::Nothing, broken(FailureKind::Connect, MaybeDelivered::No, after / 100))
            }
            Weather::Tarpit => (
                coin,
                match self.rng.u32(..3) {
                    // Not even the transport's own timeout ends it.
                    0 => Answer::Never,
                    _ => broken(FailureKind::Timeout, MaybeDelivered::Yes, self.plan.post_timeout),
                },
            ),
            Weather::Broken => match self.rng.u32(..3) {
                // Closed before the request arrived: it was not accepted, and may be sent again.
                0 => (Took::Nothing, broken(FailureKind::Stale, MaybeDelivered::Yes, after / 100)),
                _ => (coin, broken(FailureKind::Broken, MaybeDelivered::Yes, after)),
            },
            Weather::Overloaded => {
                let status = [503, 429][self.rng.usize(..2)];
                let mut reply = Reply::of_status(status);
                if self.rng.bool() {
                    reply.retry_after = Some(self.rng.u32(..20).to_string());
                }
                (Took::Nothing, Answer::After(after, Ok(reply)))
            }
            Weather::Failing => (coin, Answer::status(after, [500, 502, 504][self.rng.usize(..3)])),
            Weather::Denied => {
                (Took::Nothing, Answer::status(after, [301, 401, 403, 404, 100, 999][self.rng.usize(..6)]))
            }
            Weather::Picky if ids.iter().any(|id| id % 37 == 3) => {
                (Took::Nothing, Answer::status(after, [400, 422][self.rng.usize(..2)]))
            }
            Weather::Picky if bytes > self.plan.batch_bytes_max / 2 && ids.len() > 1 => {
                (Took::Nothing, Answer::status(after, 413))
            }
            Weather::Picky => (Took::All, Answer::status(after, 200)),
        }
    }
}

impl Transport for Sky {
    fn post(&mut self, request: Request) -> Posting {
        let ids = crate::books::ids_of(&request.body);
        let (took, answer) = self.fate(&ids, request.body.len());
        self.books.posted();
        if ids.len() % 5 == 0 {
            // A transport that does not release the body in time.
            self.kept = Some(request.body.clone());
        }
        let panics = self.plan.hooks == Hooks::Panicking && self.rng.u32(..50) == 0;
        // The endpoint accepted the events when they were sent, whatever happens to the answer or to the client.
        if took == Took::All {
            self.books.take(&ids);
        }
        if panics && self.rng.bool() {
            planned_panic();
        }
        Box::pin(async move {
            let _request = request;
            let answer = match answer {
                Answer::After(delay, answer) => {
                    // On a paused clock: no time passes.
                    tokio::time::sleep(delay).await;
                    answer
                }
                _ => std::future::pending().await,
            };
            if panics {
                planned_panic();
            }
            answer
        })
    }
}
