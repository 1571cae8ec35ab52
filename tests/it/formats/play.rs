//! The whole life of a client on a paused clock. Also used by `tests/lab/tests/otlp.rs`.

use overspill::{Builder, Stats};
use serde_json::Value;
use std::borrow::Borrow;
use std::time::Duration;

/// An event, and its name if it has one.
pub(crate) type Named = (Option<&'static str>, Value);

/// Builds the client, emits the events, and shuts down.
pub(crate) fn played(builder: Builder, events: impl IntoIterator<Item = impl Borrow<Named>>) -> Stats {
    let (client, sender) = builder.build_with_sender().unwrap();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sending = tokio::spawn(sender.run());
        for event in events {
            match event.borrow() {
                (Some(name), event) => client.emit_named(name, event),
                (None, event) => client.emit(event),
            };
        }
        let stats = client.shutdown(Duration::from_secs(60)).await;
        sending.await.unwrap();
        stats
    })
}
