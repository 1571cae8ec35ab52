//! Resolves names to addresses with the system's resolver, off the sender's thread.
//!
//! In: a name. Out: its addresses, or why there are none.
//!
//! - RV1: one lookup at a time, on its own thread, however long it hangs. Meanwhile a request for the same name waits for the same answer,
//!   and a request for another name is refused.
//! - RV2: if no thread can be started, the lookup fails, and nothing panics (tokio's `spawn_blocking`, which HTTP clients use for this,
//!   does).
//!
//! Not here, on purpose: a cache. Connections are kept; each new one needs the current address.

use crate::sync::{Arc, Mutex, lock, start_thread};
use std::net::{SocketAddr, ToSocketAddrs};
use tokio::sync::watch;

/// Shared by all connections of a client, including those of a renewed HTTP client.
#[derive(Clone, Default)]
pub(crate) struct Resolver {
    current: Arc<Mutex<Option<LookUp>>>,
}

type LookUpAnswer = Result<Vec<SocketAddr>, String>;

/// A running lookup: its name, and where the answer will arrive.
struct LookUp {
    name: String,
    answer: watch::Receiver<Option<LookUpAnswer>>,
}

impl Resolver {
    /// The addresses of `name`, with port 0.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the lookup; the next request for this name joins it.
    pub(crate) async fn look_up(&self, name: &str) -> LookUpAnswer {
        self.look_up_by(name, system).await
    }

    async fn look_up_by(&self, name: &str, find: fn(&str) -> LookUpAnswer) -> LookUpAnswer {
        let mut answer = self.join_or_start(name, find)?;
        let answered = answer.wait_for(Option::is_some).await;
        match answered.map(|answer| answer.clone()) {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => Err("the lookup was interrupted".to_owned()),
        }
    }

    fn join_or_start(
        &self,
        name: &str,
        find: fn(&str) -> LookUpAnswer,
    ) -> Result<watch::Receiver<Option<LookUpAnswer>>, String> {
        let mut current = lock(&self.current);
        // If its thread is gone without an answer, waiting for it is pointless.
        if let Some(look_up) = current.as_ref().filter(|look_up| look_up.answer.has_changed().is_ok()) {
            if look_up.name == name {
                return Ok(look_up.answer.clone());
            }
            return Err("the lookup of another name is still running".to_owned());
        }
        let (tell, answer) = watch::channel(None);
        let (resolver, asked) = (self.clone(), name.to_owned());
        let look_up = move || {
            let found = find(&asked);
            // Cleared before the answer is sent: a task that has the answer and asks again gets a new lookup.
            *lock(&resolver.current) = None;
            tell.send_replace(Some(found));
        };
        start_thread("overspill-resolver", look_up)
            .map_err(|error| format!("no thread to look up a name: {error}"))?;
        *current = Some(LookUp { name: name.to_owned(), answer: answer.clone() });
        Ok(answer)
    }
}

/// What the system answers: its hosts file, its name servers.
fn system(name: &str) -> LookUpAnswer {
    match (name, 0).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Duration;

    static ANSWERS: AtomicBool = AtomicBool::new(false);
    static THREADS: AtomicU64 = AtomicU64::new(0);

    fn hangs(_: &str) -> LookUpAnswer {
        THREADS.fetch_add(1, Ordering::Relaxed);
        for _ in 0..20_000 {
            if ANSWERS.load(Ordering::Relaxed) {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Ok(Vec::new())
    }

    #[tokio::test]
    async fn while_a_lookup_hangs_further_requests_wait_for_it_and_there_is_one_thread() {
        let resolver = Resolver::default();
        let name = |_| {
            let resolver = resolver.clone();
            tokio::spawn(async move { resolver.look_up_by("name", hangs).await })
        };
        let askers: Vec<_> = (0..100).map(name).collect();
        while THREADS.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let other = resolver.look_up_by("other", hangs).await;
        assert!(other.unwrap_err().contains("another name"), "and a name of one's own is not worth another");
        ANSWERS.store(true, Ordering::Relaxed);
        for asker in askers {
            assert_eq!(asker.await.unwrap(), Ok(Vec::new()));
        }
        assert_eq!(THREADS.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_lookup_that_breaks_off_is_an_error_and_the_next_one_starts_over() {
        let resolver = Resolver::default();
        let broken = resolver.look_up_by("name", |_| panic!("a resolver")).await;
        assert_eq!(broken, Err("the lookup was interrupted".to_owned()));
        let address = SocketAddr::from(([192, 0, 2, 1], 0));
        assert_eq!(
            resolver.look_up_by("name", |_| Ok(vec![([192, 0, 2, 1], 0).into()])).await,
            Ok(vec![address])
        );
        assert!(!resolver.look_up("localhost").await.unwrap().is_empty());
    }
}
