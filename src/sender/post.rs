//! From a batch, or a part of it, to a request on the wire.

use super::Sender;
use super::batch::{Batch, BatchLimits};
use super::fit::{Fit, Size};
use super::flight::{Flight, Patience};
use super::halving::Halving;
use super::outage::Purpose;
use crate::format::{Body, Layout};
use crate::limits::{PROBE_EVENTS_MAX, PROBE_TIMEOUT, TRANSPORT_GRACE};
use crate::outcome::{MaybeDelivered, Reason};
use crate::sync::contain;
use crate::transport::{Request, RequestBody};
use std::ops::Range;

/// A range of a batch that is to be posted: all of it, a probe, or a half; for the first time or the second.
pub(super) struct Post {
    pub(super) range: Range<usize>,
    pub(super) purpose: Purpose,
    pub(super) patience: Patience,
    pub(super) halving: Halving,
    /// Whether the first try may have been delivered, if this is the second, which has the same number.
    pub(super) first_try: Option<MaybeDelivered>,
    /// What the endpoint has said about a larger part of the batch.
    pub(super) refusal: String,
}

impl Post {
    /// The first post of a range. A range that is larger than the endpoint takes is posted in parts.
    pub(super) fn first(
        batch: &Batch,
        range: Range<usize>,
        (purpose, patience): (Purpose, Patience),
        fit: &Fit,
        limits: &BatchLimits,
    ) -> Post {
        let mut halving = Halving::of(range.len());
        let mut first = range.clone();
        if !fit.allows(size_of(batch, &range, limits)) {
            halving = Halving::of_parts(range);
            let part = halving.next(|range| fit.allows(size_of(batch, range, limits)));
            first = part.unwrap_or(first);
        }
        Post { range: first, purpose, patience, halving, first_try: None, refusal: String::new() }
    }

    /// A few events, to find out whether the endpoint answers; the others wait for the result.
    pub(super) fn feeler(batch: &Batch) -> Post {
        let mut halving = Halving::of_parts(0..batch.len());
        let first = halving.next(is_feeler).unwrap_or(0..batch.len());
        let (purpose, patience) = (Purpose::Delivery, Patience::Short);
        Post { range: first, purpose, patience, halving, first_try: None, refusal: String::new() }
    }
}

/// Whether these are few enough events to find out whether the endpoint answers.
pub(super) fn is_feeler(range: &Range<usize>) -> bool {
    range.len() <= PROBE_EVENTS_MAX
}

/// The size of a body with these events. That of a whole batch is known without a look at each event.
pub(super) fn size_of(batch: &Batch, range: &Range<usize>, limits: &BatchLimits) -> Size {
    let all = *range == (0..batch.len());
    let texts = if all { batch.text_len() } else { batch.text_of(range) };
    Size { events: range.len(), bytes: limits.body(range.len(), texts) }
}

impl Sender {
    pub(super) fn post(&mut self, mut batch: Batch, post: Post) {
        let Post { range, purpose, patience, halving, first_try, refusal } = post;
        if first_try.is_none() {
            self.posts += 1;
            batch.number = self.posts;
        }
        batch.number_events();
        let body = match self.body(&mut batch, &range) {
            Ok(body) => body,
            Err(why) => {
                // This says nothing about the endpoint, so it does not count toward an outage.
                batch.spill_rest(Reason::FormatFailed, &why);
                return self.end(batch);
            }
        };
        let timeout = match patience {
            Patience::Full => self.shared.config.post_timeout,
            Patience::Short => self.shared.config.post_timeout.min(PROBE_TIMEOUT),
        };
        let request = Request {
            body,
            content_type: self.format.content_type(),
            content_encoding: self.compressor.encoding(),
            idempotency_key: format!("{}-{}", self.shared.spill.client(), batch.number),
            timeout,
            settled_by: self.format.settled_by(),
            reply_bytes_max: self.shared.config.reply_bytes_max,
            reply_headers: self.format.reply_headers(),
        };
        batch.post(range.clone());
        let posting = self.transport.post(request);
        let started_at = self.shared.now();
        self.moved_at = started_at;
        let late_at = started_at.after(timeout).after(TRANSPORT_GRACE);
        self.flights.push(Flight {
            batch,
            range,
            purpose,
            patience,
            halving,
            first_try,
            refusal,
            started_at,
            late_at,
            posting,
        });
    }

    fn body(&mut self, batch: &mut Batch, range: &Range<usize>) -> Result<RequestBody, String> {
        let body = match self.limits.layout {
            Layout::Framed(_) => batch.body(range),
            Layout::Encoded => self.encoded(batch, range)?,
        };
        self.compressor.compress(body).map_err(|error| error.to_string())
    }

    fn encoded(&self, batch: &Batch, range: &Range<usize>) -> Result<RequestBody, String> {
        let mut body = Body::with_room(self.limits.body(range.len(), batch.text_of(range)));
        contain(|| self.format.encode(batch.events(range.clone()), &mut body))
            .map_err(|panicked| format!("the format panicked: {}", panicked.0))?;
        let body = body.finish().ok_or("the format wrote more than its overhead allows")?;
        Ok(RequestBody::from(body))
    }
}
