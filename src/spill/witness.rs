//! The interface for a tracing layer that writes records itself and therefore knows whether they are kept. `SpillLayer` (feature
//! `tracing-layer`) is one.
//!
//! While the current subscriber handles a record or a notice, the layer reports from its
//! `enabled` that it is present, and from its `on_event` whether its write succeeded.
//! That answer then counts, instead of the fact that some layer formatted the record.

use crate::sync::thread_local;
use std::cell::Cell;
use std::io;

/// What layers reported while they were given a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WitnessReport {
    /// There is no such layer.
    Nobody,
    /// A layer is present.
    Present,
    /// A layer could not write the record.
    Failed,
    /// A layer wrote the record.
    Kept,
}

thread_local! {
    // `None`: no record or notice of ours is with a subscriber on this thread.
    static ANSWER: Cell<Option<WitnessReport>> = const { Cell::new(None) };
}

/// Call this when a layer that answers for its writes is asked about a record or a notice. It has no effect at any other time.
pub fn present() {
    say(WitnessReport::Present);
}

/// Call this when the layer has written the record or notice it was given, or could not. It has no effect at any other time.
pub fn answer(written: &io::Result<()>) {
    say(if written.is_ok() { WitnessReport::Kept } else { WitnessReport::Failed });
}

/// If there are several layers, one that kept the record is enough.
fn say(answer: WitnessReport) {
    ANSWER.with(|said| said.set(said.get().map(|before| before.max(answer))));
}

/// Calls `give`, and returns the best answer that layers gave during the call. Passes a subscriber's panic on.
pub(super) fn listen(give: impl FnOnce()) -> WitnessReport {
    let _outer = Outer(ANSWER.with(|said| said.replace(Some(WitnessReport::Nobody))));
    give();
    ANSWER.with(Cell::get).unwrap_or(WitnessReport::Nobody)
}

/// Restores the outer state even if a subscriber panics.
struct Outer(Option<WitnessReport>);

impl Drop for Outer {
    fn drop(&mut self) {
        ANSWER.with(|said| said.set(self.0));
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_best_answer_counts_and_answers_at_other_times_do_not() {
        let failed = || answer(&Err(io::ErrorKind::BrokenPipe.into()));
        let kept = || answer(&Ok(()));
        kept();
        assert_eq!(listen(|| ()), WitnessReport::Nobody);
        assert_eq!(listen(present), WitnessReport::Present);
        assert_eq!(listen(|| (failed(), present()).1), WitnessReport::Failed);
        assert_eq!(listen(|| (kept(), failed()).1), WitnessReport::Kept);
        // Nested, as when one client's sink makes another client log.
        assert_eq!(listen(|| assert_eq!(listen(kept), WitnessReport::Kept)), WitnessReport::Nobody);
        assert!(std::panic::catch_unwind(|| listen(|| panic!("a subscriber"))).is_err());
        kept();
        assert_eq!(ANSWER.with(Cell::get), None);
    }
}
