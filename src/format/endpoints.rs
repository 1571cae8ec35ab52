//! The formats of other vendors' endpoints, one file each: how they take events, what they accept, and how they refuse.
//!
//! They use only the public trait: your own format can do everything these do.

mod bulk;
mod click_house;
mod datadog;
mod envelope;
mod fluent_bit;
mod honeycomb;
mod influx;
mod kafka_rest;
mod loki;
mod new_relic;
mod otlp;
mod splunk_hec;
mod vector;
mod victoria_logs;

pub use bulk::Bulk;
pub use click_house::ClickHouse;
pub use datadog::Datadog;
pub use envelope::Envelope;
pub use fluent_bit::FluentBit;
pub use honeycomb::Honeycomb;
pub use influx::Influx;
pub use kafka_rest::KafkaRest;
pub use loki::Loki;
pub use new_relic::NewRelic;
pub use otlp::{Otlp, OtlpJson};
pub use splunk_hec::SplunkHec;
pub use vector::Vector;
pub use victoria_logs::VictoriaLogs;

use super::{Format, JsonArray, Ndjson};

/// The names that [`named`] and `OVERSPILL_FORMAT` take, in alphabetical order.
pub const NAMES: &[&str] = &[
    "bulk",
    "click_house",
    "datadog",
    "fluent_bit",
    "honeycomb",
    "influx",
    "json_array",
    "kafka_rest",
    "loki",
    "ndjson",
    "new_relic",
    "otlp",
    "otlp_json",
    "splunk_hec",
    "vector",
    "victoria_logs",
];

/// The format with this name, one of [`NAMES`], with its default settings: for a program whose own settings name a
/// format. Accepts upper and lower case, a hyphen for an underscore, and the names of some products, such as
/// `elasticsearch` for `bulk`. `None` if there is no such format.
///
/// ```
/// use overspill::{Client, format};
///
/// let format = format::named("ndjson").ok_or("no such format")?;
/// let events = Client::builder("http://127.0.0.1:9/v1/events").format(format);
/// # drop(events);
/// # Ok::<(), &str>(())
/// ```
pub fn named(name: &str) -> Option<Box<dyn Format>> {
    Some(match name.to_ascii_lowercase().replace('-', "_").as_str() {
        "bulk" | "elasticsearch" | "opensearch" | "quickwit" => Box::new(Bulk::new()),
        "click_house" | "clickhouse" => Box::new(ClickHouse::new()),
        "datadog" => Box::new(Datadog::new()),
        "fluent_bit" => Box::new(FluentBit::new()),
        "honeycomb" => Box::new(Honeycomb::new()),
        "influx" | "victoria_metrics" => Box::new(Influx::new()),
        "json_array" => Box::new(JsonArray),
        "kafka_rest" => Box::new(KafkaRest::new()),
        "loki" => Box::new(Loki::new()),
        "ndjson" => Box::new(Ndjson),
        "new_relic" => Box::new(NewRelic::new()),
        "otlp" => Box::new(Otlp::new()),
        "otlp_json" => Box::new(OtlpJson::new()),
        "splunk_hec" => Box::new(SplunkHec::new()),
        "vector" => Box::new(Vector::new()),
        "victoria_logs" => Box::new(VictoriaLogs::new()),
        _ => return None,
    })
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_format_and_is_in_the_table_of_variables() {
        let table = include_str!("../config/env.rs");
        for name in NAMES {
            assert!(named(name).is_some(), "{name}");
            assert!(table.contains(&format!("`{name}`")), "{name}");
        }
        assert!(NAMES.is_sorted());
        assert!(named("xml").is_none());
    }
}
