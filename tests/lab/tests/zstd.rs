//! zstd bodies. These tests are not in the root, because the C library would add a minute of building to a clone's `cargo test`.
#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "promises are named by their tests")]

#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "../../it/support.rs"]
mod support;

use overspill::Client;
use overspill::format::Bulk;
use support::{Act, Endpoint, LONG, World, emit_all, quick};

#[test]
fn zstd_bodies_are_labeled_and_decompress_to_the_same_events() {
    let world = World::new();
    let taken = world.taken.clone();
    let endpoint = Endpoint::start(move |request| {
        assert_eq!(request.header("content-encoding"), Some("zstd"));
        taken.keep(&zstd::decode_all(&request.body[..]).unwrap());
        Act::Status(200)
    })
    .unwrap();
    let client = quick(endpoint.url()).gzip().zstd().build().unwrap();
    emit_all(&client, 0..1000);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 1000);
    assert_eq!(stats.delivered, 1000);
}

#[test]
fn a_format_whose_endpoint_is_not_known_to_accept_zstd_is_refused_by_name() {
    let refused =
        Client::builder("http://127.0.0.1:9/").format(Bulk::new()).zstd().build().unwrap_err().to_string();
    assert!(refused.contains("compression is zstd"), "{refused}");
    assert!(Client::builder("http://127.0.0.1:9/").format(Bulk::new()).gzip().build().is_ok());
}
