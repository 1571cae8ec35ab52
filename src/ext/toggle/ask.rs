//! One question to the flags' client, and its answer, whatever the provider does.
//!
//! In: a key and the type of value wanted. Out: a value, or what is wrong. AS1: a provider that hangs is abandoned after the timeout, and a
//! panic is caught: the client's own lock may panic as well, after its API was shut down.

use super::meaning::{FlagTrouble, FlagValue, given_for, name_of};
use open_feature::{Client, EvaluationDetails, EvaluationResult};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

/// The types of flags used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagType {
    Text,
    Truth,
    Number,
}

/// Asks for a flag that may be of several types: first for the type that it last had, then for the others if it no longer has that.
pub(super) async fn ask_any(
    flags: &Client,
    key: &str,
    kinds: &mut [FlagType],
    timeout: Duration,
) -> Result<FlagValue, FlagTrouble> {
    let mut first = None;
    for nth in 0..kinds.len() {
        match ask(flags, key, kinds[nth], timeout).await {
            Err(trouble) if trouble.may_be_another_type() => first = first.or(Some(trouble)),
            answer => {
                kinds[..=nth].rotate_right(1);
                return answer;
            }
        }
    }
    // Reports the error for the type that it last had, if it had one.
    Err(first.unwrap_or(FlagTrouble::Failed("TYPE_MISMATCH")))
}

async fn ask(flags: &Client, key: &str, kind: FlagType, timeout: Duration) -> Result<FlagValue, FlagTrouble> {
    match kind {
        FlagType::Text => given(flags.get_string_details(key, None, None), timeout, FlagValue::Text).await,
        FlagType::Truth => given(flags.get_bool_details(key, None, None), timeout, FlagValue::Truth).await,
        FlagType::Number => given(flags.get_int_details(key, None, None), timeout, FlagValue::Number).await,
    }
}

async fn given<T>(
    asking: impl Future<Output = EvaluationResult<EvaluationDetails<T>>>,
    timeout: Duration,
    of: fn(T) -> FlagValue,
) -> Result<FlagValue, FlagTrouble> {
    // The timeout is inside, because dropping the provider's future may panic as well.
    match contained(async { tokio::time::timeout(timeout, asking).await }).await {
        None => Err(FlagTrouble::Panicked),
        Some(Err(_elapsed)) => Err(FlagTrouble::NoAnswer(timeout)),
        Some(Ok(Err(error))) => Err(FlagTrouble::Failed(name_of(&error.code))),
        Some(Ok(Ok(details))) => given_for(details.reason.as_ref(), of(details.value)),
    }
}

/// The future's output, or `None` if it panicked. The future has none of our state that a panic could leave half changed.
async fn contained<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Some(Box::pin(future));
    let output = poll_fn(|cx| {
        let Some(running) = &mut future else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Err(_) => Poll::Ready(None),
        }
    });
    let output = output.await;
    match catch_unwind(AssertUnwindSafe(|| drop(future.take()))) {
        Ok(()) => output,
        Err(_) => None,
    }
}
