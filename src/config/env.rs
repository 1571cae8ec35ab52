//! Settings from the environment: only when asked, prefix `OVERSPILL_`.

use super::{BuildError, Builder};
use crate::format::{JsonArray, Ndjson};
use crate::limits::CERTIFICATE_FILE_BYTES_MAX;
use crate::mode::Mode;
use crate::spill::{LogLevel, SpillPacking, WriteSink};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::time::Duration;

const PREFIX: &str = "OVERSPILL_";

/// Every variable, without its prefix.
const NAMES: &[&str] = &[
    "ENDPOINT",
    "MODE",
    "BEARER_TOKEN",
    "BEARER_TOKEN_FILE",
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
    "COMPRESSION",
    "SPILL_LEVEL",
    "SPILL_PACKING",
    "SPILL_LINE_BYTES_MAX",
    "SPILL_BYTES_PER_SECOND_MAX",
    "SPILL_REDACT",
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
    /// | `OVERSPILL_BEARER_TOKEN_FILE` | the path for [`bearer_auth_file`](Builder::bearer_auth_file); not beside a `BEARER_TOKEN` |
    /// | `OVERSPILL_HEADERS` | a JSON object of names and values; each takes the place of one that was set by the same name |
    /// | `OVERSPILL_PLAINTEXT_CREDENTIALS` | `allow` |
    /// | `OVERSPILL_PROXY` | a URL |
    /// | `OVERSPILL_UNIX_SOCKET` | the path of a socket |
    /// | `OVERSPILL_ROOT_CERTIFICATE_FILE` | the path of a PEM file to trust beside what was set: [`root_certificate_pem`](Builder::root_certificate_pem) |
    /// | `OVERSPILL_CLIENT_CERTIFICATE_FILE` | the path of a PEM file with our certificate, instead of what was set: [`client_certificate_pem`](Builder::client_certificate_pem) |
    /// | `OVERSPILL_CLIENT_KEY_FILE` | the path of a PEM file with its private key, if that is a file of its own |
    /// | `OVERSPILL_QUEUE_EVENTS_MAX`, `OVERSPILL_BATCH_EVENTS_MAX`, `OVERSPILL_POSTS_IN_FLIGHT_MAX` | a number |
    /// | `OVERSPILL_QUEUE_BYTES_MAX`, `OVERSPILL_EVENT_BYTES_MAX`, `OVERSPILL_BATCH_BYTES_MAX`, `OVERSPILL_SPILL_LINE_BYTES_MAX`, `OVERSPILL_SPILL_BYTES_PER_SECOND_MAX` | bytes; `64KiB`, `8MiB`, `1GiB` |
    /// | `OVERSPILL_BATCH_AGE_MAX`, `OVERSPILL_CONNECT_TIMEOUT`, `OVERSPILL_POST_TIMEOUT`, `OVERSPILL_CONNECTION_IDLE_MAX`, `OVERSPILL_SHUTDOWN_TIMEOUT`, `OVERSPILL_PROBE_INTERVAL_MAX` | `200ms`, `10s`, `2m` |
    /// | `OVERSPILL_HTML_ANSWERS` | `accept`, or unset: [`accept_html_answers`](Builder::accept_html_answers) |
    /// | `OVERSPILL_FORMAT` | `json_array`, `ndjson` |
    /// | `OVERSPILL_COMPRESSION` | `none`, or `gzip` or `zstd` with the feature of that name |
    /// | `OVERSPILL_SPILL_LEVEL` | `error`, `warn`, `info`, `debug` |
    /// | `OVERSPILL_SPILL_PACKING` | `one_by_one`, `packed` |
    /// | `OVERSPILL_SPILL_REDACT` | paths as in [`Redact`](crate::spill::Redact), with commas between them: removed from records, besides what the program removes |
    /// | `OVERSPILL_SPILL_FILE` | a path: the fallback appends to it instead of writing to stderr, and creates it with mode 0600; the file is never renamed nor opened again, so rotate it with `copytruncate` |
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
        // In the order of their names, of which one would silently undo the other.
        if ["BEARER_TOKEN", "BEARER_TOKEN_FILE"].iter().all(|name| variables.contains_key(*name)) {
            return Err(BuildError::Environment(format!(
                "{PREFIX}BEARER_TOKEN and {PREFIX}BEARER_TOKEN_FILE are both set: remove one"
            )));
        }
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
            "BEARER_TOKEN_FILE" => self.bearer_auth_file(value),
            "HEADERS" => serde_json::from_str::<Pairs>(value)
                .map_err(|_| takes(r#"a JSON object, like {"x-key": "value"}, of headers that differ"#))?
                .0
                .into_iter()
                .fold(self, |builder, (name, value)| builder.header(name, value)),
            "PLAINTEXT_CREDENTIALS" if value == "allow" => self.allow_plaintext_credentials(),
            "PLAINTEXT_CREDENTIALS" => return Err(takes("allow, or must be unset")),
            "PROXY" => self.proxy(value),
            "UNIX_SOCKET" => self.unix_socket(value),
            "ROOT_CERTIFICATE_FILE" => self.root_certificate_pem(pem_of(value).map_err(|why| takes(&why))?),
            // Before the key, by the order of their names.
            "CLIENT_CERTIFICATE_FILE" => {
                let pem = pem_of(value).map_err(|why| takes(&why))?;
                Builder { client_certificate_pem: vec![pem], ..self }
            }
            "CLIENT_KEY_FILE" => self.client_certificate_pem(pem_of(value).map_err(|why| takes(&why))?),
            "QUEUE_EVENTS_MAX" => self.queue_events_max(number()?),
            "QUEUE_BYTES_MAX" => self.queue_bytes_max(bytes()?),
            "EVENT_BYTES_MAX" => self.event_bytes_max(bytes()?),
            "BATCH_EVENTS_MAX" => self.batch_events_max(number()?),
            "BATCH_BYTES_MAX" => self.batch_bytes_max(bytes()?),
            "BATCH_AGE_MAX" => self.batch_age_max(time()?),
            "POSTS_IN_FLIGHT_MAX" => self.posts_in_flight_max(number()?),
            "CONNECT_TIMEOUT" => self.connect_timeout(time()?),
            "POST_TIMEOUT" => self.post_timeout(time()?),
            "CONNECTION_IDLE_MAX" => self.connection_idle_max(time()?),
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
            "SPILL_LINE_BYTES_MAX" => self.spill_line_bytes_max(bytes()?),
            "SPILL_BYTES_PER_SECOND_MAX" => self.spill_bytes_per_second_max(bytes()?),
            "SPILL_REDACT" => {
                let redact = value
                    .split(',')
                    .fold(self.spill_redact.clone(), |redact, path| redact.remove(path.trim()));
                if redact.wrong_path().is_some() {
                    return Err(takes(
                        "JSON pointers with commas between them, like /user/email,/**/password",
                    ));
                }
                self.spill_redact(redact)
            }
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

/// Names and values, no name twice: of two the first would be gone without a word.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Reads;

        impl<'de> Visitor<'de> for Reads {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::<(String, String)>::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if pairs.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(&name)) {
                        return Err(A::Error::custom("a name twice"));
                    }
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Reads)
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

/// What is in a file with certificates or a key, or what the variable takes.
fn pem_of(path: &str) -> Result<Vec<u8>, String> {
    let read = || {
        // Before it is opened: a pipe would wait for its writer.
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
