//! The tower layer emits one event per request, however the request ends, and leaves the service's behaviour as it was.

use crate::support::*;
use axum::Router;
use axum::extract::MatchedPath;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use overspill::request_events::{RequestEvents, RequestEventsLayer, limits};
use overspill::{Client, MaybeDelivered, Mode};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tower::{Layer, Service, ServiceExt, service_fn};

#[derive(Debug, Clone, Deserialize)]
struct Served {
    method: String,
    route: Option<String>,
    status: Option<u16>,
    duration_ms: f64,
    outcome: String,
}

/// The reported requests, at the endpoint and in the log.
///
/// An event that was answered as the endpoint went away is in both places; it is here once, and the log must say that
/// it may be delivered.
fn served(world: &World) -> Vec<Served> {
    let taken = world.taken.events();
    let at_endpoint: BTreeSet<&str> = taken.iter().map(String::as_str).collect();
    let mut all: Vec<Served> = taken.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    for joined in world.log.events() {
        if at_endpoint.contains(joined.event.as_str()) {
            assert_eq!(joined.maybe_delivered, MaybeDelivered::Yes, "in both places: {joined:?}");
        } else {
            all.push(serde_json::from_str(&joined.event).unwrap());
        }
    }
    all
}

/// The law: each request that began is reported once, with the routes as ids.
#[track_caller]
fn assert_told(world: &World, client: &Client, ids: impl IntoIterator<Item = String>) -> Vec<Served> {
    let stats = client.shutdown_blocking(LONG);
    assert_settled(&stats, &world.taken, &world.log);
    assert_eq!((stats.lost, stats.pending), (0, 0), "{stats}");
    let served = served(world);
    let told: Vec<String> = served.iter().filter_map(|one| one.route.clone()).collect();
    let set: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(told.len(), set.len(), "reported twice: {told:?}");
    assert_eq!(set, ids.into_iter().collect());
    assert_eq!(stats.emitted, served.len() as u64, "{stats}");
    served
}

/// Reports the path as the route; here it is an id.
fn by_path(client: &Client) -> RequestEventsLayer {
    RequestEventsLayer::new(client).route(|request| Some(request.uri.path()))
}

