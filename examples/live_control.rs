//! Switches the mode of a running service by an HTTP route, a signal and a file. Each takes a dozen lines that you can copy. Here the
//! program is its own operator, and exits after all three have worked.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Router, routing::put};
use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Mode};
use std::path::PathBuf;
use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// `curl -X PUT http://.../events/mode/log_only`: put it where only operators have access.
fn by_route(events: Client) -> Router {
    async fn set(State(events): State<Client>, Path(word): Path<String>) -> (StatusCode, String) {
        match word.parse() {
            Ok(mode) => {
                events.set_mode(mode);
                (StatusCode::OK, mode.to_string())
            }
            Err(unknown) => (StatusCode::BAD_REQUEST, unknown.to_string()),
        }
    }
    Router::new().route("/events/mode/{mode}", put(set)).with_state(events)
}

/// `kill -USR1 PID`: one step on, from on to log_only to off to on. The handler is installed when this returns.
#[cfg(unix)]
fn by_signal(events: Client) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut told = signal(SignalKind::user_defined1())?;
    tokio::spawn(async move {
        while told.recv().await.is_some() {
            events.set_mode(match events.mode() {
                Mode::On => Mode::LogOnly,
                Mode::LogOnly => Mode::Off,
                Mode::Off => Mode::On,
            });
        }
    });
    Ok(())
}

/// `echo log_only > FILE`, or a ConfigMap. The few bytes are read each time, because modification times are coarse: they would hide
/// a second change, or the second half of one, within the same tick.
async fn by_file(events: Client, path: PathBuf, every: Duration) {
    let mut last = String::new();
    loop {
        // A missing or half-written file changes nothing.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text != last {
            match text.trim().parse() {
                Ok(mode) => events.set_mode(mode),
                Err(unknown) => println!("{}: {unknown}", path.display()),
            }
            last = text;
        }
        tokio::time::sleep(every).await;
    }
}

#[tokio::main]
async fn main() -> Outcome {
    tracing_subscriber::fmt().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;
    let events = Client::builder(endpoint.url()).override_from_env()?.mode(Mode::On).build()?;
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/events/mode/Log-Only", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, by_route(events.clone())).into_future());
    println!("PUT {url}: {}", reqwest::Client::new().put(&url).send().await?.status());
    becomes(&events, Mode::LogOnly).await?;

    #[cfg(unix)]
    {
        by_signal(events.clone())?;
        let pid = std::process::id().to_string();
        println!("kill -USR1 {pid}: {}", std::process::Command::new("kill").args(["-USR1", &pid]).status()?);
        becomes(&events, Mode::Off).await?;
    }

    let path = std::env::temp_dir().join(format!("overspill-mode-{}", std::process::id()));
    tokio::spawn(by_file(events.clone(), path.clone(), Duration::from_millis(20)));
    std::fs::write(&path, "on\n")?;
    println!("echo on > {}", path.display());
    let switched = becomes(&events, Mode::On).await;
    std::fs::remove_file(&path)?;
    switched
}

/// Waits until the client has the mode that the operator set.
async fn becomes(events: &Client, mode: Mode) -> Outcome {
    let arrived = async {
        while events.mode() != mode {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrived).await?;
    println!("    and the mode is {mode}");
    Ok(())
}
