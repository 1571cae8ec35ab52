//! Profiles joined by call stack, and what grew among them.
//!
//! - C1: a stack ends at the frame below which libraries do what one's own code asked of them: where a `Vec` had to grow
//!   while a library filled it is chance, and would split one leak into many.
//! - C2: the result does not depend on the order of stacks in a profile.

use super::error::CompareError;
use super::frame::{Frame, Owner};
use super::profile::{Held, Profile, Stack};
use super::rank::{Growth, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What [`compare`] has found.
#[derive(Debug, Clone)]
pub struct Comparison {
    grown: Vec<Grown>,
    total: Vec<Held>,
    lasting: [Duration; 2],
    sample_period_bytes: u64,
    stacks: usize,
}

/// A call stack that has grown.
#[derive(Debug, Clone)]
pub struct Grown {
    stack: Stack,
    culprit: Arc<Frame>,
    held: Vec<Held>,
    spans: [usize; 3],
    growth: Growth,
    /// Whole stacks, by how much each grew from the first profile to the last.
    members: Vec<(Stack, i64)>,
}

/// Compares three profiles of one process in the order of time, or more: then the intervals are from the first to the one nearest
/// the middle in time, and from there to the last; what shrank in between, beyond noise, has not grown persistently.
///
/// # Errors
/// If there are fewer than three, if they are not in the order of time, or not of the same program and build.
pub fn compare(profiles: &[Profile]) -> Result<Comparison, CompareError> {
    let [first, .., last] = profiles else { return Err(CompareError::TooFew(profiles.len())) };
    if profiles.len() < 3 {
        return Err(CompareError::TooFew(profiles.len()));
    }
    one_program(profiles)?;
    in_order(profiles)?;
    let since = |profile: &Profile| profile.taken().duration_since(first.taken()).unwrap_or_default();
    let whole = since(last);
    let middle = (1..profiles.len() - 1)
        .min_by_key(|index| since(&profiles[*index]).abs_diff(whole / 2))
        .unwrap_or_default();
    let lasting = [since(&profiles[middle]), whole - since(&profiles[middle])];
    let spans = [0, middle, profiles.len() - 1];
    // The coarsest profile limits what can be told.
    let period = profiles.iter().map(Profile::sample_period_bytes).max().unwrap_or(1);

    let (sites, stacks) = joined(profiles);
    let mut grown: Vec<Grown> = sites
        .into_iter()
        .filter_map(|(stack, site)| {
            let held = spans.map(|index| site.held[index].bytes);
            let growth = Growth::of(held, lasting, period);
            let shrinks = |pair: &[Held]| {
                let growth = Growth::of([pair[0].bytes, pair[1].bytes, pair[1].bytes], lasting, period);
                growth.verdict == Verdict::Shrank
            };
            let growth = match growth.verdict {
                Verdict::Persistent if site.held.windows(2).any(shrinks) => growth.demoted(),
                Verdict::Persistent | Verdict::Once => growth,
                Verdict::Noise | Verdict::Shrank => return None,
            };
            let mut members = site.members;
            members.sort_by(|(a, grown_a), (b, grown_b)| grown_b.cmp(grown_a).then_with(|| a.cmp(b)));
            Some(Grown { culprit: culprit_of(&stack), stack, held: site.held, spans, growth, members })
        })
        .collect();
    // Stable: equals stay in the order of their stacks.
    grown.sort_by_key(|stack| stack.growth.rank());
    let total = profiles.iter().map(|profile| profile.held_by(|_| true)).collect();
    Ok(Comparison { grown, total, lasting, sample_period_bytes: period, stacks })
}

impl Comparison {
    /// What grew in both intervals, the worst first. Empty is good news.
    pub fn persistent(&self) -> &[Grown] {
        let end = self.grown.partition_point(|stack| stack.growth.verdict == Verdict::Persistent);
        &self.grown[..end]
    }

    /// What grew once and no more, the most first: caches that have filled, and leaks that have just begun.
    pub fn once(&self) -> &[Grown] {
        &self.grown[self.persistent().len()..]
    }

    /// What was held in all at each profile.
    pub fn total(&self) -> &[Held] {
        &self.total
    }

    /// How long the two intervals were.
    pub fn lasting(&self) -> [Duration; 2] {
        self.lasting
    }

    /// One allocation in so many bytes was looked at: what is near it is in no profile.
    pub fn sample_period_bytes(&self) -> u64 {
        self.sample_period_bytes
    }

    /// How many call stacks there were, in all profiles.
    pub fn stacks(&self) -> usize {
        self.stacks
    }

    /// What grew persistently, in the format of flame graph tools: a line for each stack, the outermost frame first, then the bytes that
    /// it grew from the first profile to the last. Without the frames of allocator and standard library. Empty if nothing grew.
    pub fn folded(&self) -> String {
        let mut lines = BTreeMap::<String, i64>::new();
        for (stack, grown) in self.persistent().iter().flat_map(|stack| &stack.members) {
            let is_shown = |frame: &&Arc<Frame>| frame.owner() != Owner::Runtime;
            let all = !stack.iter().any(|frame| is_shown(&frame));
            // The format's separator is not in the names.
            let frames = stack.iter().rev().filter(|frame| all || is_shown(frame));
            let frames = frames.map(|frame| frame.to_string().replace(';', ","));
            *lines.entry(frames.collect::<Vec<_>>().join(";")).or_default() += grown;
        }
        lines
            .iter()
            .filter(|(_, grown)| **grown > 0)
            .map(|(stack, grown)| format!("{stack} {grown}\n"))
            .collect()
    }
}

impl Grown {
    /// The frame to look at: the innermost one of the program's own code, but for code that copies or describes a value on
    /// behalf of its caller; without any, the innermost that is not the allocator's or the standard library's.
    pub fn culprit(&self) -> &Frame {
        &self.culprit
    }

    /// From where libraries begin to the outermost frame, the innermost first.
    pub fn stack(&self) -> &[Arc<Frame>] {
        &self.stack
    }

    /// The whole stack that grew most among those beneath, down to the allocator, the innermost frame first.
    pub fn deepest(&self) -> &[Arc<Frame>] {
        self.members.first().map_or(&self.stack, |(stack, _)| stack)
    }

    /// What it held at each profile.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// By how much it grew, and what that means.
    pub fn growth(&self) -> &Growth {
        &self.growth
    }

    /// Objects grown in each of the two intervals; `None` if the profiles do not count them.
    pub fn objects_grown(&self) -> [Option<i64>; 2] {
        let at = self.spans.map(|index| self.held[index].objects.and_then(|count| i64::try_from(count).ok()));
        [(at[0], at[1]), (at[1], at[2])].map(|(before, after)| Some(after? - before?))
    }
}

fn one_program(profiles: &[Profile]) -> Result<(), CompareError> {
    let (first, build) = profiles[0].identity();
    for (profile, number) in profiles.iter().zip(1..) {
        let (other, other_build) = profile.identity();
        if (other, other_build) != (first, build) {
            let named = |name: &str, build: &str| {
                let name = if name.is_empty() { "an unnamed program" } else { name };
                if build.is_empty() { name.to_owned() } else { format!("{name} (build {build})") }
            };
            return Err(CompareError::OtherProgram {
                profile: number,
                first: named(first, build),
                other: named(other, other_build),
            });
        }
    }
    Ok(())
}

fn in_order(profiles: &[Profile]) -> Result<(), CompareError> {
    let late = profiles.windows(2).position(|pair| pair[1].taken() <= pair[0].taken());
    let Some(late) = late else { return Ok(()) };
    let mut by_time: Vec<usize> = (1..=profiles.len()).collect();
    by_time.sort_by_key(|number| profiles[number - 1].taken());
    Err(CompareError::NotInOrder { profile: late + 2, by_time })
}

/// What is held beneath one place, in each profile.
struct Site {
    held: Vec<Held>,
    members: Vec<(Stack, i64)>,
}

/// All profiles by place, and how many stacks they have in all.
fn joined(profiles: &[Profile]) -> (BTreeMap<Stack, Site>, usize) {
    let mut whole = BTreeMap::<&Stack, Vec<Held>>::new();
    for (index, profile) in profiles.iter().enumerate() {
        for (stack, held) in profile.stacks() {
            whole.entry(stack).or_insert_with(|| none_held(profiles))[index] = held;
        }
    }
    let stacks = whole.len();
    let mut sites = BTreeMap::<Stack, Site>::new();
    for (stack, held) in whole {
        let site = sites
            .entry(cut(stack))
            .or_insert_with(|| Site { held: none_held(profiles), members: Vec::new() });
        site.held.iter_mut().zip(&held).for_each(|(sum, held)| *sum += *held);
        let ends =
            [&held[0], &held[held.len() - 1]].map(|held| i64::try_from(held.bytes).unwrap_or(i64::MAX));
        site.members.push((stack.clone(), ends[1] - ends[0]));
    }
    (sites, stacks)
}

fn none_held(profiles: &[Profile]) -> Vec<Held> {
    let none = |profile: &Profile| Held { bytes: 0, objects: profile.counts_objects().then_some(0) };
    profiles.iter().map(none).collect()
}

/// C1. Beneath an executor run the tasks of many, which are not its caller's: there only the standard library is cut off.
fn cut(stack: &Stack) -> Stack {
    let own = culprit_index(stack);
    let from = if stack[..own].iter().any(|frame| frame.is_executor()) {
        stack.iter().position(|frame| frame.owner() != Owner::Runtime).unwrap_or(own)
    } else {
        own
    };
    stack[from..].to_vec()
}

fn culprit_index(stack: &Stack) -> usize {
    let own = |frame: &Arc<Frame>| frame.owner() == Owner::Own;
    stack
        .iter()
        .position(|frame| own(frame) && !frame.is_on_behalf())
        .or_else(|| stack.iter().position(own))
        .or_else(|| stack.iter().position(|frame| frame.owner() == Owner::Dependency))
        .unwrap_or(0)
}

fn culprit_of(stack: &Stack) -> Arc<Frame> {
    let unknown = || Arc::new(Frame::of("(a stack without frames)", "", 0));
    stack.get(culprit_index(stack)).map_or_else(unknown, Arc::clone)
}
