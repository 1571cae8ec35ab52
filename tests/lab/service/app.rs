//! The service: takes orders over HTTP, with every overspill feature that a service can use. Your own service would look like this.

use super::file::FileProvider;
use super::ids::WithIds;
use super::law::{BOOKS, LOG};
use super::{Arguments, Failure};
use axum::Router;
use axum::extract::{MatchedPath, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use open_feature::OpenFeature;
use overspill::Client;
use overspill::memory_watch::limits::MB;
use overspill::memory_watch::{Level, MemoryWatch};
use overspill::metrics_recorder::MetricsRecorder;
use overspill::request_events::RequestEventsLayer;
use overspill::toggle::Toggle;
use overspill::tracing_events::TracingEvents;
use overspill::tracing_layer::{SpillLayer, takes};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The flag in the file that the story writes.
pub const FLAG: &str = "orders-telemetry";
pub const FLAGS: &str = "flags";

/// What the page shows.
type Page = (Client, Arc<MemoryWatch>);

#[tokio::main]
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let events = Client::builder(&arguments.url)
        .format(WithIds)
        .connect_timeout(Duration::from_secs(1))
        .post_timeout(Duration::from_secs(2))
        .probe_interval_max(Duration::from_secs(1))
        .build()?;

    // The log: `SpillLayer` writes records and notices and reports failed writes; the usual layer writes the rest.
    // `telemetry = true` turns a log line into an event.
    let log = Arc::new(File::create(arguments.out.join(LOG))?);
    tracing_subscriber::registry()
        .with(SpillLayer::new(Arc::clone(&log)))
        .with(
            fmt::layer().json().with_writer(log).with_filter(filter_fn(|metadata| !takes(metadata.target()))),
        )
        .with(TracingEvents::builder(&events).marker("telemetry").build()?)
        .init();

    // Metrics become events too, one per series and second.
    let recorder = MetricsRecorder::builder(&events).interval(Duration::from_secs(1)).install()?;

    // An operator switches telemetry with a flag.
    let mut flags = OpenFeature::default();
    flags.set_provider(FileProvider::new(arguments.out.join(FLAGS))).await;
    let toggle = Toggle::builder(&events, flags.create_client())
        .mode_flag(FLAG)
        .interval(Duration::from_millis(200))
        .start()?;

    // Takes snapshots if memory grows.
    let watch = MemoryWatch::builder("orders", arguments.out.join("snapshots"))
        .client(&events)
        .threshold(Level::Bytes(200 * MB))
        .interval(Duration::from_millis(500))
        .start()?;
    let watch = Arc::new(watch);

    // Each request becomes an event, named by its route.
    let requests = RequestEventsLayer::new(&events)
        .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    let orders = Router::new().route("/orders/{order}", post(place)).layer(requests);
    let page = Router::new().route("/metrics", get(metrics)).with_state((events.clone(), watch));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, orders.merge(page)).with_graceful_shutdown(told_to_stop()).await?;

    // In this order: the recorder emits the last interval of the metrics, then the client settles it.
    drop(toggle);
    drop(recorder);
    let books = events.shutdown(Duration::from_secs(5)).await;
    std::fs::write(arguments.out.join(BOOKS), serde_json::to_vec(&books)?)?;
    Ok(())
}

async fn place(Path(order): Path<u64>) -> &'static str {
    metrics::counter!("orders_total", "currency" => "EUR").increment(1);
    metrics::histogram!("order_cents").record((order % 10_000) as f64);
    tracing::info!(telemetry = true, order, currency = "EUR", cents = order % 10_000, "order placed");
    "202 Accepted"
}

async fn metrics(State((events, watch)): State<Page>) -> impl IntoResponse {
    let text = events.stats().prometheus_text() + &watch.stats().prometheus_text();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// Waits for the end of its input.
async fn told_to_stop() {
    // On a thread, because a read from standard input cannot be cancelled.
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Only the end of the input matters. If nothing waits for it, the program is ending anyway.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = end.send(());
    });
    let _ = ended.await;
}
