//! Checks the law from outside the service, by reading back the endpoint's file and the service's log.

use super::Failure;
use super::endpoint::TAKEN;
use overspill::MaybeDelivered;
use overspill::spill::Records;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

/// The service's log, and its final counters.
pub const LOG: &str = "service.log";
pub const BOOKS: &str = "books.json";

/// Checks the law and returns a description for the guide.
///
/// # Errors
/// If an event is in neither place, or in both without a mark, or twice in one; or if a part of the service emitted nothing.
pub fn judge(out: &Path) -> Result<String, Failure> {
    let taken = String::from_utf8(fs::read(out.join(TAKEN))?)?;
    let mut at_endpoint = BTreeSet::new();
    let mut kinds = [0_u64; 3];
    for line in taken.lines() {
        let (id, json) = line.split_once('\t').ok_or("the endpoint accepted a line without an id")?;
        if !at_endpoint.insert(id.to_owned()) {
            return Err(format!("{id} was delivered twice").into());
        }
        kinds[kind(json)] += 1;
    }
    let (mut in_log, mut doubtful) = (BTreeSet::new(), BTreeSet::new());
    for event in Records::new(BufReader::new(File::open(out.join(LOG))?)).joined() {
        let event = event?;
        let id = format!("{}-{}", event.client, event.seq);
        if event.maybe_delivered == MaybeDelivered::Yes {
            doubtful.insert(id.clone());
        }
        serde_json::from_str::<Value>(&event.event)
            .map_err(|error| format!("{id} cannot be read back: {error}"))?;
        kinds[kind(&event.event)] += 1;
        if !in_log.insert(id.clone()) {
            return Err(format!("{id} is in the log twice").into());
        }
    }
    let books: Value = serde_json::from_str(&fs::read_to_string(out.join(BOOKS))?)?;
    let number = |name: &str| books[name].as_u64().unwrap_or(u64::MAX);
    let unmarked: Vec<&String> =
        at_endpoint.intersection(&in_log).filter(|id| !doubtful.contains(*id)).collect();
    let found = at_endpoint.union(&in_log).count() as u64;
    let told = format!(
        "\nOf {} events {} are at the endpoint and {} in the log; {} of these are marked `maybe_delivered`, and {} are in both places. \
         Together they are {found}: {} of tracing's, {} requests, {} series of metrics.\n",
        number("emitted"),
        at_endpoint.len(),
        in_log.len(),
        doubtful.len(),
        at_endpoint.intersection(&in_log).count(),
        kinds[0],
        kinds[1],
        kinds[2]
    );
    let holds = found == number("emitted")
        && in_log.len() as u64 == number("spilled")
        && number("lost") == 0
        && number("pending") == 0
        && unmarked.is_empty();
    if !holds {
        return Err(format!("the law does not hold: {unmarked:?} {books}").into());
    }
    if kinds.contains(&0) {
        return Err(format!("a part of the service emitted nothing: {kinds:?}").into());
    }
    Ok(told)
}

/// Which part emitted it.
fn kind(json: &str) -> usize {
    match json {
        _ if json.contains("order placed") => 0,
        _ if json.contains("duration_ms") => 1,
        _ => 2,
    }
}
