//! What each format costs, from emit to the 2xx, compared with the JSON array: CPU time of the process, instructions of the sender.
//!
//! The sink answers as the endpoint would, with one item per event if the format has items.

use crate::Failure;
use crate::child;
use crate::output::{Goal, Page, Table, median, quartiles, version};
use crate::sink::{Addresses, Order, Sink};
use crate::statistics::{Spread, spread};
use crate::systems::{self, Overspill, System};
use crate::wire::{self, Sample};
use overspill::Builder;
use overspill::format::*;
use std::time::Duration;

/// A format by name, and its endpoint's success reply.
pub struct Choice {
    pub name: &'static str,
    choose: fn(Builder) -> Builder,
    says: Says,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    Items(&'static str, &'static str, &'static str),
    Whole(&'static str),
}

const BULK: Says = Says::Items(
    r#"{"errors":false,"items":["#,
    r#"{"create":{"_index":"events","_id":"0123456789abcdef-1","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}}"#,
    "]}",
);
const BULK_SHORT: Says = Says::Items(r#"{"errors":false,"items":["#, r#"{"create":{"status":201}}"#, "]}");
const HONEYCOMB: Says = Says::Items("[", r#"{"status":202}"#, "]");
const KAFKA: Says =
    Says::Items(r#"{"offsets":["#, r#"{"partition":0,"offset":12345,"error_code":null,"error":null}"#, "]}");

const fn choice(name: &'static str, choose: fn(Builder) -> Builder, says: Says) -> Choice {
    Choice { name, choose, says }
}

/// The format that the others are compared with.
const BASE: &str = "json_array";

pub const ALL: &[Choice] = &[
    choice(BASE, |b| b.format(JsonArray), Says::Nothing),
    choice("ndjson", |b| b.format(Ndjson), Says::Nothing),
    choice("kafka_rest", |b| b.format(KafkaRest::new()), KAFKA),
    choice("bulk", |b| b.format(Bulk::new()), BULK),
    choice("bulk_filtered", |b| b.format(Bulk::new()), BULK_SHORT),
    choice("honeycomb", |b| b.format(Honeycomb::new()), HONEYCOMB),
    choice("splunk_hec", |b| b.format(SplunkHec::new()), Says::Whole(r#"{"text":"Success","code":0}"#)),
    choice("loki", |b| b.format(Loki::new()), Says::Nothing),
    choice("new_relic", |b| b.format(NewRelic::new()), Says::Whole(r#"{"requestId":"x"}"#)),
    choice("influx", |b| b.format(Influx::new()), Says::Nothing),
    choice("otlp", |b| b.format(Otlp::new()), Says::Nothing),
    choice("otlp_json", |b| b.format(OtlpJson::new()), Says::Whole("{}")),
];

impl Choice {
    pub fn set(&self, builder: Builder) -> Builder {
        (self.choose)(builder)
    }

    /// The reply that accepts this number of events.
    pub fn answer(&self, events: usize) -> String {
        match self.says {
            Says::Nothing => String::new(),
            Says::Whole(text) => text.to_owned(),
            Says::Items(before, item, behind) => [before, &vec![item; events].join(","), behind].concat(),
        }
    }
}

pub fn by_name(name: &str) -> Option<&'static Choice> {
    ALL.iter().find(|choice| choice.name == name)
}

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Rounds over all formats
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Thousands of events per case; a peer gets a quarter
    #[arg(long, default_value_t = 500)]
    thousands: u64,
}

#[derive(Debug, clap::Args)]
pub struct OneArguments {
    name: String,
    #[arg(long)]
    events: u64,
    #[command(flatten)]
    sink: Addresses,
}

/// Peers that speak one of the formats, our format, and the factor by which ours must be cheaper.
#[cfg(feature = "peers")]
const PEERS: &[(&str, &str, &str, f64)] = &[
    ("otel-http", "opentelemetry-otlp http, protobuf", "otlp", 5.0),
    ("loki-peer", "tracing-loki", "loki", 1.0),
];
#[cfg(not(feature = "peers"))]
const PEERS: &[(&str, &str, &str, f64)] = &[];

pub fn one(arguments: &OneArguments) -> Result<Sample, Failure> {
    let seen = || arguments.sink.tell(Order::Say).map(|seen| seen.events);
    let before = seen()?;
    let (name, sink) = (arguments.name.as_str(), &arguments.sink);
    let measured = match by_name(name) {
        Some(choice) => {
            let endpoint = format!("{}/{name}", sink.http);
            let client = choice.set(systems::builder_like_the_others(&endpoint)).build()?;
            let system: Box<dyn System> = Box::new(Overspill::of(client));
            wire::drive(name, system, sink, arguments.events)
        }
        None => {
            let name = name.trim_end_matches("-peer");
            wire::drive(name, systems::by_name(name)?.make(sink)?, sink, arguments.events)
        }
    }?;
    let arrived = (seen()? - before).saturating_sub(measured.warm);
    Ok(Sample {
        emitted: arguments.events,
        arrived,
        seconds: measured.took.as_secs_f64(),
        cpu_seconds: measured.cpu.as_secs_f64(),
    })
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sink = Sink::start()?;
    let ours = ALL.iter().map(|choice| (choice.name, format!("**{}**", choice.name), 1));
    let peers = PEERS.iter().map(|(name, what, ..)| (*name, (*what).to_owned(), 4));
    let mut cases: Vec<(&str, String, u64, Vec<Sample>, u64)> =
        ours.chain(peers).map(|(name, what, part)| (name, what, part, Vec::new(), 0)).collect();
    for round in 0..arguments.rounds {
        for (name, _, part, samples, bytes) in &mut cases {
            let events = arguments.thousands.div_ceil(*part) * 1000;
            let mut ask = vec!["one-format".to_owned(), (*name).to_owned()];
            ask.extend(["--events".to_owned(), events.to_string()]);
            ask.extend(sink.addresses.arguments());
            let before = sink.addresses.tell(Order::Say)?;
            let sample: Sample = child::ask(&ask, Duration::from_secs(120))?;
            let after = sink.addresses.tell(Order::Say)?;
            if *part == 1 && sample.arrived != sample.emitted {
                return Err(format!("{name}: {} of {} events arrived", sample.arrived, sample.emitted).into());
            }
            *bytes = (after.bytes - before.bytes) / (after.events - before.events).max(1);
            samples.push(sample);
        }
        eprintln!("round {} of {}", round + 1, arguments.rounds);
    }
    let of = |name: &str| -> Vec<f64> {
        let samples = cases.iter().filter(|(this, ..)| *this == name).flat_map(|(.., samples, _)| samples);
        samples.map(Sample::cpu_per_million).collect()
    };
    let ratio = |over: &str, under: &str| -> Option<Spread> {
        spread(of(over).into_iter().zip(of(under)).map(|(over, under)| over / under))
    };
    let mut page = Page::of("formats");
    page.say(&format!(
        "{} rounds, interleaved, {} thousand events each (a peer: a quarter), as in *From emit to the 2xx*. The sink answers as the \
         format's endpoint does when all is well, an item an event where it has them. × is the ratio to the JSON array in the \
         same round. Instructions of the sender alone, for an event: `.ci/instructions`.",
        arguments.rounds, arguments.thousands
    ));
    let mut table = Table::of(&["emit to 2xx", "CPU s per million", "× JSON array", "bytes per event"]);
    for (name, what, _, _, bytes) in &cases {
        let cpu = quartiles(spread(of(name)));
        table.row(vec![what.clone(), cpu, median(ratio(name, BASE)), bytes.to_string()]);
    }
    page.table(&table);
    page.say(&format!(
        "Versions: {}.",
        ["opentelemetry-otlp", "tracing-loki"].map(|name| format!("{name} {}", version(name))).join(", ")
    ));
    for &(peer, what, ours, least) in PEERS {
        let times = ratio(peer, ours).map_or(f64::NAN, |spread| spread.median);
        page.goal(Goal::at_least(
            "formats",
            &format!("CPU of {what} over overspill's {ours}"),
            times,
            least,
            " x",
        ));
    }
    let raw: Vec<_> =
        cases.iter().map(|(name, what, _, samples, bytes)| (name, what, bytes, samples)).collect();
    page.keep(&raw)
}
