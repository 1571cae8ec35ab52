//! The worst kind of log: lines torn, duplicated, out of order, cut by runtimes, wrapped, with any bytes between them. An event that is
//! read from it is one that was written to it, unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overspill::spill::{Entry, Joiner, Record, Records};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::BufReader;

const CLIENTS: [&str; 3] = ["0123456789abcdef", "fedcba9876543210", "00000000000000ff"];

/// The choices that the bytes make, one after the other; after their end all are 0.
struct Asked<'a>(std::slice::Iter<'a, u8>);

impl Asked<'_> {
    fn one_of(&mut self, choices: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % choices
    }

    fn text(&mut self, bytes: usize) -> String {
        let some: Vec<u8> = self.0.by_ref().take(bytes).copied().collect();
        String::from_utf8_lossy(&some).into_owned()
    }
}

/// The lines of an event, of one part or of several.
fn lines_of(client: &str, seq: u64, text: &str, parts: usize) -> Vec<String> {
    let cuts: Vec<usize> = (0..=parts).map(|nth| nth * text.len() / parts).collect();
    let cut = |at: usize| (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    cuts.windows(2)
        .zip(1..)
        .map(|(ends, part)| {
            let mut record = Record::of_event(&text[cut(ends[0])..cut(ends[1])]);
            (record.client, record.seq, record.part, record.parts) = (client, seq, part, parts as u32);
            serde_json::to_string(&record).unwrap()
        })
        .collect()
}

fn wrapped(line: &str, how: usize) -> Vec<String> {
    let half = (0..=line.len() / 2).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    let (begin, end) = line.split_at(half);
    match how {
        0 => vec![format!("Nov 26 12:00:00 host orders[7]: {line}")],
        1 => vec![json!({ "log": format!("{line}\n"), "stream": "stdout", "time": "t" }).to_string()],
        2 => vec![
            format!("2026-11-26T12:00:00.1Z stdout P {begin}"),
            format!("2026-11-26T12:00:00.1Z stdout F {end}"),
        ],
        3 => vec![json!({ "message": line, "host": "h" }).to_string()],
        4 => vec![json!([{ "log": line }, { "body": { "stringValue": line } }]).to_string()],
        _ => vec![line.to_owned()],
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut asked = Asked(bytes.iter());
    let mut log: Vec<u8> = Vec::new();
    let mut emitted: BTreeMap<(String, u64), String> = BTreeMap::new();
    // An event that was cut off, or is surrounded by other bytes, may be read or not.
    let (mut whole, mut is_forged) = (BTreeMap::new(), false);
    let mut late: Vec<Vec<String>> = Vec::new();
    for seq in 0..asked.one_of(24) as u64 {
        let client = CLIENTS[asked.one_of(CLIENTS.len())];
        let length = asked.one_of(40);
        let event = json!({ "seq": seq, "text": asked.text(length) }).to_string();
        let key = (client.to_owned(), seq);
        emitted.insert(key.clone(), event.clone());
        let parts = 1 + asked.one_of(3);
        for line in lines_of(client, seq, &event, parts) {
            let lines = wrapped(&line, asked.one_of(8));
            match asked.one_of(8) {
                // A process that dies in the middle of a line: the next one continues on it.
                0 => {
                    let at = asked.one_of(256) * lines[0].len() / 256;
                    let at = (0..=at).rev().find(|&at| lines[0].is_char_boundary(at)).unwrap_or(0);
                    log.extend_from_slice(&lines[0].as_bytes()[..at]);
                    continue;
                }
                1 => late.push(lines.clone()),
                2 => {
                    let some = asked.one_of(60);
                    is_forged = true;
                    log.extend_from_slice(asked.text(some).as_bytes());
                    log.push(b'\n');
                }
                _ => {}
            }
            let is_torn = log.last().is_some_and(|&byte| byte != b'\n');
            for line in &lines {
                log.extend_from_slice(line.as_bytes());
                log.push(b'\n');
            }
            if !is_torn && !is_forged {
                *whole.entry(key.clone()).or_insert(0) += 1;
            }
        }
        whole.retain(|known, found| *known != key || *found == parts);
    }
    late.into_iter().flatten().for_each(|line| log.extend_from_slice(format!("{line}\n").as_bytes()));

    let buffer = 1 + asked.one_of(200);
    let mut records = Records::new(BufReader::with_capacity(buffer, &log[..]));
    let mut joiner = Joiner::new();
    let mut out: BTreeMap<(String, u64), String> = BTreeMap::new();
    while let Some(part) = records.next() {
        assert!(records.resume_at() <= records.position() && records.position() <= log.len() as u64);
        joiner.add(part.unwrap());
        while let Some(event) = joiner.next_event() {
            serde_json::from_str::<serde_json::Value>(&event.event).unwrap();
            out.insert((event.client, event.seq), event.event);
        }
    }
    if is_forged {
        return;
    }
    for (key, event) in &out {
        assert_eq!(emitted.get(key), Some(event), "{}", String::from_utf8_lossy(&log));
    }
    for key in whole.keys() {
        assert!(out.contains_key(key), "{key:?}\n{}", String::from_utf8_lossy(&log));
    }
    assert!(Records::new(&log[..]).entries().all(|entry| matches!(entry, Ok(Entry::Part(_)))));
});
