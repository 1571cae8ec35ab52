//! Records and parts for tests of a `SpillSink`, or of code that reads records, without a client.

use super::{LogLevel, Record, SpilledPart};
use crate::outcome::{MaybeDelivered, Reason};
use std::time::SystemTime;

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl<'a> Record<'a> {
    /// The record of an event with this JSON, whole, spilled in an outage at the beginning of 1970: for testing your own
    /// [`SpillSink`](super::SpillSink). Set the fields that matter to it.
    ///
    /// ```
    /// use overspill::{Reason, SpillSink, spill::{Record, WriteSink}};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sink = WriteSink::new(Vec::new()); // yours
    /// let mut record = Record::of_event(r#"{"order":7}"#);
    /// (record.seq, record.reason) = (41, Reason::Timeout);
    /// sink.write(&record)?;
    /// assert!(serde_json::to_string(&record)?.contains(r#""spill_seq":41,"spill_batch":0,"spill_reason":"timeout""#));
    /// # Ok(()) }
    /// ```
    pub fn of_event(event: &'a str) -> Record<'a> {
        Record {
            level: LogLevel::default(),
            written_at: SystemTime::UNIX_EPOCH,
            client: "0000000000000000",
            seq: 0,
            batch: 0,
            reason: Reason::Outage,
            maybe_delivered: MaybeDelivered::No,
            emitted_at: SystemTime::UNIX_EPOCH,
            age_ms: 0,
            detail: "",
            part: 1,
            parts: 1,
            events: 1,
            redacted: false,
            name: None,
            common: None,
            event,
        }
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl SpilledPart {
    /// What [`read_line`](super::read_line) returns for the line of [`Record::of_event`]: for testing code that puts events back. Set the
    /// fields that matter to it.
    ///
    /// ```
    /// use overspill::spill::{SpilledPart, join};
    ///
    /// let (mut begins, mut ends) = (SpilledPart::of_event(r#"{"order""#), SpilledPart::of_event(":7}"));
    /// (begins.parts, ends.parts, ends.part) = (2, 2, 2);
    /// assert_eq!(join([ends, begins])[0].event, r#"{"order":7}"#);
    /// ```
    pub fn of_event(event: impl Into<String>) -> SpilledPart {
        let event = event.into();
        let record = Record::of_event("");
        SpilledPart {
            client: record.client.to_owned(),
            seq: record.seq,
            batch: record.batch,
            reason: record.reason,
            maybe_delivered: record.maybe_delivered,
            emitted_at: record.emitted_at,
            age_ms: record.age_ms,
            detail: record.detail.to_owned(),
            part: record.part,
            parts: record.parts,
            events: record.events,
            redacted: record.redacted,
            name: None,
            common: None,
            event,
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_record_made_for_a_test_reads_back_as_the_part_made_for_one() {
        let line = serde_json::to_string(&Record::of_event(r#"{"order":7}"#)).unwrap();
        assert_eq!(crate::spill::read_line(&line), Some(SpilledPart::of_event(r#"{"order":7}"#)));
    }
}
