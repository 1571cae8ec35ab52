//! cadence: a metric with tags through its queuing sink, to UDP packets of 512 bytes.

use super::{Caller, System};
use crate::Failure;
use cadence::{BufferedUdpMetricSink, Counted, QueuingMetricSink, StatsdClient};
use std::net::UdpSocket;

const QUEUE_EVENTS: usize = 8192;

pub struct Cadence {
    client: StatsdClient,
    queue: QueuingMetricSink,
}

impl Cadence {
    pub fn start(to: &str) -> Result<Cadence, Failure> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let sink = BufferedUdpMetricSink::from(to, socket)?;
        let queue = QueuingMetricSink::with_capacity(sink, QUEUE_EVENTS);
        Ok(Cadence { client: StatsdClient::from_sink("peers", queue.clone()), queue })
    }
}

impl System for Cadence {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| {
            // Numbers become tags as text: statsd knows one number per metric.
            let (status, ts) = (event.status.to_string(), event.ts.to_string());
            let latency = event.latency_ms.to_string();
            self.client
                .count_with_tags("http_request_completed", event.bytes as i64)
                .with_tag("route", event.route)
                .with_tag("session", &event.session)
                .with_tag("status", &status)
                .with_tag("ts", &ts)
                .with_tag("latency_ms", &latency)
                .with_tag("cached", if event.cached { "true" } else { "false" })
                .send();
        })
    }

    fn keeps_up(&self, _emitted: u64) -> bool {
        self.queue.queued() < 4000
    }
}
