//! Settings from the environment, only on request; prefix `OVERSPILL_`.
//!
//! - EV1: one error names every variable that is wrong, the valid ones are applied, and no value is repeated.
//! - EV2: a variable that an orchestrator sets (`ours`) is neither a setting nor an error.

mod ours;
pub(super) mod resource;

use super::units::{parse_bytes, parse_time};
use super::{BuildError, Builder};
use crate::format::{self, compress::Compression};
use crate::limits::CERTIFICATE_FILE_BYTES_MAX;
use crate::mode::Mode;
use crate::spill::{LogLevel, Redact, SpillPacking, WriteSink};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

/// Variables by name, without the prefix, in the order of their names.
pub(super) type Variables = std::collections::BTreeMap<String, String>;

/// What a variable does to a builder.
type Change = Box<dyn FnOnce(Builder) -> Builder>;

const PREFIX: &str = "OVERSPILL_";

/// Every variable, without its prefix.
pub(super) const NAMES: &[&str] = &[
    "ENDPOINT",
    "MODE",
    "BEARER_TOKEN",
    "BEARER_TOKEN_FILE",
    "TOKEN",
    "HEADERS",
    "PLAINTEXT_CREDENTIALS",
    "PROXY",
    "UNIX_SOCKET",
    "ROOT_CERTIFICATE_FILE",
    "CLIENT_CERTIFICATE_FILE",
    "CLIENT_KEY_FILE",
    "QUEUE_EVENTS_MAX",
    "QUEUE_BYTES_MAX",
    "EVENT_BYTES_MAX",
    "BATCH_EVENTS_MAX",
    "BATCH_BYTES_MAX",
    "BATCH_AGE_MAX",
    "POSTS_IN_FLIGHT_MAX",
    "CONNECT_TIMEOUT",
    "POST_TIMEOUT",
    "CONNECTION_IDLE_MAX",
    "SHUTDOWN_TIMEOUT",
    "PROBE_INTERVAL_MAX",
    "HTML_ANSWERS",
    "FORMAT",
    "COMMON_FIELDS",
    "TIME_FIELD",
    "NAME_FIELD",
    "COMPRESSION",
    "SPILL_LEVEL",
    "SPILL_PACKING",
    "SPILL_LINE_BYTES_MAX",
    "SPILL_BYTES_PER_SECOND_MAX",
    "SPILL_REDACT",
    "SPILL_FILE",
];

