//! A transport in memory: no socket, no thread, and no real time under a paused clock.

use crate::MaybeDelivered;
use crate::transport::{Failure, FailureKind, Posting, Reply, Request, Transport};
use std::fmt;
use std::time::Duration;

/// How a scripted exchange ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// With this result, after this time.
    After(Duration, Result<Reply, Failure>),
    /// Never.
    Never,
}

impl Answer {
    /// This status with an empty body, after this time.
    pub fn status(after: Duration, status: u16) -> Answer {
        Answer::After(after, Ok(Reply::of_status(status)))
    }

    /// A refused connection, after this time.
    pub fn refused(after: Duration) -> Answer {
        Answer::After(
            after,
            Err(Failure {
                kind: FailureKind::Connect,
                maybe_delivered: MaybeDelivered::No,
                detail: "refused".to_owned(),
            }),
        )
    }
}

/// A [`Transport`] that asks a script for each answer.
///
/// With [`Builder::build_with_sender`](crate::Builder::build_with_sender) on a tokio runtime with a paused clock, days of outage pass in a
/// second.
///
/// ```
/// use overspill::{Client, testkit::{Answer, Scripted, Spilled, Taken, assert_settled}};
/// use std::time::Duration;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (taken, spilled) = (Taken::default(), Spilled::default());
/// let (takes, mut posts) = (taken.clone(), 0);
/// let transport = Scripted::new(move |request| {
///     posts += 1;
///     // A refused post is retried once.
///     if posts <= 2 {
///         return Answer::refused(Duration::ZERO);
///     }
///     takes.keep(&request.body);
///     Answer::status(Duration::from_millis(3), 204)
/// });
/// let (events, sender) =
///     Client::builder("simulated").transport(transport).spill_sink(spilled.clone()).build_with_sender()?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let stats = runtime.block_on(async {
///     let sender = tokio::spawn(sender.run());
///     events.emit(&1);
///     events.flush(Duration::from_secs(5)).await?;
///     events.emit(&2);
///     let stats = events.shutdown(Duration::from_secs(5)).await;
///     sender.await?;
///     Ok::<_, Box<dyn std::error::Error>>(stats)
/// })?;
/// assert_settled(&stats, &taken, &spilled);
/// assert_eq!((stats.spilled, stats.delivered), (1, 1));
/// # Ok(()) }
/// ```
pub struct Scripted<F> {
    script: F,
}

impl<F: FnMut(&Request) -> Answer + Send + 'static> Scripted<F> {
    /// Calls `script` at the beginning of each exchange.
    pub fn new(script: F) -> Scripted<F> {
        Scripted { script }
    }
}

impl<F: FnMut(&Request) -> Answer + Send + 'static> Transport for Scripted<F> {
    fn post(&mut self, request: Request) -> Posting {
        let answer = (self.script)(&request);
        Box::pin(async move {
            // As over a socket, the request shares its body with the batch until the exchange ends.
            let _request = request;
            match answer {
                Answer::After(delay, answer) => {
                    tokio::time::sleep(delay).await;
                    answer
                }
                Answer::Never => std::future::pending().await,
            }
        })
    }
}

/// Shows only its name, because a script is a closure.
impl<F> fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}
