//! Flush requests: waits until what was in the queue has been settled. Moves nothing, but a batch does not wait
//! for more events meanwhile.

use super::batch::Batch;
use crate::shared::Shared;

/// The flush being waited for. Requests that come meanwhile are answered together by the next one.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    answered: u64,
    current: Option<Barrier>,
}

/// Everything pulled before this position must be settled.
#[derive(Debug, Clone, Copy)]
struct Barrier {
    number: u64,
    position: u64,
}

impl Flushes {
    /// Whether this batch holds something that a flush waits for.
    pub(crate) fn waits_for(&self, batch: &Batch) -> bool {
        self.waits_for_pull(batch.first_pull)
    }

    /// Whether a flush waits for what is pulled at this position.
    pub(crate) fn waits_for_pull(&self, position: u64) -> bool {
        self.current.is_some_and(|barrier| position < barrier.position)
    }

    /// The number of a flush that is done, if any. For a new request, everything pushed before it is swept into the line, whose length
    /// then says how far the flush reaches, because the line is first in, first out.
    pub(crate) fn advance(
        &mut self,
        shared: &Shared,
        pulled: u64,
        opened: usize,
        first_unsettled: u64,
    ) -> Option<u64> {
        if self.current.is_none() {
            let asked = shared.flushes_asked();
            if asked > self.answered {
                // First the number, then the sweep.
                let mut line = shared.settler.queue.line();
                line.sweep();
                let queued = (opened + line.len()) as u64;
                self.current = Some(Barrier { number: asked, position: pulled + queued });
                // Nothing has been done yet about a filling batch: look once more.
                shared.settler.queue.ring();
            }
        }
        let barrier = self
            .current
            .filter(|barrier| pulled >= barrier.position && first_unsettled >= barrier.position)?;
        self.answered = barrier.number;
        self.current = None;
        if shared.flushes_asked() > self.answered {
            shared.settler.queue.ring();
        }
        Some(barrier.number)
    }
}
