//! The endpoint's process: treats requests as the driver says, and keeps a record of what it accepted.

use super::weather::Weather;
use super::{Arguments, Failure};
use overspill::testkit::{Act, Endpoint, Received};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The endpoint's own record: each id that was answered with 200, as eight bytes, in the order of the answers.
pub fn record_path(out: &Path) -> PathBuf {
    out.join("endpoint.ids")
}

/// An outgoing connection of another process may occupy our port while we do not listen, but not for longer than this.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Event {
    id: u64,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let weather = Arc::new(Mutex::new(Weather::Up));
    let record = Mutex::new(File::create(record_path(&arguments.out))?);
    let now = Arc::clone(&weather);
    let endpoint = Endpoint::start(move |request| {
        let weather = *now.lock().unwrap_or_else(PoisonError::into_inner);
        answer(weather, request, &record).unwrap_or_else(|error| {
            // A request that cannot be read or recorded is not accepted. The driver's report will show its events as missing.
            let _ = writeln!(io::stderr(), "soak endpoint: {error}");
            Act::Status(500)
        })
    })?;
    say(&endpoint.url())?;
    for line in io::stdin().lock().lines() {
        let next: Weather = line?.parse()?;
        let before = {
            let mut weather = weather.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *weather, next)
        };
        match (before, next) {
            (Weather::Refused, Weather::Refused) => {}
            (_, Weather::Refused) => endpoint.refuse(),
            (Weather::Refused, _) => listen_again(&endpoint)?,
            // Hanging requests would otherwise hang until they time out.
            (Weather::Tarpit, _) => endpoint.hang_up(),
            _ => {}
        }
        say("done")?;
    }
    Ok(())
}

fn answer(weather: Weather, request: &Received, record: &Mutex<File>) -> Result<Act, Failure> {
    match weather {
        Weather::Up | Weather::Refused => {}
        // This weather is a delayed answer.
        Weather::Slow(millis) => std::thread::sleep(Duration::from_millis(millis)),
        Weather::Tarpit => return Ok(Act::Hang),
        Weather::Reset => return Ok(Act::Reset),
        Weather::Unavailable(0) => return Ok(Act::Status(503)),
        Weather::Unavailable(seconds) => {
            let head = format!("HTTP/1.1 503 Busy\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n");
            return Ok(Act::Bytes(head.into_bytes()));
        }
    }
    let events: Vec<Event> = serde_json::from_slice(&request.body)?;
    let ids: Vec<u8> = events.iter().flat_map(|event| event.id.to_le_bytes()).collect();
    // Recorded before the answer, and in one write: the record has what was answered, whatever happens next.
    record.lock().unwrap_or_else(PoisonError::into_inner).write_all(&ids)?;
    Ok(Act::Status(200))
}

fn listen_again(endpoint: &Endpoint) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match endpoint.accept() {
            // The pause before the next attempt.
            Err(_) if began.elapsed() < PORT_PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            result => return result,
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