fn request(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Like [`until`], where a server runs on this thread.
async fn await_until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < LONG, "{what} did not happen within {LONG:?}");
        // The polling interval.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn each_request_of_an_axum_service_has_one_event_with_its_route_and_not_its_path() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let (entered, tell) = tokio::sync::oneshot::channel();
    let entered = Arc::new(std::sync::Mutex::new(Some(entered)));
    let hangs = move || {
        let _ = entered.lock().unwrap().take().map(|entered| entered.send(()));
        pending::<&'static str>()
    };
    let app: Router = Router::new()
        .route("/orders/{id}", get(async || "an order"))
        .route("/fails", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/panics", get(async || -> &'static str { panic!("the test's handler panics") }))
        .route("/hangs", get(hangs))
        .layer(
            RequestEventsLayer::new(&client)
                .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str)),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let http = reqwest::Client::new();
    let url = |path: &str| format!("http://{address}{path}");
    assert_eq!(http.get(url("/orders/secret-7")).send().await.unwrap().text().await.unwrap(), "an order");
    assert_eq!(http.put(url("/orders/8")).send().await.unwrap().status(), 405);
    assert_eq!(http.get(url("/token/secret-9")).send().await.unwrap().status(), 404);
    assert_eq!(http.get(url("/fails")).send().await.unwrap().status(), 500);
    assert!(
        http.get(url("/panics")).send().await.is_err(),
        "the connection of a handler that panicked is closed"
    );
    let mut leaves = tokio::net::TcpStream::connect(address).await.unwrap();
    leaves.write_all(b"GET /hangs HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    tell.await.unwrap();
    drop(leaves);
    // The server runs on this thread.
    await_until("an event of each request", || client.stats().emitted == 6).await;
    server.abort();
    let stats = client.shutdown(LONG).await;
    assert_settled(&stats, &world.taken, &world.log);
    let mut told: Vec<_> =
        served(&world).into_iter().map(|one| (one.method, one.route, one.status, one.outcome)).collect();
    told.sort();
    let one = |method: &str, route: Option<&str>, status, outcome: &str| {
        (method.to_owned(), route.map(str::to_owned), status, outcome.to_owned())
    };
    assert_eq!(
        told,
        [
            one("GET", None, Some(404), "client_error"),
            one("GET", Some("/fails"), Some(500), "server_error"),
            one("GET", Some("/hangs"), None, "cancelled"),
            one("GET", Some("/orders/{id}"), Some(200), "ok"),
            one("GET", Some("/panics"), None, "panicked"),
            one("PUT", Some("/orders/{id}"), Some(405), "client_error"),
        ]
    );
    let all = world.taken.events().join("\n");
    assert!(!all.contains("secret") && all.contains(r#""event.name":"http_request""#), "{all}");
}

#[tokio::test]
async fn bodies_errors_and_readiness_pass_through_unchanged() {
    #[derive(Debug, PartialEq)]
    struct Own(&'static str);
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let inner = service_fn(|request: Request<&'static str>| async move {
        match *request.body() {
            "bad" => Err(Own("bad")),
            body => Ok(Response::new(body.len())),
        }
    });
    let mut service = by_path(&client).name("asked").layer(inner);
    let asked = |path: &str, body| Request::get(path).body(body).unwrap();
    assert_eq!(service.ready().await.unwrap().call(asked("/1", "good")).await.unwrap().into_body(), 4);
    assert_eq!(service.ready().await.unwrap().call(asked("/2", "bad")).await.unwrap_err(), Own("bad"));
    // A clone reports as well.
    service.clone().oneshot(asked("/3", "")).await.unwrap();

    struct NeverReady;
    impl Service<Request<()>> for NeverReady {
        type Response = Response<()>;
        type Error = Own;
        type Future = std::future::Ready<Result<Response<()>, Own>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Own>> {
            Poll::Ready(Err(Own("overloaded")))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Ok(Response::new(())))
        }
    }
    let mut busy: RequestEvents<NeverReady> = by_path(&client).layer(NeverReady);
    assert_eq!(busy.ready().await.err().unwrap(), Own("overloaded"));

    let served = assert_told(&world, &client, ["/1", "/2", "/3"].map(str::to_owned));
    let of = |route: &str| served.iter().find(|one| one.route.as_deref() == Some(route)).unwrap();
    assert_eq!((of("/1").status, of("/1").outcome.as_str()), (Some(200), "ok"));
    assert_eq!((of("/2").status, of("/2").outcome.as_str()), (None, "error"));
    assert!(world.taken.events().join("").contains(r#""event.name":"asked""#));
}

#[test]
fn a_request_that_is_dropped_or_panics_is_reported_once_wherever_that_happens() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let hangs = service_fn(|_: Request<()>| pending::<Result<Response<()>, Infallible>>());
    let mut service = by_path(&client).layer(hangs);
    drop(service.call(request("/never-polled")));
    {
        let mut waiting = pin!(service.call(request("/polled")));
        assert!(poll_once(waiting.as_mut()).is_pending());
    }
    // A panic in `poll` that its poller catches, as tokio does, before it drops the future.
    let panics = service_fn(|_: Request<()>| async {
        panic!("the test's service panics") as Result<Response<()>, Infallible>
    });
    let mut service = by_path(&client).layer(panics);
    let mut polled = Box::pin(service.call(request("/panics-in-poll")));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(polled.as_mut()))).is_err());
    drop(polled);
    struct PanicsInCall;
    impl Service<Request<()>> for PanicsInCall {
        type Response = Response<()>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<()>, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            panic!("the test's service panics")
        }
    }
    let mut service = by_path(&client).layer(PanicsInCall);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(service.call(request("/panics-in-call"))))).is_err());
    let ids = ["/never-polled", "/panics-in-call", "/panics-in-poll", "/polled"];
    let mut served = assert_told(&world, &client, ids.map(str::to_owned));
    served.sort_by_key(|one| one.route.clone());
    let outcomes: Vec<&str> = served.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(outcomes, ["cancelled", "panicked", "panicked", "cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn the_duration_ends_at_the_answers_head_and_the_length_of_a_route_is_bounded() {
    let (log, taken) = (Spilled::default(), Taken::default());
    let client =
        Client::builder("http://127.0.0.1:9/").spill_sink(log.clone()).mode(Mode::LogOnly).build().unwrap();
    let answers = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
    let long = Box::leak(format!("/{}", "x".repeat(5_000)).into_boxed_str());
    let routes: [&'static str; 2] = ["/orders/{id}", long];
    for route in routes {
        let layer = RequestEventsLayer::new(&client).route(move |_| Some(route));
        layer.layer(answers).oneshot(request("/")).await.unwrap();
    }
    let panics = RequestEventsLayer::new(&client).route(|_| panic!("the test's route panics"));
    assert!(panics.layer(answers).oneshot(request("/")).await.is_ok(), "the request succeeds");
    let stats = client.shutdown_blocking(LONG);
    assert_settled(&stats, &taken, &log);
    let events = log.events();
    let served: Vec<Served> =
        events.iter().map(|joined| serde_json::from_str(&joined.event).unwrap()).collect();
    let routes: Vec<Option<usize>> = served.iter().map(|one| one.route.as_ref().map(String::len)).collect();
    assert_eq!(routes, [Some(12), Some(limits::ROUTE_BYTES_MAX), None]);
    assert!(served.iter().all(|one| (0.0..10_000.0).contains(&one.duration_ms)), "{served:?}");
}

#[tokio::test]
async fn in_mode_off_nothing_is_emitted_and_no_route_is_looked_up() {
    let asked = Arc::new(AtomicU64::new(0));
    let client = Client::builder("http://127.0.0.1:9/").mode(Mode::Off).build().unwrap();
    let count = Arc::clone(&asked);
    let layer = RequestEventsLayer::new(&client).route(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        None
    });
    let answers = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
    layer.layer(answers).oneshot(request("/")).await.unwrap();
    let stats = client.shutdown(LONG).await;
    assert_eq!((stats.emitted, asked.load(Ordering::Relaxed)), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_endpoint_and_requests_each_request_is_at_the_endpoint_or_in_the_log() {
    const REQUESTS: u64 = 600;
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let inner = service_fn(|request: Request<()>| async move {
        let nth: u64 = request.uri().path()[1..].parse().unwrap();
        match nth % 5 {
            // Bypasses the panic hook: 120 backtraces are not part of the test.
            0 => resume_unwind(Box::new("the test's service panics")),
            1 => pending().await,
            2 => Err("an error"),
            3 => Ok(Response::builder().status(503).body(()).unwrap()),
            _ => {
                tokio::task::yield_now().await;
                Ok(Response::new(()))
            }
        }
    });
    let service = by_path(&client).layer(inner);
    for half in [0..REQUESTS / 2, REQUESTS / 2..REQUESTS] {
        let one = |nth| {
            let one = service.clone().oneshot(request(&format!("/{nth}")));
            // Gives up requests that never end; the others get the time that panics and their backtraces need.
            let patience = if nth % 5 == 1 { Duration::from_millis(20) } else { LONG };
            tokio::spawn(async move { tokio::time::timeout(patience, one).await })
        };
        let tasks: Vec<_> = half.map(one).collect();
        for task in tasks {
            let _ = task.await;
        }
        await_until("a delivery", || !world.taken.is_empty()).await;
        // Some of the events so far are still in flight.
        endpoint.refuse();
    }
    let served = assert_told(&world, &client, (0..REQUESTS).map(|nth| format!("/{nth}")));
    for one in &served {
        let nth: usize = one.route.as_ref().unwrap()[1..].parse().unwrap();
        let expected = ["panicked", "cancelled", "error", "server_error", "ok"][nth % 5];
        assert_eq!(one.outcome, expected, "{one:?}");
    }
    assert!(!world.taken.is_empty() && !world.log.events().is_empty(), "both places were needed");
}
