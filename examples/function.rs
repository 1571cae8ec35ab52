//! A serverless function: the platform freezes its process between calls, and may kill it while it is frozen.
//!
//! Events emitted during a call are settled before the call returns: one `flush_blocking`, with a deadline that the call can afford.
//! The function need not care what a freeze does to connections and timers. This program plays the platform and starts itself as
//! the function.
#![allow(missing_docs, reason = "an example has no public API")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the output is the point")]

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[cfg(unix)]
mod function {
    use super::Outcome;
    use overspill::{Client, Mode};
    use std::io::BufRead;
    use std::time::Duration;

    /// How long a call may wait for its telemetry.
    const WITHIN: Duration = Duration::from_millis(500);

    #[derive(serde::Serialize)]
    struct Called {
        call: u64,
    }

    /// The client is built once for the process, which serves many calls. Each line of standard input is a call.
    pub(crate) fn run(endpoint: &str) -> Outcome {
        tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
        let events = Client::builder(endpoint).override_from_env()?.build()?;
        let _guard = events.shutdown_on_drop(WITHIN);
        for line in std::io::stdin().lock().lines() {
            let call: u64 = line?.parse()?;
            events.emit(&Called { call });
            // A flush posts a partly filled batch at once.
            if events.mode() == Mode::On && events.flush_blocking(WITHIN).is_err() {
                // Late but not lost: the events are delivered or written to the log after the thaw, or by the guard.
                eprintln!("call {call}: its events are still on their way");
            }
            println!("{call}");
        }
        Ok(())
    }
}

#[cfg(unix)]
fn main() -> Outcome {
    use overspill::testkit::{Act, Endpoint, Taken};
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};
    use std::time::Duration;

    if let Some(endpoint) = std::env::args().nth(1) {
        return function::run(&endpoint);
    }
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_request| Act::Status(200)))?;
    let mut function = Command::new(std::env::current_exe()?)
        .arg(endpoint.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut calls), Some(answers)) = (function.stdin.take(), function.stdout.take()) else {
        return Err("the function has no pipes".into());
    };
    let mut answers = BufReader::new(answers).lines();
    let pid = function.id().to_string();
    for call in 1..=4 {
        writeln!(calls, "{call}")?;
        answers.next().ok_or("the function has ended")??;
        println!("call {call} has returned; {} events are at the endpoint", taken.len());
        Command::new("kill").args(["-STOP", &pid]).status()?;
        if call % 2 == 0 {
            println!("    frozen; meanwhile the endpoint closes the function's connections");
            endpoint.hang_up();
        }
        // The freeze.
        std::thread::sleep(Duration::from_millis(200));
        Command::new("kill").args(["-CONT", &pid]).status()?;
    }
    drop(calls);
    function.wait()?;
    println!("{} of 4 events were delivered", taken.len());
    if taken.len() == 4 { Ok(()) } else { Err("the rest are in the log above".into()) }
}

#[cfg(not(unix))]
fn main() -> Outcome {
    println!("This example freezes the function with SIGSTOP, which only Unix has.");
    Ok(())
}
