//! What the endpoint does to its clients, in random order.

use super::random::SplitMix64 as Random;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The state of the endpoint. The driver sends it to the endpoint's process as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Up,
    Refused,
    /// Accepts, reads, never answers.
    Tarpit,
    /// Reads, then RST.
    Reset,
    /// 503, with a Retry-After of this many seconds unless it is zero.
    Unavailable(u64),
    /// 200, after this many milliseconds.
    Slow(u64),
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Weather::Unavailable(seconds) => write!(f, "{} {seconds}", self.name()),
            Weather::Slow(millis) => write!(f, "{} {millis}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for Weather {
    type Err = String;

    fn from_str(text: &str) -> Result<Weather, String> {
        let (name, number) = text.split_once(' ').unwrap_or((text, "0"));
        let number = number.parse().map_err(|_| format!("{number:?} is not a number"))?;
        [
            Weather::Up,
            Weather::Refused,
            Weather::Tarpit,
            Weather::Reset,
            Weather::Unavailable(number),
            Weather::Slow(number),
        ]
        .into_iter()
        .find(|weather| weather.name() == name)
        .ok_or_else(|| format!("{name:?} is not a kind of weather"))
    }
}

impl Weather {
    pub const TROUBLES: [&'static str; 5] = ["refused", "tarpit", "reset", "503", "slow"];

    pub fn name(self) -> &'static str {
        match self {
            Weather::Up => "up",
            Weather::Refused => "refused",
            Weather::Tarpit => "tarpit",
            Weather::Reset => "reset",
            Weather::Unavailable(_) => "503",
            Weather::Slow(_) => "slow",
        }
    }

    /// All kinds of trouble in random order.
    fn round(random: &mut Random) -> Vec<Weather> {
        let mut round = vec![
            Weather::Refused,
            Weather::Tarpit,
            Weather::Reset,
            Weather::Unavailable(random.next() % 4),
            // Sometimes slower than the service's timeout of 2 s: then the endpoint has events that the service also logs.
            Weather::Slow(50 + random.next() % 2_500),
        ];
        for last in (1..round.len()).rev() {
            round.swap(last, random.next() as usize % (last + 1));
        }
        round
    }
}

/// The shortest time in one kind of weather, up or not.
const SHORTEST: f64 = 0.2;
/// The longest time; in a short run, a tenth of the run.
const LONGEST: f64 = 60.0;
/// The endpoint is up for at least this long at the end, so that the run shows a recovery.
const AT_THE_END: f64 = 3.0;

/// The share of the run that does not count for slopes: buffers, pools and the allocator's own caches still grow to their size.
pub const WARM_UP: f64 = 0.2;

/// Alternates up and trouble until the end: (from, weather). Kinds come in rounds, each kind once. Lengths are spread evenly over
/// the orders of magnitude: most are short, some are long, as with real outages. The first round fills the warm-up evenly, so
/// that memory has seen every kind of trouble by its end.
pub fn forecast(seed: u64, lasting: Duration) -> Vec<(Duration, Weather)> {
    let mut random = Random::of(seed);
    let seconds = lasting.as_secs_f64();
    let longest = (seconds / 10.0).min(LONGEST);
    let first_round = 2 * Weather::TROUBLES.len();
    let (mut at, mut forecast, mut round) = (0.0, Vec::new(), Vec::new());
    while at < seconds - AT_THE_END {
        let weather = if forecast.len() % 2 == 0 {
            Weather::Up
        } else {
            if round.is_empty() {
                round = Weather::round(&mut random);
            }
            round.pop().unwrap_or(Weather::Up)
        };
        forecast.push((Duration::from_secs_f64(at), weather));
        at += if forecast.len() <= first_round {
            (seconds * WARM_UP / first_round as f64).min(LONGEST)
        } else {
            SHORTEST * (longest / SHORTEST).powf(random.share())
        };
    }
    forecast.push((Duration::from_secs_f64(at.min(seconds - AT_THE_END)), Weather::Up));
    forecast
}
