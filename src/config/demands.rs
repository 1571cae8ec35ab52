//! What the format's endpoint takes, against what was set; what was left unset follows it.

use super::units::Bytes;
use super::{BuildError, Builder, check::in_range};
use crate::format::compress::{Compression, Packer};
use crate::format::{Demands, Layout, TokenHeader};
use crate::limits::*;

impl Builder {
    /// A token, as the [format](Builder::format)'s endpoint wants it: `authorization: Bearer TOKEN` unless the format says otherwise
    /// (`Authorization: Splunk TOKEN`, `DD-API-KEY: TOKEN`). A header, and treated as one: [`header`](Builder::header).
    pub fn token(mut self, token: impl Into<String>) -> Builder {
        self.token = Some(token.into());
        self
    }

    /// As the format's endpoint wants it.
    pub(super) fn token_header(&self, token: &str) -> (String, String) {
        let TokenHeader { name, prefix } = self.format.demands().token;
        (name.to_ascii_lowercase(), format!("{prefix}{token}"))
    }

    pub(super) fn checked_growth(&self) -> Result<usize, BuildError> {
        let growth = self.format.growth_max();
        let problem = match self.format.layout() {
            Layout::Framed(_) if growth != 1 => {
                "has a frame, which leaves events as they are, and says that they grow"
            }
            _ if !(1..=GROWTH_LIMIT).contains(&growth) => {
                "says that events grow by a number of times that cannot be"
            }
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
        let (Some(encoding), Some(taken)) = (Packer::new(self.compression).encoding(), demands.encodings)
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
