//! Settings from the environment: only when asked, prefix `OVERSPILL_`.

use super::{BuildError, Builder};
use crate::format::{JsonArray, Ndjson};
use crate::mode::Mode;
use crate::spill::{LogLevel, SpillPacking, WriteSink};
use std::collections::BTreeMap;
use std::time::Duration;

const PREFIX: &str = "OVERSPILL_";

/// Every variable, without its prefix.
const NAMES: &[&str] = &[
    "ENDPOINT",
    "MODE",
    "BEARER_TOKEN",
    "HEADERS",
    "PLAINTEXT_CREDENTIALS",
    "PROXY",
    "QUEUE_EVENTS_MAX",
    "QUEUE_BYTES_MAX",
    "EVENT_BYTES_MAX",
    "BATCH_EVENTS_MAX",
    "BATCH_BYTES_MAX",
    "BATCH_AGE_MAX",
    "POSTS_IN_FLIGHT_MAX",
    "CONNECT_TIMEOUT",
    "POST_TIMEOUT",
    "SHUTDOWN_TIMEOUT",
    "PROBE_INTERVAL_MAX",
    "HTML_ANSWERS",
    "FORMAT",
    "COMPRESSION",
    "SPILL_LEVEL",
    "SPILL_PACKING",
    "SPILL_FILE",
];

impl Builder {
    /// A builder from the environment alone; `OVERSPILL_ENDPOINT` is required. What is called on the builder later
    /// overrides the environment.
    ///
    /// | variable | value |
    /// |---|---|
    /// | `OVERSPILL_ENDPOINT` | the URL |
    /// | `OVERSPILL_MODE` | `on`, `log_only`, `off`: the kill switch |
    /// | `OVERSPILL_BEARER_TOKEN` | the token of [`bearer_auth`](Builder::bearer_auth) |
    /// | `OVERSPILL_HEADERS` | a JSON object of names and values; each takes the place of one that was set by the same name |
    /// | `OVERSPILL_PLAINTEXT_CREDENTIALS` | `allow` |
    /// | `OVERSPILL_PROXY` | a URL |
    /// | `OVERSPILL_QUEUE_EVENTS_MAX`, `OVERSPILL_BATCH_EVENTS_MAX`, `OVERSPILL_POSTS_IN_FLIGHT_MAX` | a number |
    /// | `OVERSPILL_QUEUE_BYTES_MAX`, `OVERSPILL_EVENT_BYTES_MAX`, `OVERSPILL_BATCH_BYTES_MAX` | bytes; `64KiB`, `8MiB`, `1GiB` |
    /// | `OVERSPILL_BATCH_AGE_MAX`, `OVERSPILL_CONNECT_TIMEOUT`, `OVERSPILL_POST_TIMEOUT`, `OVERSPILL_SHUTDOWN_TIMEOUT`, `OVERSPILL_PROBE_INTERVAL_MAX` | `200ms`, `10s`, `2m` |
    /// | `OVERSPILL_HTML_ANSWERS` | `accept`, or unset: [`accept_html_answers`](Builder::accept_html_answers) |
    /// | `OVERSPILL_FORMAT` | `json_array`, `ndjson` |
    /// | `OVERSPILL_COMPRESSION` | `none`, or `gzip` or `zstd` with the feature of that name |
    /// | `OVERSPILL_SPILL_LEVEL` | `error`, `warn`, `info`, `debug` |
    /// | `OVERSPILL_SPILL_PACKING` | `one_by_one`, `packed` |
    /// | `OVERSPILL_SPILL_FILE` | a path: the fallback appends to it instead of writing to stderr; the file is never renamed nor opened again, so rotate it with `copytruncate` |
    ///
    /// # Errors
    /// A variable with the prefix that is not in the table, or whose value cannot be read: the error names it and says
    /// what it takes, and never repeats a value.
    pub fn from_env() -> Result<Builder, BuildError> {
        let variables = ours(std::env::vars_os());
        if !variables.contains_key("ENDPOINT") {
            return Err(BuildError::Environment(format!(
                "{PREFIX}ENDPOINT is not set: give the URL of the endpoint"
            )));
        }
        Builder::new("").with_variables(variables)
    }

    /// Lets the environment override what was set so far: the same variables, none required.
    ///
    /// # Errors
    /// As [`from_env`](Builder::from_env).
    pub fn override_from_env(self) -> Result<Builder, BuildError> {
        let variables = ours(std::env::vars_os());
        self.with_variables(variables)
    }

    pub(super) fn with_variables(
        mut self,
        variables: BTreeMap<String, String>,
    ) -> Result<Builder, BuildError> {
        for (name, value) in variables {
            self = self.with_variable(&name, value.trim())?;
        }
        Ok(self)
    }

