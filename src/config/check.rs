//! Turns settings into a [`Config`]: each within its limits, and none in contradiction to another.

use super::units::Bytes;
use super::{BuildError, Builder, Config};
use crate::common::Common;
use crate::event::largest_event;
use crate::format::{Overhead, Unsent};
use crate::limits::*;
use crate::mode::Mode;
use crate::spill::Redact;
use crate::sync::Arc;
use std::time::Duration;

impl Builder {
    /// The settings that apply to a client without an endpoint.
    pub(crate) fn for_the_log_alone(&self) -> Builder {
        let line = self.spill_line_bytes_max;
        let line_is_valid = (SPILL_LINE_BYTES_LEAST..=SPILL_LINE_BYTES_LIMIT).contains(&line);
        let rate = self.spill_bytes_per_second_max;
        Builder {
            mode: if self.mode == Mode::Off { Mode::Off } else { Mode::LogOnly },
            spill_level: self.spill_level,
            spill_packing: self.spill_packing,
            spill_line_bytes_max: if line_is_valid { line } else { SPILL_LINE_BYTES },
            spill_bytes_per_second_max: rate.max(SPILL_BYTES_PER_SECOND_LEAST),
            spill_redact: match self.spill_redact.wrong_path() {
                Some(_) => Redact::new().that_fails(),
                None => self.spill_redact.clone(),
            },
            spill_sink: self.spill_sink.clone(),
            common_fields: self.common_fields.clone(),
            time_field: self.time_name().map(str::to_owned),
            name_field: self.name_field.clone(),
            format: Box::new(Unsent(self.format.placement())),
            spill_fallback: Arc::clone(&self.spill_fallback),
            observers: self.observers.clone(),
            ..Builder::new("")
        }
        .with_sound_common()
    }

    /// The plain numbers, checked one by one and against each other.
    pub(crate) fn config(&self) -> Result<Config, BuildError> {
        if !self.wrong_variables.is_empty() {
            return Err(BuildError::Environment(self.wrong_variables.join("; ")));
        }
        let size = |name, value, max| in_range(name, value, 1, max);
        let time = |name, value: Duration| {
            if value.is_zero() || value > TIMEOUT_LIMIT {
                return Err(BuildError::invalid(
                    name,
                    format!("is {value:?}"),
                    "choose more than 0 s and at most 1 h",
                ));
            }
            Ok(value)
        };
        let demands = self.format.demands();
        let growth_max = self.checked_growth()?;
        let batch_bytes_max = self.checked_batch_bytes_max(&demands, growth_max)?;
        let queue_bytes_max = size("queue_bytes_max", self.queue_bytes_max, QUEUE_BYTES_LIMIT)?;
        let common = self.checked_common()?;
        let overhead = common.overhead(self.format.overhead(), growth_max);
        let event_bytes_max = self.checked_event_bytes_max(
            &common,
            (overhead, growth_max),
            (batch_bytes_max, queue_bytes_max),
        )?;
        let content_type = self.format.content_type();
        if content_type.trim() != content_type
            || !content_type.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        {
            return Err(BuildError::invalid(
                "format",
                "has a content type that cannot be sent",
                "return printable ASCII without blanks around it from Format::content_type",
            ));
        }
        let batch_events_max = self.checked_batch_events_max(&demands)?;
        let post_timeout = time("post_timeout", self.post_timeout)?;
        let connect_timeout = match self.connect_timeout {
            Some(connect) if connect > post_timeout => Err(BuildError::invalid(
                "connect_timeout",
                format!("is {connect:?}, more than post_timeout ({post_timeout:?}), which includes it"),
                "lower it, or raise post_timeout",
            )),
            Some(connect) => time("connect_timeout", connect),
            None => Ok(CONNECT_TIMEOUT.min(post_timeout)),
        }?;
        Ok(Config {
            queue_events_max: size("queue_events_max", self.queue_events_max, QUEUE_EVENTS_LIMIT)?,
            queue_bytes_max,
            event_bytes_max,
            text_bytes_max: event_bytes_max - common.added_max(),
            overhead,
            common_in_log: self.checked_common_in_log(&common)?,
            common: Arc::new(common),
            growth_max,
            reply_bytes_max: in_range(
                "the format's reply_bytes_max",
                self.format.reply_bytes_max(batch_events_max),
                1,
                REPLY_BYTES_LIMIT,
            )?,
            batch_events_max,
            batch_bytes_max,
            batch_age_max: time("batch_age_max", self.batch_age_max)?,
            posts_in_flight_max: size(
                "posts_in_flight_max",
                self.posts_in_flight_max,
                POSTS_IN_FLIGHT_LIMIT,
            )?,
            connect_timeout,
            post_timeout,
            connection_idle_max: time("connection_idle_max", self.connection_idle_max)?,
            shutdown_timeout: time("shutdown_timeout", self.shutdown_timeout)?,
            probe_interval_max: match self.probe_interval_max {
                Some(interval) => time("probe_interval_max", interval)?,
                None => PROBE_INTERVAL.max(2 * self.batch_age_max.min(TIMEOUT_LIMIT)),
            },
            html_answers: self.html_answers,
            compression: self.checked_compression(&demands)?,
            spill_packing: self.spill_packing,
            spill_bytes_per_second_max: in_range(
                "spill_bytes_per_second_max",
                self.spill_bytes_per_second_max,
                SPILL_BYTES_PER_SECOND_LEAST,
                SPILL_BYTES_PER_SECOND,
            )?,
            spill_redact: self.checked_redact()?,
            spill_line_bytes_max: in_range(
                "spill_line_bytes_max",
                self.spill_line_bytes_max,
                SPILL_LINE_BYTES_LEAST,
                SPILL_LINE_BYTES_LIMIT,
            )?,
            jitter_seed: self.jitter_seed.unwrap_or_else(crate::clock::entropy),
        })
    }

