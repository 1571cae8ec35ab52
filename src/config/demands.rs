//! Checks the settings against what the format's endpoint accepts; settings left unset follow it.

use super::units::Bytes;
use super::{BuildError, Builder, check::in_range};
use crate::format::compress::{Compression, Compressor};
use crate::format::{Demands, Layout, TokenHeader};
use crate::limits::*;

impl Builder {
    /// Sends a token the way the [format](Builder::format)'s endpoint wants it: `authorization: Bearer TOKEN` unless the format says
    /// otherwise (`Authorization: Splunk TOKEN`, `DD-API-KEY: TOKEN`). It replaces a [header](Builder::header) of that name and is never
    /// shown. Over plain http `build` refuses it like [`bearer_auth`](Builder::bearer_auth), whatever the header's name.
    pub fn token(mut self, token: impl Into<String>) -> Builder {
        self.token = Some(token.into());
        self
    }

    /// The header and value that the format's endpoint expects.
    pub(super) fn token_header(&self, token: &str) -> (String, String) {
        let TokenHeader { name, prefix } = self.format.demands().token;
        (name.to_ascii_lowercase(), format!("{prefix}{token}"))
    }

    pub(super) fn checked_growth(&self) -> Result<usize, BuildError> {
        let growth = self.format.growth_max();
        let problem = match self.format.layout() {
            Layout::Framed(_) if growth != 1 => {
                "has a frame, which leaves events as they are, but says that they grow"
            }
            _ if !(1..=GROWTH_LIMIT).contains(&growth) => "says that events grow by an impossible factor",
            _ => return Ok(growth),
        };
        let remedy = format!("return 1 to {GROWTH_LIMIT} from Format::growth_max, and 1 with a frame");
        Err(BuildError::invalid("format", problem, remedy))
    }

    pub(super) fn checked_batch_events_max(&self, demands: &Demands) -> Result<usize, BuildError> {
        let taken = demands.events_max.unwrap_or(BATCH_EVENTS_LIMIT);
        let Some(chosen) = self.batch_events_max else { return Ok(BATCH_EVENTS.min(taken)) };
        let chosen = in_range("batch_events_max", chosen, 1, BATCH_EVENTS_LIMIT)?;
        if chosen > taken {
            return Err(BuildError::invalid(
                "batch_events_max",
                format!("is {chosen}, and the format's endpoint takes at most {taken} events a request"),
                "lower it, or leave it unset",
            ));
        }
        Ok(chosen)
    }

    pub(super) fn checked_batch_bytes_max(
        &self,
        demands: &Demands,
        growth_max: usize,
    ) -> Result<usize, BuildError> {
        let taken = demands.body_bytes_max.unwrap_or(BATCH_BYTES_LIMIT);
        let Some(chosen) = self.batch_bytes_max else {
            let default = BATCH_BYTES.saturating_mul(growth_max).clamp(BATCH_BYTES, BATCH_BYTES_GROWN);
            return Ok(default.min(taken));
        };
        let chosen = in_range("batch_bytes_max", chosen, 1, BATCH_BYTES_LIMIT)?;
        if chosen > taken {
            return Err(BuildError::invalid(
                "batch_bytes_max",
                format!(
                    "is {}, and the format's endpoint takes bodies of at most {}",
                    Bytes(chosen),
                    Bytes(taken)
                ),
                "lower it, or leave it unset",
            ));
        }
        Ok(chosen)
    }

