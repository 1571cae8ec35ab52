//! P15: what a call costs for each kind of text, compared with serde_json, counted by callgrind for `src/bin/instructions.rs`.

use crate::{Failure, corpus};
use overspill::Builder;
use serde::Serialize;
use std::hint::black_box;
use std::time::Duration;

/// The function whose instructions callgrind counts.
pub const COUNTED: &str = "*counted_call*";
/// Events between two turns of the sender.
const BATCH: usize = 125;

#[inline(never)]
fn counted_call(call: impl FnOnce()) {
    call();
}

/// `emit:20:cyrillic` or `floor:200:cjk`: the call, and its events.
pub fn run(case: &str, builder: Builder) -> Result<(), Failure> {
    let [what, shape, kind] = case.split(':').collect::<Vec<_>>()[..] else {
        return Err(format!("there is no case {case:?}").into());
    };
    let (_, words) =
        corpus::KINDS.iter().find(|(name, _)| *name == kind).ok_or("there is no such kind of text")?;
    match (what, shape) {
        ("floor", "20") => floor(&corpus::with_texts(words)),
        ("floor", _) => floor(&corpus::texts(words)),
        (_, "20") => emit(builder, &corpus::with_texts(words)),
        _ => emit(builder, &corpus::texts(words)),
    }
}

fn floor(events: &[impl Serialize]) -> Result<(), Failure> {
    let mut line = Vec::with_capacity(4096);
    for event in events {
        line.clear();
        counted_call(|| drop(serde_json::to_writer(&mut line, black_box(event))));
        black_box(&line);
    }
    Ok(())
}

/// The sender takes the events between the calls, as in a warm client. Its work is not counted.
fn emit(builder: Builder, events: &[impl Serialize]) -> Result<(), Failure> {
    let (client, sender) = builder.build_with_sender()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::spawn(sender.run());
        for events in events.chunks(BATCH) {
            events.iter().for_each(|event| counted_call(|| _ = client.emit(black_box(event))));
            let _ = client.flush(Duration::from_secs(60)).await;
        }
    });
    assert_eq!(client.stats().delivered, events.len() as u64);
    std::process::exit(0);
}