    fn with_variable(self, name: &str, value: &str) -> Result<Builder, BuildError> {
        let takes = |what: &str| BuildError::Environment(format!("{PREFIX}{name} takes {what}"));
        let number = || value.parse::<usize>().map_err(|_| takes("a whole number"));
        let bytes = || parse_bytes(value).ok_or_else(|| takes("bytes, like 65536, 64KiB, 8MiB"));
        let time = || parse_time(value).ok_or_else(|| takes("a time, like 200ms, 10s, 2m"));
        Ok(match name {
            "ENDPOINT" => Builder { endpoint: value.to_owned(), ..self },
            "MODE" => self.mode(value.parse::<Mode>().map_err(|_| takes("on, log_only or off"))?),
            "BEARER_TOKEN" => self.bearer_auth(value),
            "HEADERS" => serde_json::from_str::<BTreeMap<String, String>>(value)
                .map_err(|_| takes(r#"a JSON object, like {"x-key": "value"}"#))?
                .into_iter()
                .fold(self, |builder, (name, value)| builder.header(name, value)),
            "PLAINTEXT_CREDENTIALS" if value == "allow" => self.allow_plaintext_credentials(),
            "PLAINTEXT_CREDENTIALS" => return Err(takes("allow, or must be unset")),
            "PROXY" => self.proxy(value),
            "QUEUE_EVENTS_MAX" => self.queue_events_max(number()?),
            "QUEUE_BYTES_MAX" => self.queue_bytes_max(bytes()?),
            "EVENT_BYTES_MAX" => self.event_bytes_max(bytes()?),
            "BATCH_EVENTS_MAX" => self.batch_events_max(number()?),
            "BATCH_BYTES_MAX" => self.batch_bytes_max(bytes()?),
            "BATCH_AGE_MAX" => self.batch_age_max(time()?),
            "POSTS_IN_FLIGHT_MAX" => self.posts_in_flight_max(number()?),
            "CONNECT_TIMEOUT" => self.connect_timeout(time()?),
            "POST_TIMEOUT" => self.post_timeout(time()?),
            "SHUTDOWN_TIMEOUT" => self.shutdown_timeout(time()?),
            "PROBE_INTERVAL_MAX" => self.probe_interval_max(time()?),
            "HTML_ANSWERS" if value == "accept" => self.accept_html_answers(),
            "HTML_ANSWERS" => return Err(takes("accept, or must be unset")),
            "FORMAT" if value == "json_array" => self.format(JsonArray),
            "FORMAT" if value == "ndjson" => self.format(Ndjson),
            "FORMAT" => return Err(takes("json_array or ndjson")),
            "COMPRESSION" if value == "none" => {
                Builder { compression: crate::format::compress::Compression::Plain, ..self }
            }
            #[cfg(feature = "gzip")]
            "COMPRESSION" if value == "gzip" => self.gzip(),
            #[cfg(feature = "zstd")]
            "COMPRESSION" if value == "zstd" => self.zstd(),
            "COMPRESSION" => {
                return Err(takes(
                    "none, or gzip or zstd if overspill was built with the feature of that name",
                ));
            }
            "SPILL_LEVEL" => self
                .spill_level(LogLevel::from_name(value).ok_or_else(|| takes("error, warn, info or debug"))?),
            "SPILL_PACKING" => self
                .spill_packing(SpillPacking::from_name(value).ok_or_else(|| takes("one_by_one or packed"))?),
            "SPILL_FILE" => {
                let file = WriteSink::append(value)
                    .map_err(|error| takes(&format!("a file that can be appended to ({error})")))?;
                self.spill_fallback(file)
            }
            _ => {
                return Err(BuildError::Environment(format!(
                    "{PREFIX}{} is not a setting: remove it, or use one of {}",
                    crate::encode::printable(name, 40),
                    NAMES.join(", ")
                )));
            }
        })
    }
}

/// Our variables without their prefix. One that is not Unicode becomes a value that none of them takes.
fn ours(all: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>) -> BTreeMap<String, String> {
    all.filter_map(|(name, value)| {
        let name = name.to_str()?.strip_prefix(PREFIX)?.to_owned();
        Some((name, value.into_string().unwrap_or_else(|_| "\u{fffd}".to_owned())))
    })
    .collect()
}

fn parse_bytes(text: &str) -> Option<usize> {
    let (digits, unit) = split_unit(text)?;
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.checked_mul(factor)
}

fn parse_time(text: &str) -> Option<Duration> {
    let (digits, unit) = split_unit(text)?;
    let digits = digits as u64;
    match unit {
        "ms" => Some(Duration::from_millis(digits)),
        "s" => Some(Duration::from_secs(digits)),
        "m" => digits.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

fn split_unit(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}
