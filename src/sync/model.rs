//! The primitives that replace those of `sync` while a checker tries the interleavings.
//!
//! Out: one set of names for two checkers, so that a model is written once. loom tries every interleaving of a small model
//! and knows weak memory; shuttle tries a great many random ones of a model of any size, up to the whole client, and treats
//! memory as sequentially consistent. So loom finds bugs that need a fence, and shuttle finds bugs that need many threads.
//!
//! `.ci/models` runs both, from the package `tests/models`, which has these sources and the checkers.

pub(crate) mod channel;
#[cfg(not(overspill_shuttle))]
mod exhaustive;
#[cfg(overspill_shuttle)]
mod random;
// Reports what the checkers have tried, as the other tests report their figures.
#[cfg(test)]
#[path = "../../tests/it/figures.rs"]
#[allow(clippy::print_stdout, clippy::expect_used, reason = "figures are for the person who runs the models")]
mod figures;

#[cfg(not(overspill_shuttle))]
pub(crate) use exhaustive::*;
#[cfg(overspill_shuttle)]
pub(crate) use random::*;
