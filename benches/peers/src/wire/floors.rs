//! The floors on the way to the wire, each on one thread: prepared bodies, bodies encoded by hand, and overspill's own sender with its
//! queue filled beforehand.

use super::{Measured, WARM_EVENTS};
use crate::systems::builder_like_the_others;
use crate::{Failure, corpus, usage};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const BATCH: usize = 500;
const POSTS_IN_FLIGHT: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    Ready,
    EncodedHere,
}

/// A batch as a JSON array, starting at this event.
fn encode(from: usize, body: &mut Vec<u8>) -> Result<(), Failure> {
    body.push(b'[');
    for event in corpus::cycle(from).take(BATCH) {
        serde_json::to_writer(&mut *body, event)?;
        body.push(b',');
    }
    body.pop();
    body.push(b']');
    Ok(())
}

pub fn post(endpoint: &str, events: u64, bodies: Bodies) -> Result<Measured, Failure> {
    let url = reqwest::Url::parse(&format!("http://{endpoint}/v1/events"))?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    // Static bytes are sent without a copy.
    let ready: Vec<&'static [u8]> = (0..16)
        .map(|nth| {
            let mut body = Vec::new();
            encode(nth * BATCH, &mut body).map(|()| &*body.leak())
        })
        .collect::<Result<_, _>>()?;
    let batches = |events: u64| events.div_ceil(BATCH as u64) as usize;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let post_all = async |batches: usize| -> Result<(), Failure> {
        let mut posts = JoinSet::new();
        for nth in 0..batches {
            let body = match bodies {
                Bodies::Ready => reqwest::Body::from(ready[nth % ready.len()]),
                Bodies::EncodedHere => {
                    let mut body = Vec::with_capacity(128 << 10);
                    encode(nth * BATCH, &mut body)?;
                    reqwest::Body::from(body)
                }
            };
            if posts.len() == POSTS_IN_FLIGHT {
                check(posts.join_next().await)?;
            }
            let request = client.post(url.clone()).header("content-type", "application/json").body(body);
            posts.spawn(async { request.send().await?.bytes().await });
        }
        while !posts.is_empty() {
            check(posts.join_next().await)?;
        }
        Ok(())
    };
    runtime.block_on(async {
        let warm = batches(WARM_EVENTS);
        post_all(warm).await?;
        let (cpu, begin) = (usage::cpu()?, Instant::now());
        post_all(batches(events)).await?;
        Ok(Measured { warm: (warm * BATCH) as u64, took: begin.elapsed(), cpu: usage::cpu()? - cpu })
    })
}

/// How a post ended.
type Ended<T> = Option<Result<Result<T, reqwest::Error>, tokio::task::JoinError>>;

fn check<T>(ended: Ended<T>) -> Result<(), Failure> {
    match ended {
        Some(joined) => Ok(_ = joined??),
        None => Ok(()),
    }
}

/// Fills the queue, then runs the sender until the queue is empty, repeatedly. Only the sender is timed.
pub fn queued(endpoint: &str, events: u64) -> Result<Measured, Failure> {
    const GO: u64 = 60_000;
    // More than twice the room needed: the sender writes to the log when the queue is nearly full.
    let builder = builder_like_the_others(endpoint).queue_events_max(1 << 17).queue_bytes_max(64 << 20);
    let (client, sender) = builder.build_with_sender()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _sender = tokio::spawn(sender.run());
        let (mut took, mut cpu) = (Duration::ZERO, Duration::ZERO);
        let mut left = events + WARM_EVENTS;
        let mut go = WARM_EVENTS;
        while left > 0 {
            // Nothing else runs on this thread before the next await.
            corpus::cycle(0).take(go as usize).for_each(|event| _ = client.emit(event));
            let (cpu_before, begin) = (usage::cpu()?, Instant::now());
            client.flush(Duration::from_secs(60)).await.map_err(|error| error.to_string())?;
            if left <= events {
                took += begin.elapsed();
                cpu += usage::cpu()? - cpu_before;
            }
            left -= go;
            go = GO.min(left);
        }
        let stats = client.stats();
        if stats.delivered != stats.emitted {
            return Err(format!("not everything was delivered: {stats}").into());
        }
        Ok(Measured { warm: WARM_EVENTS, took, cpu })
    })
}
