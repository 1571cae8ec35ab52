//! overspill, set up as its peers are: a queue of 8,192, batches of 500, four requests in flight.

use super::{Caller, Ended, System};
use crate::Failure;
use crate::trace_event;
use overspill::tracing_events::TracingEvents;
use overspill::{Builder, Client};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

pub const BATCH: usize = 500;
pub const POSTS_IN_FLIGHT: usize = 4;

pub struct Overspill(Client);

pub fn builder_like_the_others(endpoint: &str) -> Builder {
    Client::builder(format!("http://{endpoint}/v1/events"))
        .batch_events_max(BATCH)
        .posts_in_flight_max(POSTS_IN_FLIGHT)
}

impl Overspill {
    pub fn start(endpoint: &str) -> Result<Overspill, Failure> {
        Ok(Overspill(builder_like_the_others(endpoint).build()?))
    }

    pub fn of(client: Client) -> Overspill {
        Overspill(client)
    }
}

impl System for Overspill {
    fn caller(&self) -> Caller<'_> {
        let client = self.0.clone();
        Box::new(move |event| _ = client.emit(event))
    }

    fn keeps_up(&self, _emitted: u64) -> bool {
        self.0.stats().pending < 4000
    }

    fn is_empty(&self, _emitted: u64) -> bool {
        self.0.stats().pending == 0
    }

    fn finish(self: Box<Self>, within: Duration) -> Ended {
        let stats = self.0.shutdown_blocking(within);
        Ended {
            delivered: Some(stats.delivered),
            spilled: Some(stats.spilled),
            lost: Some(stats.lost + stats.pending),
        }
    }
}

/// Its tracing layer.
pub struct Layer(Overspill);

impl Layer {
    /// Installed in the global subscriber of the process.
    pub fn install(endpoint: &str) -> Result<Layer, Failure> {
        let ours = Overspill::start(endpoint)?;
        let layer = TracingEvents::builder(&ours.0).build()?;
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
        Ok(Layer(ours))
    }
}

impl System for Layer {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| trace_event!(event))
    }

    fn keeps_up(&self, emitted: u64) -> bool {
        self.0.keeps_up(emitted)
    }

    fn is_empty(&self, emitted: u64) -> bool {
        self.0.is_empty(emitted)
    }

    fn finish(self: Box<Self>, within: Duration) -> Ended {
        Box::new(self.0).finish(within)
    }
}