impl Builder {
    /// A builder configured only from the environment; `OVERSPILL_ENDPOINT` is required. Methods called on the builder later override the
    /// environment.
    ///
    /// | variable | value |
    /// |---|---|
    /// | `OVERSPILL_ENDPOINT` | the URL |
    /// | `OVERSPILL_MODE` | `on`, `log_only`, `off`: the kill switch |
    /// | `OVERSPILL_BEARER_TOKEN` | the token for [`bearer_auth`](Builder::bearer_auth) |
    /// | `OVERSPILL_BEARER_TOKEN_FILE` | the path for [`bearer_auth_file`](Builder::bearer_auth_file); not together with `BEARER_TOKEN` |
    /// | `OVERSPILL_TOKEN` | a token, placed where the format's endpoint wants it: [`token`](Builder::token) |
    /// | `OVERSPILL_HEADERS` | a JSON object of names and values; each replaces one set earlier by the same name |
    /// | `OVERSPILL_PLAINTEXT_CREDENTIALS` | `allow` |
    /// | `OVERSPILL_PROXY` | a URL |
    /// | `OVERSPILL_UNIX_SOCKET` | the path of a socket |
    /// | `OVERSPILL_ROOT_CERTIFICATE_FILE` | the path of a PEM file to trust in addition to what was set: [`root_certificate_pem`](Builder::root_certificate_pem) |
    /// | `OVERSPILL_CLIENT_CERTIFICATE_FILE` | the path of a PEM file with our certificate, instead of what was set: [`client_certificate_pem`](Builder::client_certificate_pem) |
    /// | `OVERSPILL_CLIENT_KEY_FILE` | the path of a PEM file with its private key, if that is a separate file |
    /// | `OVERSPILL_QUEUE_EVENTS_MAX`, `OVERSPILL_BATCH_EVENTS_MAX`, `OVERSPILL_POSTS_IN_FLIGHT_MAX` | a number |
    /// | `OVERSPILL_QUEUE_BYTES_MAX`, `OVERSPILL_EVENT_BYTES_MAX`, `OVERSPILL_BATCH_BYTES_MAX`, `OVERSPILL_SPILL_LINE_BYTES_MAX`, `OVERSPILL_SPILL_BYTES_PER_SECOND_MAX` | bytes: `65536`, `64 KiB`, `8MiB`, `1.5 MB` |
    /// | `OVERSPILL_BATCH_AGE_MAX`, `OVERSPILL_CONNECT_TIMEOUT`, `OVERSPILL_POST_TIMEOUT`, `OVERSPILL_CONNECTION_IDLE_MAX`, `OVERSPILL_SHUTDOWN_TIMEOUT`, `OVERSPILL_PROBE_INTERVAL_MAX` | `200 ms`, `1.5s`, `2m`, `1h` |
    /// | `OVERSPILL_HTML_ANSWERS` | `accept`, or unset: [`accept_html_answers`](Builder::accept_html_answers) |
    /// | `OVERSPILL_FORMAT` | `json_array`, `ndjson`, `otlp`, `otlp_json`, `bulk`, `loki`, `splunk_hec`, `datadog`, `new_relic`, `honeycomb`, `click_house`, `influx`, `victoria_logs`, `vector`, `fluent_bit`, `kafka_rest`: the formats of [`format`](crate::format) with default settings |
    /// | `OVERSPILL_COMMON_FIELDS` | a JSON object of names and values; each replaces one set earlier by the same name: [`common_field`](Builder::common_field) |
    /// | `OVERSPILL_TIME_FIELD`, `OVERSPILL_NAME_FIELD` | a name: [`time_field`](Builder::time_field), [`name_field`](Builder::name_field) |
    /// | `OVERSPILL_COMPRESSION` | `none`, or `gzip` or `zstd` with the feature of that name |
    /// | `OVERSPILL_SPILL_LEVEL` | `error`, `warn`, `info`, `debug` |
    /// | `OVERSPILL_SPILL_PACKING` | `one_by_one`, `packed` |
    /// | `OVERSPILL_SPILL_REDACT` | paths as in [`Redact`](crate::spill::Redact), separated by commas: removed from records, in addition to what the program removes |
    /// | `OVERSPILL_SPILL_FILE` | a path: the fallback appends to it instead of writing to stderr, and creates it with mode 0600. The file is never renamed or reopened, so rotate it with `copytruncate` |
    ///
    /// Words may be upper or lower case. Variables that Kubernetes sets for a Service whose name begins with `overspill`
    /// (`OVERSPILL_SERVICE_HOST`, `OVERSPILL_PORT_8080_TCP` and similar) are ignored.
    ///
    /// # Errors
    /// A variable with the prefix that is not in the table, is empty, or has a value that cannot be read. The error names each of them and
    /// says what it takes. It never repeats a value.
    pub fn from_env() -> Result<Builder, BuildError> {
        let variables = ours::ours(std::env::vars_os());
        if !variables.contains_key("ENDPOINT") {
            return Err(BuildError::Environment(format!(
                "{PREFIX}ENDPOINT is not set: give the URL of the endpoint"
            )));
        }
        Builder::new("").with_variables(variables)
    }

    /// Lets the environment override what was set so far. It reads the same variables and requires none.
    ///
    /// # Errors
    /// Those of [`from_env`](Builder::from_env).
    pub fn override_from_env(self) -> Result<Builder, BuildError> {
        self.with_variables(ours::ours(std::env::vars_os()))
    }

    /// Like [`override_from_env`](Builder::override_from_env), but errors are kept for later: [`build`](Builder::build) returns them,
    /// [`build_or_log_only`](Builder::build_or_log_only) reports them and goes on.
    pub fn with_env(self) -> Builder {
        let (mut builder, wrong) = self.overridden_by(ours::ours(std::env::vars_os()));
        builder.wrong_variables.extend(wrong);
        builder
    }

    pub(super) fn with_variables(self, variables: Variables) -> Result<Builder, BuildError> {
        let (builder, wrong) = self.overridden_by(variables);
        if wrong.is_empty() { Ok(builder) } else { Err(BuildError::Environment(wrong.join("; "))) }
    }

