//! A function of a function-as-a-service: its process is frozen between two calls, and may be ended while it is.
//!
//! What is emitted in a call is settled before the call returns: one `flush_blocking` with a deadline that the call can afford. What a
//! freeze does to connections and timers is not the function's concern. This program plays the platform, and starts itself as the function.
#![allow(missing_docs, reason = "an example has no outside")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is there to be looked at")]

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

    /// Built once for the process, which serves many calls. A line of standard input is a call.
    pub(crate) fn run(endpoint: &str) -> Outcome {
        tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
        let events = Client::builder(endpoint).override_from_env()?.build()?;
        let _guard = events.shutdown_on_drop(WITHIN);
        for line in std::io::stdin().lock().lines() {
            let call: u64 = line?.parse()?;
            events.emit(&Called { call });
            // The batch in the making waits for no company then.
            if events.mode() == Mode::On && events.flush_blocking(WITHIN).is_err() {
                // Late, and not lost: it is delivered or written down after the thaw, or by the guard.
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
        return Err("a function without pipes".into());
    };
    let mut answers = BufReader::new(answers).lines();
    let pid = function.id().to_string();
    for call in 1..=4 {
        writeln!(calls, "{call}")?;
        answers.next().ok_or("the function has ended")??;
        println!("call {call} has returned; {} events are at the endpoint", taken.len());
        Command::new("kill").args(["-STOP", &pid]).status()?;
        if call % 2 == 0 {
            println!("    frozen; the endpoint closes the function's connections meanwhile");
            endpoint.hang_up();
        }
        // The freeze.
        std::thread::sleep(Duration::from_millis(200));
        Command::new("kill").args(["-CONT", &pid]).status()?;
    }
    drop(calls);
    function.wait()?;
    println!("{} of 4 events were delivered", taken.len());
    if taken.len() == 4 { Ok(()) } else { Err("the others are in the log above".into()) }
}

#[cfg(not(unix))]
fn main() -> Outcome {
    println!("The freeze is played by SIGSTOP, which is for Unix.");
    Ok(())
}
