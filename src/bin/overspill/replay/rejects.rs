//! Events that the endpoint refuses: a file of records, readable by `overspill replay` and any other reader of the log.

use crate::exit::CommandFailure;
use overspill::MaybeDelivered;
use overspill::spill::{Joined, Record, Rfc3339};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file, created when the first event is refused.
#[derive(Debug)]
pub(crate) struct Rejects {
    path: PathBuf,
    file: Option<File>,
}

impl Rejects {
    pub(crate) fn new(path: &Path) -> Rejects {
        Rejects { path: path.to_owned(), file: None }
    }

    /// Appends the events with the endpoint's words; when it returns, they are on the disk.
    pub(crate) fn add(&mut self, refused: &[(&Joined, &str, MaybeDelivered)]) -> Result<(), CommandFailure> {
        if refused.is_empty() {
            return Ok(());
        }
        let failed = |error: std::io::Error| CommandFailure::in_the_middle(&self.path, &error);
        let file = match &mut self.file {
            Some(file) => file,
            None => self
                .file
                .insert(OpenOptions::new().create(true).append(true).open(&self.path).map_err(failed)?),
        };
        let now = SystemTime::now();
        let lines: String =
            refused.iter().map(|(event, words, maybe)| line_of(event, words, *maybe, now) + "\n").collect();
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
    }
}

/// A record. Long events take one line too, because nothing cuts the lines of this file.
fn line_of(event: &Joined, words: &str, maybe: MaybeDelivered, now: SystemTime) -> String {
    let age = now.duration_since(event.emitted_at).unwrap_or_default();
    let mut record = json!({
        "timestamp": Rfc3339(now).to_string(),
        "level": "WARN",
        "target": overspill::SPILL_TARGET,
        "message": "event refused by the endpoint of a replay",
        "spill_v": Record::V,
        "spill_client": event.client,
        "spill_seq": event.seq,
        "spill_batch": event.batch,
        "spill_reason": "refused",
        "spill_maybe_delivered": maybe == MaybeDelivered::Yes || event.maybe_delivered == MaybeDelivered::Yes,
        "spill_emitted_at": Rfc3339(event.emitted_at).to_string(),
        "spill_age_ms": u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        "spill_detail": words,
        "spill_part": 1,
        "spill_parts": 1,
        "spill_events": 1,
        "spill_redacted": event.redacted,
        "spill_event": event.event,
    });
    for (name, value) in [("spill_name", &event.name), ("spill_common", &event.common)] {
        if let Some(value) = value {
            record[name] = json!(value);
        }
    }
    record.to_string()
}
