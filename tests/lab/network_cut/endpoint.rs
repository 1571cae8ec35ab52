//! The endpoint, in its namespace: keeps the ids that it answered with 200, reports at which of its addresses they arrive, and
//! writes them to a file when its input ends.

use super::Failure;
use super::conductor::{Said, say};
use super::ids::{Ids, ids_in};
use super::network::{ENDPOINT, ENDPOINT_TOO, PORT};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Seen {
    ids: Ids,
    /// The address at which the last request arrived.
    address: &'static str,
}

type Shared = Arc<Mutex<Seen>>;

async fn take(State((seen, address)): State<(Shared, &'static str)>, body: Bytes) {
    let ids = ids_in(&body);
    let Ok(mut seen) = seen.lock() else { return };
    ids.into_iter().for_each(|id| seen.ids.insert(id));
    if seen.address != address {
        seen.address = address;
        say(&Said::Arrived { address: address.to_owned() });
    }
}

pub fn run(out: &Path) -> Result<(), Failure> {
    let seen = Shared::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for address in [ENDPOINT, ENDPOINT_TOO] {
        let router = Router::new().route("/v1/events", post(take)).with_state((Arc::clone(&seen), address));
        let listener = runtime.block_on(tokio::net::TcpListener::bind((address, PORT)))?;
        runtime.spawn(async move { axum::serve(listener, router).await });
    }
    say(&Said::Ready);
    // Waits until the conductor is done.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let seen = seen.lock().map_err(|_| "a request panicked")?;
    serde_json::to_writer(std::fs::File::create(out.join("endpoint.json"))?, &seen.ids)?;
    Ok(())
}
