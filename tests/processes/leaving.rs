//! The end of `main`: with a guard everything is at the endpoint or in the log, however `main` is left. Without one: tests/main_ends.rs.

use crate::child::{Part, Start, log_to_stdout, say, url};
use crate::law::{Peer, assert_settled};
use crate::support::{Numbered, emit_all};
use overspill::{Client, Emitted, Mode};
use std::sync::OnceLock;
use std::time::Duration;

/// The guard's deadline. In a tarpit, the guard waits this long.
const WITHIN: Duration = Duration::from_millis(400);
static GLOBAL: OnceLock<Client> = OnceLock::new();

pub const PARTS: &[Part] = &[
    ("guard: end", || {
        let client = client();
        let _guard = client.shutdown_on_drop(WITHIN);
        emit_all(&client, 0..5);
    }),
    ("guard: early return", || {
        fn fails() -> Result<(), std::num::ParseIntError> {
            let client = client();
            let _guard = client.shutdown_on_drop(WITHIN);
            emit_all(&client, 0..5);
            "not a number".parse::<u8>()?;
            unreachable!("that is not a number")
        }
        assert!(fails().is_err());
    }),
    ("guard: panic", || {
        std::panic::set_hook(Box::new(|_| {}));
        let ended = std::panic::catch_unwind(|| {
            let client = client();
            let _guard = client.shutdown_on_drop(WITHIN);
            emit_all(&client, 0..5);
            panic!("the application's own");
        });
        assert!(ended.is_err());
    }),
    ("guard: static", || {
        let client = GLOBAL.get_or_init(client);
        let _guard = client.shutdown_on_drop(WITHIN);
        emit_all(client, 0..5);
    }),
    ("guard: async", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = client();
            let _guard = client.shutdown_on_drop(WITHIN);
            emit_all(&client, 0..5);
        });
    }),
    ("nothing pending", || {
        let client = client();
        emit_all(&client, 0..5);
        client.flush_blocking(Duration::from_secs(5)).unwrap();
        say(client.stats());
        std::mem::forget(client);
    }),
    ("off", || {
        let client = Client::disabled();
        client.set_mode(Mode::On);
        assert_eq!(client.emit(&Numbered::of(0)), Emitted::Off);
        std::mem::forget(client);
    }),
];

fn client() -> Client {
    log_to_stdout();
    // No batch fills up, and no post ends by itself.
    let builder = Client::builder(url()).batch_age_max(Duration::from_millis(100));
    builder.post_timeout(Duration::from_secs(60)).shutdown_timeout(Duration::from_secs(5)).build().unwrap()
}

#[test]
fn with_a_guard_everything_is_delivered_or_in_the_log_however_main_ends() {
    for part in ["guard: end", "guard: early return", "guard: panic", "guard: static", "guard: async"] {
        for peer in [Peer::healthy(), Peer::refused(), Peer::tarpit()] {
            let ended = Start::of(part, peer.url()).start().succeed();
            assert_settled(&peer, &ended, 5);
            assert_eq!(ended.count_notices("main ended with"), 0, "{ended}");
            assert!(ended.took < Duration::from_secs(5), "{ended}");
        }
    }
}

#[test]
fn with_nothing_pending_the_end_of_main_is_silent() {
    let peer = Peer::healthy();
    let ended = Start::of("nothing pending", peer.url()).start().succeed();
    assert_settled(&peer, &ended, 5);
    assert_eq!(ended.count_notices("main ended with"), 0, "{ended}");
    let ended = Start::of("off", peer.url()).start().succeed();
    assert_eq!(ended.count_notices(""), 0, "a client that is off says nothing\n{ended}");
}