    pub(super) fn checked_compression(&self, demands: &Demands) -> Result<Compression, BuildError> {
        let (Some(encoding), Some(taken)) = (Compressor::new(self.compression).encoding(), demands.encodings)
        else {
            return Ok(self.compression);
        };
        if taken.contains(&encoding) {
            return Ok(self.compression);
        }
        let remedy = match taken {
            [] => "leave compression off".to_owned(),
            taken => format!("choose {}, or leave compression off", taken.join(" or ")),
        };
        Err(BuildError::invalid(
            "compression",
            format!("is {encoding}, which the format's endpoint is not known to unpack"),
            remedy,
        ))
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::format::{
        Body, Datadog, Events, Format, Honeycomb, JsonArray, Loki, Ndjson, NewRelic, Otlp, OtlpJson,
        Overhead, SplunkHec,
    };

    fn with(format: impl Format) -> Builder {
        Builder::new("http://127.0.0.1:9/").format(format)
    }

    fn refused(builder: Builder) -> String {
        builder.config().unwrap_err().to_string()
    }

    #[test]
    fn unset_limits_follow_the_endpoint_and_contradicting_ones_are_an_error_that_says_what_it_takes() {
        let datadog = with(Datadog::new()).config().unwrap();
        assert_eq!((datadog.batch_events_max, datadog.batch_bytes_max), (BATCH_EVENTS, BATCH_BYTES));
        for (builder, expected) in [
            (
                with(Datadog::new()).batch_events_max(1_001),
                "batch_events_max is 1001, and the format's endpoint takes at most 1000 events a request: lower it, or leave it unset",
            ),
            (
                with(NewRelic::new()).batch_bytes_max(1 << 20),
                "batch_bytes_max is 1 MiB, and the format's endpoint takes bodies of at most 1000000 B: lower it",
            ),
            (
                with(Honeycomb::new()).batch_bytes_max(4 << 20).event_bytes_max(1 << 20),
                "event_bytes_max is 1 MiB, and the format's endpoint takes events of at most 1000000 B: lower it",
            ),
            (with(Datadog::new()).batch_events_max(0), "batch_events_max is 0: choose 1 to 10000"),
        ] {
            let error = refused(builder);
            assert!(error.contains(expected), "{error}");
        }
        let full = with(Datadog::new()).batch_events_max(1_000).batch_bytes_max(5_000_000);
        assert_eq!(full.config().unwrap().batch_bytes_max, 5_000_000);
    }

    #[test]
    fn a_format_that_makes_events_longer_gets_larger_bodies_and_any_event_still_fits_one() {
        for (builder, growth, batch, event) in [
            (with(Ndjson), 1, BATCH_BYTES, EVENT_BYTES),
            (with(Loki::new()), 2, 2 * BATCH_BYTES, EVENT_BYTES),
            (with(Otlp::new()), 6, BATCH_BYTES_GROWN, EVENT_BYTES),
            (with(OtlpJson::new()), 15, BATCH_BYTES_GROWN, EVENT_BYTES),
            (with(OtlpJson::new()).batch_bytes_max(16_000), 15, 16_000, (16_000 - 192 - 480 - 64) / 15),
        ] {
            let config = builder.config().unwrap();
            assert_eq!(
                (config.growth_max, config.batch_bytes_max, config.event_bytes_max),
                (growth, batch, event)
            );
        }
        let error = refused(with(OtlpJson::new()).batch_bytes_max(300_000).event_bytes_max(64 << 10));
        assert!(error.contains("batch_bytes_max leaves room for"), "{error}");
    }

    #[cfg(all(feature = "gzip", feature = "zstd"))]
    #[test]
    fn a_compression_that_the_endpoint_is_not_known_to_accept_is_refused() {
        use crate::format::KafkaRest;
        let error = refused(with(Datadog::new()).zstd());
        assert!(
            error.contains(
                "compression is zstd, which the format's endpoint is not known to unpack: choose gzip"
            ),
            "{error}"
        );
        assert!(refused(with(KafkaRest::new()).gzip()).contains("leave compression off"));
        for builder in [
            with(Datadog::new()).gzip(),
            with(Otlp::new()).zstd(),
            with(JsonArray).zstd(),
            with(KafkaRest::new()),
        ] {
            builder.config().unwrap();
        }
    }

    #[test]
    fn a_token_is_placed_where_the_endpoint_expects_it_and_never_travels_in_plain_text() {
        for (builder, name, value) in [
            (with(JsonArray), "authorization", "Bearer canary"),
            (with(SplunkHec::new()), "authorization", "Splunk canary"),
            (with(Datadog::new()), "dd-api-key", "canary"),
            (with(Honeycomb::new()), "x-honeycomb-team", "canary"),
        ] {
            let mut builder = builder.token("canary");
            let config = builder.config().unwrap();
            assert!(!format!("{builder:?}").contains("canary"));
            assert_eq!(builder.http_settings(&config).token, Some((name.to_owned(), value.to_owned())));
            // Its name does not show that it is a credential.
            builder.endpoint = "http://telemetry.example.com/".to_owned();
            let error = builder.token("canary").build().unwrap_err();
            assert!(matches!(error, BuildError::PlaintextCredentials), "{error}");
        }
    }

    struct Grows(usize);

    impl Format for Grows {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn encode(&self, _: Events<'_>, _: &mut Body) {}

        fn overhead(&self) -> Overhead {
            Overhead { per_batch: 0, per_event: 0 }
        }

        fn growth_max(&self) -> usize {
            self.0
        }

        fn reply_bytes_max(&self, events_max: usize) -> usize {
            (events_max * self.0) << 20
        }
    }

    #[test]
    fn a_format_with_impossible_figures_is_an_error() {
        for growth in [0, GROWTH_LIMIT + 1, usize::MAX] {
            assert!(refused(with(Grows(growth))).contains("return 1 to 64 from Format::growth_max"));
        }
        assert!(refused(with(Grows(2)).batch_events_max(10)).contains("reply_bytes_max is 20 MiB"));
    }
}
