//! A handmade log of three pods of a service in two outages, for the guide, the page and its picture: always the same.

use overspill::spill::{Record, Rfc3339};
use overspill::{MaybeDelivered, Reason};
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2026-11-26, 21:00:00 UTC.
const START: u64 = 1_795_726_800;
const PODS: [&str; 3] = ["a1b2c3d4e5f60718", "0f1e2d3c4b5a6978", "5566778899aabbcc"];
const NAMES: [&str; 5] = ["order_placed", "order_placed", "order_placed", "payment_failed", "login"];

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(START) + Duration::from_millis((seconds * 1_000.0) as u64)
}

/// A pod's outage.
struct Outage {
    from: f64,
    to: f64,
    reason: Reason,
    detail: &'static str,
}

const OUTAGES: [Outage; 2] = [
    Outage { from: 240.0, to: 980.0, reason: Reason::Connect, detail: "Connection refused (os error 111)" },
    Outage { from: 1_860.0, to: 1_930.0, reason: Reason::Unavailable, detail: "status 503" },
];

#[derive(Default)]
struct Pod {
    nth: usize,
    seq: u64,
    spilled: u64,
    text: Vec<(f64, String)>,
}

impl Pod {
    fn notice(&mut self, seconds: f64, text: &str) {
        let line = format!(
            r#"{{"timestamp":"{}","level":"WARN","target":"overspill::notice","message":"{text}","spill_client":"{}"}}"#,
            Rfc3339(at(seconds)),
            PODS[self.nth]
        );
        self.text.push((seconds, line));
    }

    fn spill(&mut self, seconds: f64, reason: Reason, detail: &str, maybe: MaybeDelivered) {
        let name = NAMES[self.seq as usize % NAMES.len()];
        let event =
            format!(r#"{{"event.name":"{name}","order":{},"pod":{}}}"#, 1_000 + self.seq * 7, self.nth);
        let mut record = Record::of_event(&event);
        record.written_at = at(seconds + 0.2);
        record.client = PODS[self.nth];
        record.seq = self.seq;
        record.batch = self.seq / 100 + 1;
        record.reason = reason;
        record.maybe_delivered = maybe;
        record.emitted_at = at(seconds);
        record.age_ms = 200;
        record.detail = detail;
        self.text.push((seconds + 0.2, serde_json::to_string(&record).unwrap()));
        self.spilled += 1;
    }

    fn live(mut self) -> Vec<(f64, String)> {
        let mut spilled_before = 0;
        // Four events a second; three on the other pods, so that the pods differ.
        for tick in 0..2_400 * 4 {
            let seconds = f64::from(tick) / 4.0 + self.nth as f64 * 0.05;
            if tick % 4 == 3 && self.nth > 0 {
                continue;
            }
            let noticed = |outage: &Outage| seconds - outage.from - 1.0;
            match OUTAGES.iter().find(|outage| outage.from <= seconds && seconds < outage.to + 0.9) {
                None => {}
                Some(outage) => {
                    let probe = seconds >= outage.from + 1.0 && (noticed(outage) % 1.5) < 0.25;
                    if seconds < outage.from + 0.25 {
                        self.notice(
                            outage.from + 0.9,
                            &format!(
                                "outage began: {}: {}; events go to the log until a probe succeeds",
                                outage.reason, outage.detail
                            ),
                        );
                        spilled_before = self.spilled;
                    }
                    let (reason, detail) = match seconds - outage.from {
                        0.0..0.5 if outage.from > 1_000.0 => (Reason::Timeout, "no answer within 10 s"),
                        0.0..1.0 => (outage.reason, outage.detail),
                        _ if probe => (outage.reason, outage.detail),
                        _ => (Reason::Outage, ""),
                    };
                    let maybe =
                        if reason == Reason::Timeout { MaybeDelivered::Yes } else { MaybeDelivered::No };
                    self.spill(seconds, reason, detail, maybe);
                }
            }
            for outage in &OUTAGES {
                if (outage.to + 0.9..outage.to + 1.15).contains(&(seconds - self.nth as f64 * 0.05)) {
                    let lasted = outage.to + 1.0 - outage.from;
                    let spilled = self.spilled - spilled_before;
                    self.notice(outage.to + 1.3, &format!("outage ended after {lasted:.1} s: delivered 6, spilled {spilled} (outage {spilled}), lost 0"));
                }
            }
            self.seq += 1;
        }
        self.text
    }
}

/// The log, with a service's other lines; `lost` lines of the second pod are missing in the middle of the first outage.
pub fn log(lost: usize) -> String {
    let mut lines: Vec<(f64, String)> =
        (0..PODS.len()).flat_map(|nth| Pod { nth, ..Pod::default() }.live()).collect();
    for request in 0..4_800 {
        let seconds = f64::from(request) / 2.0;
        let line = format!(
            r#"{{"timestamp":"{}","level":"INFO","target":"orders::http","message":"GET /orders/{request} 200","took_ms":{}}}"#,
            Rfc3339(at(seconds)),
            3 + request % 11
        );
        lines.push((seconds, line));
    }
    lines.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut gone = 0;
    let mut text = String::new();
    for (seconds, line) in lines {
        if seconds > 600.0 && gone < lost && line.contains(PODS[1]) && line.contains("overspill::spill") {
            gone += 1;
            continue;
        }
        let _ = writeln!(text, "{line}");
    }
    text
}
