//! A `/metrics` page for Prometheus with the client's stats. The program fetches its own page once and exits.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Router, routing::get};
use overspill::Client;
use overspill::testkit::{Act, Endpoint};
use std::time::Duration;

/// The page in Prometheus's text format. Add your own metrics before or after it.
async fn metrics(State(events): State<Client>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], events.stats().prometheus_text())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;
    let events = Client::builder(endpoint.url()).build()?;
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));
    (0..1_000).for_each(|order| _ = events.emit(&order));
    events.flush(Duration::from_secs(5)).await?;

    let page = Router::new().route("/metrics", get(metrics)).with_state(events.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, page).await });

    let text = reqwest::get(&url).await?.text().await?;
    println!("GET {url}\n{text}");
    assert!(
        text.contains("\noverspill_events_delivered_total 1000\n"),
        "all events were delivered, and the page says so"
    );
    server.abort();
    Ok(())
}