    fn checked_event_bytes_max(
        &self,
        common: &Common,
        (overhead, growth_max): (Overhead, usize),
        (batch_bytes_max, queue_bytes_max): (usize, usize),
    ) -> Result<usize, BuildError> {
        let framed = self.format.layout().frame().overhead();
        if self.format.overhead() == Overhead::UNKNOWN {
            return Err(BuildError::invalid(
                "format",
                "does not say how many bytes it adds",
                "implement Format::encode and Format::overhead, or return a frame from Format::layout",
            ));
        }
        // For one event, and for each further one. An overhead too large for a number is longer than any batch.
        let single = |overhead: Overhead| overhead.per_batch.saturating_add(overhead.per_event);
        if single(framed) > single(overhead) || framed.per_event > overhead.per_event {
            return Err(BuildError::invalid(
                "format",
                "has a frame that is longer than its overhead says",
                "return the frame's own overhead from Format::overhead",
            ));
        }
        let room = batch_bytes_max.checked_sub(single(overhead)).map(|room| room / growth_max);
        let Some(room) = room.filter(|&room| room > 0) else {
            return Err(BuildError::invalid(
                "batch_bytes_max",
                format!("is {}, less than the format's own bytes for a single event", Bytes(batch_bytes_max)),
                "raise it",
            ));
        };
        let room = room.min(self.format.demands().event_bytes_max.unwrap_or(usize::MAX));
        let in_queue = largest_event(queue_bytes_max);
        let Some(chosen) = self.event_bytes_max else {
            return leaves_room(EVENT_BYTES.min(room).min(in_queue), common);
        };
        let chosen = in_range("event_bytes_max", chosen, 1, EVENT_BYTES_LIMIT)?;
        if let Some(most) = self.format.demands().event_bytes_max.filter(|&most| chosen > most) {
            return Err(BuildError::invalid(
                "event_bytes_max",
                format!(
                    "is {}, and the format's endpoint takes events of at most {}",
                    Bytes(chosen),
                    Bytes(most)
                ),
                "lower it, or leave it unset",
            ));
        }
        for (holder, holds) in [("batch_bytes_max", room), ("queue_bytes_max", in_queue)] {
            if chosen > holds {
                return Err(BuildError::invalid(
                    "event_bytes_max",
                    format!(
                        "is {}, but {holder} leaves room for {}: the largest event would never be sent",
                        Bytes(chosen),
                        Bytes(holds)
                    ),
                    format!("lower it, or raise {holder}"),
                ));
            }
        }
        leaves_room(chosen, common)
    }

    fn checked_redact(&self) -> Result<Redact, BuildError> {
        match self.spill_redact.wrong_path() {
            Some(path) => Err(BuildError::invalid(
                "spill_redact",
                format!("has the path {path:?}, which is not a JSON pointer"),
                "begin each path with a slash, like /user/email, and end it with a name or *",
            )),
            None => Ok(self.spill_redact.clone()),
        }
    }
}

/// At least one byte of the event's own must fit.
fn leaves_room(event_bytes_max: usize, common: &Common) -> Result<usize, BuildError> {
    let added = common.added_max();
    if event_bytes_max > added {
        return Ok(event_bytes_max);
    }
    Err(BuildError::invalid(
        "event_bytes_max",
        format!(
            "is {}, and the fields that every event has take {} of it",
            Bytes(event_bytes_max),
            Bytes(added)
        ),
        "raise it (and batch_bytes_max and queue_bytes_max if they limit it), or set fewer common fields",
    ))
}

pub(super) fn in_range(
    name: &'static str,
    value: usize,
    min: usize,
    max: usize,
) -> Result<usize, BuildError> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    let shown = |value: usize| {
        if name.contains("bytes") { Bytes(value).to_string() } else { value.to_string() }
    };
    let remedy = match max {
        usize::MAX => format!("choose {} or more", shown(min)),
        _ => format!("choose {} to {}", shown(min), shown(max)),
    };
    Err(BuildError::invalid(name, format!("is {}", shown(value)), remedy))
}
