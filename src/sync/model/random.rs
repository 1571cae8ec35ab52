//! shuttle: random interleavings, of the whole client if need be.
//!
//! `FAULTS_SCHEDULES` is the number of schedules of each model. The seed is the same in every run unless
//! `SHUTTLE_RANDOM_SEED` says otherwise. A counterexample is printed as a schedule; `FAULTS_SCHEDULE` runs it again.

use crate::sync::lock;
use std::future::poll_fn;
use std::task::{Poll, Waker};

pub(crate) use shuttle::sync::atomic::{AtomicU8, AtomicU64, Ordering};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use shuttle::sync::{Mutex as Latch, MutexGuard as LatchGuard};
pub(crate) use shuttle::thread::yield_now;
#[cfg(test)]
pub(crate) use shuttle::thread::{JoinHandle, spawn};
pub(crate) use shuttle::thread_local;

/// One ring is remembered; a waiter that nobody wakes is a deadlock, which shuttle reports.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Ringing>);

#[derive(Debug, Default)]
struct Ringing {
    rung: bool,
    waiter: Option<Waker>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let waiter = {
            let mut ringing = lock(&self.0);
            ringing.rung = true;
            ringing.waiter.take()
        };
        waiter.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn rung(&self) {
        poll_fn(|cx| {
            let mut ringing = lock(&self.0);
            if std::mem::take(&mut ringing.rung) {
                return Poll::Ready(());
            }
            ringing.waiter = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn wait(&self) {
        shuttle::future::block_on(self.rung());
    }
}

/// Starts a thread that nobody joins; it must end on its own.
pub(crate) fn start_thread(_: &str, life: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    drop(shuttle::thread::spawn(life));
    Ok(())
}

/// How far a run has come: its clock.
pub(crate) fn steps() -> u64 {
    shuttle::current::context_switches() as u64
}

/// Lets other tasks go on.
pub(crate) async fn pause() {
    shuttle::future::yield_now().await;
}

/// Runs a future on this thread.
#[cfg(test)]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    shuttle::future::block_on(future)
}

/// A random number below `below`. A schedule that is run again gets the same number.
#[cfg(test)]
pub(crate) fn choose(below: u32) -> u32 {
    use shuttle::rand::Rng;
    shuttle::rand::thread_rng().gen_range(0..below)
}

/// Tries random interleavings: half of them with a choice at each step, half with few preemptions at random places (PCT),
/// which finds bugs that need one thread to be very slow.
#[cfg(test)]
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
    use shuttle::scheduler::{PctScheduler, RandomScheduler};
    const SEED: u64 = 7;
    /// Preemptions, plus one: a bug that needs more than four is left to the other half.
    const DEPTH: usize = 5;
    if let Ok(schedule) = std::env::var("FAULTS_SCHEDULE") {
        return shuttle::replay(model, &schedule);
    }
    let schedules: usize =
        std::env::var("FAULTS_SCHEDULES").ok().and_then(|number| number.parse().ok()).unwrap_or(1000);
    let model = std::sync::Arc::new(model);
    let again = std::sync::Arc::clone(&model);
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    let tried =
        shuttle::Runner::new(RandomScheduler::new_from_seed(SEED, schedules.div_ceil(2)), config.clone())
            .run(move || model())
            + shuttle::Runner::new(PctScheduler::new_from_seed(SEED, DEPTH, schedules / 2), config)
                .run(move || again());
    let figure = format!("{tried} by shuttle: half random, half with few preemptions");
    super::figures::report(34, "schedules without a counterexample", figure);
}

/// Like [`explore`]: no schedule is too long for shuttle.
#[cfg(test)]
pub(crate) fn explore_preempting(_at_most: usize, model: impl Fn() + Send + Sync + 'static) {
    explore(model);
}
