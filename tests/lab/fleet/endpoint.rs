//! The one simulated endpoint of the whole fleet, and the line of each client to it.
//!
//! The model: a limit on requests per second with 100 ms of slack (a token bucket). Requests above it are answered
//! 503 without Retry-After. It notes each request, and the id of every event that it has answered with 200.

use super::chronicle::{Chronicle, Kind};
use overspill::MaybeDelivered;
use overspill::transport::{Failure, FailureKind, Posting, Reply, Request, Transport};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weather {
    /// Served, within the limit.
    Up,
    /// Connections are refused.
    Refused,
    /// A gateway whose backend has died: it holds every request until this moment, then answers all of them at once, 503
    /// with the same Retry-After.
    Stuck { until: Instant, retry_after: Duration },
    /// The same gateway later: 503 with Retry-After, without delay.
    Unavailable { retry_after: Duration },
}

/// The time from a request to its answer when nothing is wrong: another rack, or a nearby data centre.
const ANSWER_TIME: Duration = Duration::from_millis(5);
/// The time from an attempt to connect to its refusal.
const REFUSAL_TIME: Duration = Duration::from_millis(1);
/// How much of its limit the endpoint can handle at once.
const SLACK: Duration = Duration::from_millis(100);
/// The slack is at least this many requests: a small fleet's load is uneven, and a limit of ten would reject some on the quietest day.
const SLACK_MIN: f64 = 30.0;

pub struct Endpoint {
    state: Mutex<State>,
    chronicle: Arc<Chronicle>,
}

struct State {
    weather: Weather,
    /// Requests per second. No limit while the fleet's live rate is being measured.
    limit: Option<f64>,
    /// Requests that may come at once, as of `filled_at`.
    room: f64,
    filled_at: Instant,
}

impl State {
    /// Whether there is room for one more request.
    fn admit(&mut self, now: Instant) -> bool {
        let Some(limit) = self.limit else { return true };
        let refill = (now - self.filled_at).as_secs_f64() * limit;
        self.room = (self.room + refill).min((limit * SLACK.as_secs_f64()).max(SLACK_MIN));
        self.filled_at = now;
        let admitted = self.room >= 1.0;
        if admitted {
            self.room -= 1.0;
        }
        admitted
    }
}

impl Endpoint {
    pub fn new(chronicle: Arc<Chronicle>) -> Arc<Endpoint> {
        let state = State { weather: Weather::Up, limit: None, room: 0.0, filled_at: Instant::now() };
        Arc::new(Endpoint { state: Mutex::new(state), chronicle })
    }

    pub fn set_weather(&self, weather: Weather) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).weather = weather;
    }

    pub fn set_limit(&self, requests_per_second: f64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).limit = Some(requests_per_second);
    }

    /// Returns the answer, and when it comes.
    fn arrive(&self, client: usize, body: &[u8]) -> (Instant, Result<Reply, Failure>) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let unavailable = |retry_after: Option<Duration>| {
            let mut reply = Reply::of_status(503);
            reply.retry_after = retry_after.map(|after| after.as_secs().to_string());
            Ok(reply)
        };
        let weather = state.weather;
        let (kind, at, answer) = match weather {
            Weather::Up if state.admit(now) => {
                self.chronicle.keep(ids_in(body));
                (Kind::Served, now + ANSWER_TIME, Ok(Reply::of_status(200)))
            }
            Weather::Up => (Kind::TurnedAway, now + ANSWER_TIME, unavailable(None)),
            Weather::Refused => (Kind::Refused, now + REFUSAL_TIME, Err(refused())),
            Weather::Stuck { until, retry_after } => (Kind::Failed, until, unavailable(Some(retry_after))),
            Weather::Unavailable { retry_after } => {
                (Kind::Failed, now + ANSWER_TIME, unavailable(Some(retry_after)))
            }
        };
        self.chronicle.request(client, kind);
        (at, answer)
    }
}

fn refused() -> Failure {
    Failure::new(FailureKind::Connect, MaybeDelivered::No, "refused")
}

/// One client's way to the endpoint.
pub struct Line {
    pub endpoint: Arc<Endpoint>,
    pub client: usize,
}

impl Transport for Line {
    fn post(&mut self, request: Request) -> Posting {
        let (at, answer) = self.endpoint.arrive(self.client, &request.body);
        Box::pin(async move {
            // The simulated answer time.
            sleep_until(at).await;
            answer
        })
    }
}

/// The number after each `{"id":`.
pub fn ids_in(body: &[u8]) -> impl Iterator<Item = u64> {
    const MARK: &[u8] = b"{\"id\":";
    body.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).map(|(at, _)| {
        let digits = body[at + MARK.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |id, digit| id * 10 + u64::from(digit - b'0'))
    })
}
