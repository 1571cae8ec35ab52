//! The property of `targets/encoding.rs`, with a random generator instead of coverage, for serde_json's features: see `.ci/serde-features`.

#[path = "../../it/hostile/encoding.rs"]
mod encoding;
#[path = "../../it/hostile/invisible.rs"]
mod invisible;
#[path = "../../it/split_mix.rs"]
mod split_mix;
#[path = "../../it/hostile/random.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses the rest")]
mod random;

use invisible::is_hostile;

/// The log's thread naps for 2 ms between two single events.
const CASES: u64 = 20_000;

#[test]
fn everything_that_serde_offers_is_encoded_as_by_serde_json_with_these_features() {
    let (mut random, encoding) = (random::Random::seeded(1), encoding::Encoding::start());
    (0..CASES).for_each(|_| encoding.check(&random.bytes(200)));
}

/// The features are on: otherwise the test above would say nothing about them.
#[test]
fn serde_json_has_the_features_of_this_run() {
    let precise = serde_json::from_str::<serde_json::Value>("1.50").unwrap().to_string();
    assert_eq!(precise, if cfg!(feature = "arbitrary_precision") { "1.50" } else { "1.5" });
    let ordered = serde_json::from_str::<serde_json::Value>(r#"{"z":1,"a":2}"#).unwrap().to_string();
    let expected = if cfg!(feature = "preserve_order") { r#"{"z":1,"a":2}"# } else { r#"{"a":2,"z":1}"# };
    assert_eq!(ordered, expected);
}
