//! The interface for a tracing layer that writes records itself and therefore knows whether they are kept. `SpillLayer` (feature
//! `tracing-layer`) is one.
//!
//! While the current subscriber has a record or a notice, the layer reports from its `enabled` that it is there, and from its `on_event`
//! how its write went. That answer then counts, instead of the fact that some layer formatted the record.

use crate::sync::thread_local;
use std::cell::Cell;
use std::io;

/// What layers have said while a record was given to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// There is none.
    Nobody,
    /// One is there.
    Present,
    /// It could not write the record.
    Failed,
    /// It has written the record.
    Kept,
}

thread_local! {
    // `None`: nothing of ours is with a subscriber on this thread.
    static ANSWER: Cell<Option<Answer>> = const { Cell::new(None) };
}

/// Call this when a layer that answers for its writes is asked about a record or a notice. It has no effect at any other time.
pub fn present() {
    say(Answer::Present);
}

/// Call this when the layer has written the record or notice it was given, or could not. It has no effect at any other time.
pub fn answer(written: &io::Result<()>) {
    say(if written.is_ok() { Answer::Kept } else { Answer::Failed });
}

/// Of several layers, one that has kept it is enough.
fn say(answer: Answer) {
    ANSWER.with(|said| said.set(said.get().map(|before| before.max(answer))));
}

/// What is said meanwhile, if nothing panics.
pub(super) fn listen(give: impl FnOnce()) -> Answer {
    let _outer = Outer(ANSWER.with(|said| said.replace(Some(Answer::Nobody))));
    give();
    ANSWER.with(Cell::get).unwrap_or(Answer::Nobody)
}

/// Sees to it that a panic of a subscriber leaves nobody listening.
struct Outer(Option<Answer>);

impl Drop for Outer {
    fn drop(&mut self) {
        ANSWER.with(|said| said.set(self.0));
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_best_answer_counts_and_what_is_said_at_other_times_does_not() {
        let failed = || answer(&Err(io::ErrorKind::BrokenPipe.into()));
        let kept = || answer(&Ok(()));
        kept();
        assert_eq!(listen(|| ()), Answer::Nobody);
        assert_eq!(listen(present), Answer::Present);
        assert_eq!(listen(|| (failed(), present()).1), Answer::Failed);
        assert_eq!(listen(|| (kept(), failed()).1), Answer::Kept);
        // One within another, as when a sink of one client makes another client speak.
        assert_eq!(listen(|| assert_eq!(listen(kept), Answer::Kept)), Answer::Nobody);
        assert!(std::panic::catch_unwind(|| listen(|| panic!("a subscriber"))).is_err());
        kept();
        assert_eq!(ANSWER.with(Cell::get), None);
    }
}
