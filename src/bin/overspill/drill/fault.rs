//! What the proxy does to connections and requests, and when.

use clap::ValueEnum;
use std::fmt;
use std::time::Duration;

/// A fault of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Nothing listens on the port.
    Refuse,
    /// Requests are accepted and never answered.
    Hang,
    /// Requests are taken, and the connection is reset.
    Reset,
    /// Answers come a second late.
    Slow,
    /// 503 Service Unavailable.
    #[value(name = "503")]
    Unavailable,
    /// 413 Content Too Large, whatever the size.
    #[value(name = "413")]
    TooLarge,
    /// 200 with a web page, as captive portals and login pages answer.
    Html,
}

/// The delay of an answer under [`Fault::Slow`].
pub(crate) const LATE: Duration = Duration::from_secs(1);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Refuse => "refuse",
            Fault::Hang => "hang",
            Fault::Reset => "reset",
            Fault::Slow => "slow",
            Fault::Unavailable => "503",
            Fault::TooLarge => "413",
            Fault::Html => "html",
        })
    }
}

/// A part of the drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DrillPhase {
    /// `None`: healthy.
    pub(crate) fault: Option<Fault>,
    pub(crate) lasts: Duration,
}

impl DrillPhase {
    pub(crate) fn name(&self) -> String {
        self.fault.map_or_else(|| "healthy".to_owned(), |fault| fault.to_string())
    }
}

/// How long a fault lasts by default.
const LASTS: Duration = Duration::from_secs(5);
/// Longer than the client's `post_timeout`.
const HANG_LASTS: Duration = Duration::from_secs(15);

/// Healthy first, between faults, and at the end.
pub(crate) fn schedule(faults: &[Fault], lasts: Option<Duration>, healthy: Duration) -> Vec<DrillPhase> {
    let calm = DrillPhase { fault: None, lasts: healthy };
    let of = |fault: &Fault| lasts.unwrap_or(if *fault == Fault::Hang { HANG_LASTS } else { LASTS });
    let pairs = faults.iter().flat_map(|fault| [DrillPhase { fault: Some(*fault), lasts: of(fault) }, calm]);
    std::iter::once(calm).chain(pairs).collect()
}
