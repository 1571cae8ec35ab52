//! A service that emits an event per request and shuts down gracefully: the server first, then the client.
//!
//! Without arguments it sends itself a few requests and exits; `-- serve` runs until SIGTERM or ctrl-c.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use axum::extract::{MatchedPath, State};
use axum::{Router, routing::get};
use overspill::Client;
use overspill::request_events::RequestEventsLayer;
use overspill::testkit::{Act, Endpoint};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().json().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;

    let events = Client::builder(endpoint.url()).override_from_env()?.build()?;
    // Covers an early return; the normal shutdown is below.
    let _guard = events.shutdown_on_drop(Duration::from_secs(5));
    // One event per request, with its route rather than its path. An outage of the endpoint does not affect the request.
    let requests = RequestEventsLayer::new(&events)
        .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route("/stats", get(async |State(events): State<Client>| events.stats().to_string()))
        .layer(requests)
        .with_state(events.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}/");
    let server =
        tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(told_to_stop()).await });

    if std::env::args().nth(1).as_deref() != Some("serve") {
        for path in ["", "stats", "nowhere"] {
            let answer = reqwest::get(format!("http://{address}/{path}")).await?;
            println!("GET /{path}: {} {}", answer.status(), answer.text().await?);
        }
        server.abort();
    }
    let _ = server.await;
    // The last step before the process ends: deliver what is on its way, and write the rest to the log.
    let stats = events.shutdown(Duration::from_secs(5)).await;
    println!("{stats}");
    Ok(())
}

async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminated.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