    /// Applies every valid setting; also returns what is wrong with the others.
    pub(super) fn overridden_by(mut self, mut variables: Variables) -> (Builder, Vec<String>) {
        let mut wrong = Vec::new();
        // Variables are applied in the order of their names, so one of these two would silently undo the other.
        if ["BEARER_TOKEN", "BEARER_TOKEN_FILE"].iter().all(|name| variables.contains_key(*name)) {
            variables.retain(|name, _| !name.starts_with("BEARER_TOKEN"));
            wrong
                .push(format!("{PREFIX}BEARER_TOKEN and {PREFIX}BEARER_TOKEN_FILE are both set: remove one"));
        }
        for (name, value) in variables {
            match change_by(&name, value.trim()) {
                Ok(change) => self = change(self),
                Err(why) => {
                    wrong.push(why);
                    if name == "SPILL_REDACT" {
                        // Without its paths it is unknown what must stay out of the log.
                        self.spill_redact = self.spill_redact.that_fails();
                    }
                }
            }
        }
        (self, wrong)
    }
}

/// What the variable does, or what is wrong with it.
fn change_by(name: &str, value: &str) -> Result<Change, String> {
    if !NAMES.contains(&name) {
        return Err(ours::unknown(name));
    }
    if value.is_empty() {
        return Err(format!("{PREFIX}{name} is empty: give it a value, or unset it"));
    }
    let takes = |what: &str| format!("{PREFIX}{name} takes {what}");
    let number = || value.parse::<usize>().map_err(|_| takes("a whole number"));
    let bytes = || parse_bytes(value).ok_or_else(|| takes("bytes, like 65536, 64 KiB, 8 MiB"));
    let time = || parse_time(value).ok_or_else(|| takes("a time, like 200 ms, 10 s, 2 m"));
    let word = value.to_ascii_lowercase().replace('-', "_");
    let text = value.to_owned();
    Ok(match name {
        "ENDPOINT" => Box::new(|b| Builder { endpoint: text, ..b }),
        "MODE" => {
            let mode = value.parse::<Mode>().map_err(|_| takes("on, log_only or off"))?;
            Box::new(move |b| b.mode(mode))
        }
        "BEARER_TOKEN" => Box::new(|b| b.bearer_auth(text)),
        "BEARER_TOKEN_FILE" => Box::new(|b| b.bearer_auth_file(text)),
        "TOKEN" => Box::new(|b| b.token(text)),
        "HEADERS" => {
            let pairs = serde_json::from_str::<Pairs<String>>(value)
                .ok()
                .and_then(|pairs| pairs.distinct(str::eq_ignore_ascii_case))
                .ok_or_else(|| takes(r#"a JSON object of distinct headers, like {"x-key": "value"}"#))?;
            Box::new(|b| pairs.into_iter().fold(b, |b, (name, value)| b.header(name, value)))
        }
        "PLAINTEXT_CREDENTIALS" if word == "allow" => Box::new(Builder::allow_plaintext_credentials),
        "PLAINTEXT_CREDENTIALS" => return Err(takes("allow, or must be unset")),
        "PROXY" => Box::new(|b| b.proxy(text)),
        "UNIX_SOCKET" => Box::new(|b| b.unix_socket(text)),
        "ROOT_CERTIFICATE_FILE" => {
            let pem = pem_of(value).map_err(|why| takes(&why))?;
            Box::new(|b| b.root_certificate_pem(pem))
        }
        // Comes before the key, because variables are applied in the order of their names.
        "CLIENT_CERTIFICATE_FILE" => {
            let pem = pem_of(value).map_err(|why| takes(&why))?;
            Box::new(|b| Builder { client_certificate_pem: vec![pem], ..b })
        }
        "CLIENT_KEY_FILE" => {
            let pem = pem_of(value).map_err(|why| takes(&why))?;
            Box::new(|b| b.client_certificate_pem(pem))
        }
        "QUEUE_EVENTS_MAX" => by(number()?, Builder::queue_events_max),
        "QUEUE_BYTES_MAX" => by(bytes()?, Builder::queue_bytes_max),
        "EVENT_BYTES_MAX" => by(bytes()?, Builder::event_bytes_max),
        "BATCH_EVENTS_MAX" => by(number()?, Builder::batch_events_max),
        "BATCH_BYTES_MAX" => by(bytes()?, Builder::batch_bytes_max),
        "BATCH_AGE_MAX" => by(time()?, Builder::batch_age_max),
        "POSTS_IN_FLIGHT_MAX" => by(number()?, Builder::posts_in_flight_max),
        "CONNECT_TIMEOUT" => by(time()?, Builder::connect_timeout),
        "POST_TIMEOUT" => by(time()?, Builder::post_timeout),
        "CONNECTION_IDLE_MAX" => by(time()?, Builder::connection_idle_max),
        "SHUTDOWN_TIMEOUT" => by(time()?, Builder::shutdown_timeout),
        "PROBE_INTERVAL_MAX" => by(time()?, Builder::probe_interval_max),
        "HTML_ANSWERS" if word == "accept" => Box::new(Builder::accept_html_answers),
        "HTML_ANSWERS" => return Err(takes("accept, or must be unset")),
        "FORMAT" => match format::named(&word) {
            Some(format) => Box::new(|b| b.format(format)),
            None => return Err(takes(&format!("one of {}", format::NAMES.join(", ")))),
        },
        "COMMON_FIELDS" => {
            let pairs = serde_json::from_str::<Pairs<serde_json::Value>>(value)
                .ok()
                .and_then(|pairs| pairs.distinct(str::eq))
                .ok_or_else(|| {
                    takes(r#"a JSON object of distinct names, like {"service.name": "orders"}"#)
                })?;
            Box::new(|b| pairs.into_iter().fold(b, |b, (name, value)| b.common_field(name, value)))
        }
        "TIME_FIELD" => Box::new(|b| b.time_field(text)),
        "NAME_FIELD" => Box::new(|b| b.name_field(text)),
        "COMPRESSION" => match Compression::from_name(&word) {
            Some(compression) => Box::new(move |b| Builder { compression, ..b }),
            None => {
                let what = "none, or gzip or zstd if overspill was built with the feature of that name";
                return Err(takes(what));
            }
        },
        "SPILL_LEVEL" => {
            let level = value.parse::<LogLevel>().map_err(|_| takes("error, warn, info or debug"))?;
            by(level, Builder::spill_level)
        }
        "SPILL_PACKING" => {
            let packing = value.parse::<SpillPacking>().map_err(|_| takes("one_by_one or packed"))?;
            by(packing, Builder::spill_packing)
        }
        "SPILL_LINE_BYTES_MAX" => by(bytes()?, Builder::spill_line_bytes_max),
        "SPILL_BYTES_PER_SECOND_MAX" => by(bytes()?, Builder::spill_bytes_per_second_max),
        "SPILL_REDACT" => {
            let with =
                |redact: Redact| text.split(',').fold(redact, |redact, path| redact.remove(path.trim()));
            if with(Redact::new()).wrong_path().is_some() {
                let what = "JSON pointers separated by commas, like /user/email,/**/password";
                return Err(takes(what));
            }
            Box::new(move |b| {
                let redact =
                    text.split(',').fold(b.spill_redact.clone(), |redact, path| redact.remove(path.trim()));
                b.spill_redact(redact)
            })
        }
        "SPILL_FILE" => {
            let file = WriteSink::append(value)
                .map_err(|error| takes(&format!("a file that can be appended to ({error})")))?;
            Box::new(|b| b.spill_fallback(file))
        }
        _ => return Err(ours::unknown(name)),
    })
}

fn by<T: 'static>(value: T, set: fn(Builder, T) -> Builder) -> Change {
    Box::new(move |builder| set(builder, value))
}

/// The names and values of a JSON object, in its order.
struct Pairs<V>(Vec<(String, V)>);

impl<V> Pairs<V> {
    /// Rejects a repeated name: the first of two would silently be lost.
    fn distinct(self, same: fn(&str, &str) -> bool) -> Option<Vec<(String, V)>> {
        let twice = |(nth, (name, _)): (usize, &(String, V))| {
            self.0[..nth].iter().any(|(earlier, _)| same(earlier, name))
        };
        (!self.0.iter().enumerate().any(twice)).then_some(self.0)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs<V>, D::Error> {
        struct Reads<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Reads<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<V>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Reads(PhantomData))
    }
}

/// The content of a file with certificates or a key, or what the variable takes.
fn pem_of(path: &str) -> Result<Vec<u8>, String> {
    let read = || {
        // Checked before opening: opening a pipe would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        let mut pem = Vec::new();
        std::fs::File::open(path)?.take(CERTIFICATE_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut pem)?;
        Ok(pem)
    };
    let pem = read().map_err(|error| format!("a PEM file that can be read ({error})"))?;
    if pem.len() > CERTIFICATE_FILE_BYTES_MAX {
        return Err(format!("a PEM file of at most {CERTIFICATE_FILE_BYTES_MAX} bytes"));
    }
    Ok(pem)
}
