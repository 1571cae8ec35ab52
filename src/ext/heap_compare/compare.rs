//! Compares profiles: the input and output of [`compare`].

use super::error::{CompareError, Warning};
use super::frame::{Frame, FunctionFrame, Owner};
use super::identity::{self, Processes};
use super::joint::{Joining, Joint, NOWHERE};
use super::levels::Levels;
use super::profile::{Held, Profile, Stack};
use super::rank::{Growth, Odds, Verdict};
use super::suspects::{Court, Level, Suspect};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Of stacks with equal growth, at most this many are compared by their frames.
const EQUALS_MAX: usize = 1_000;

/// The result of [`compare`].
#[derive(Debug, Clone)]
pub struct Comparison {
    grown: Vec<Grown>,
    whole: Growth,
    total: Vec<Held>,
    lasting: [Duration; 2],
    sample_period_bytes: u64,
    stacks: usize,
    warnings: Vec<Warning>,
}

/// A call stack that has grown, or several that have something in common: see [`Grown::level`].
#[derive(Debug, Clone)]
pub struct Grown {
    joint: Arc<Joint>,
    level: Level,
    name: String,
    culprit: Arc<Frame>,
    held: Vec<Held>,
    spans: [usize; 3],
    growth: Growth,
    /// The stacks that it covers; the first one is shown.
    slots: Vec<u32>,
    stack: OnceLock<Stack>,
    deepest: OnceLock<Stack>,
}

/// Options of a comparison, for cases in which [`compare`] does not fit.
///
/// ```no_run
/// use overspill::heap_compare::{Comparing, Profile};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Three pods of one deployment, of the same age.
/// let pods = [Profile::read_file("a.pb.gz")?, Profile::read_file("b.pb.gz")?, Profile::read_file("c.pb.gz")?];
/// let comparison = Comparing::new().allow_different_processes().compare(&pods)?;
/// comparison.warnings().iter().for_each(|warning| eprintln!("{warning}"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Comparing {
    processes: Processes,
}

impl Comparing {
    /// The same options as [`compare`].
    pub fn new() -> Comparing {
        Comparing { processes: Processes::One }
    }

    /// Also compares profiles of several processes, or of several builds: a difference between
    /// them need not be growth. The [warnings](Comparison::warnings) say which profiles they are.
    #[must_use]
    pub fn allow_different_processes(self) -> Comparing {
        Comparing { processes: Processes::Any }
    }

    /// Compares three or more profiles in order of time.
    ///
    /// # Errors
    /// Like [`compare`], except for what was allowed.
    pub fn compare(&self, profiles: &[Profile]) -> Result<Comparison, CompareError> {
        if profiles.len() < 3 {
            return Err(CompareError::TooFew(profiles.len()));
        }
        let mut joining = Joining::new();
        profiles.iter().try_for_each(|profile| joining.add(profile))?;
        self.judged(joining)
    }

    /// Compares profiles as they arrive, and keeps none of them: for profiles that together do not fit in memory.
    ///
    /// # Errors
    /// Like [`compare`], except for what was allowed; and the first error among the profiles.
    pub fn compare_each<E: From<CompareError>>(
        &self,
        profiles: impl IntoIterator<Item = Result<Profile, E>>,
    ) -> Result<Comparison, E> {
        let mut joining = Joining::new();
        for profile in profiles {
            joining.add(&profile?)?;
        }
        Ok(self.judged(joining)?)
    }

    fn judged(&self, joining: Joining) -> Result<Comparison, CompareError> {
        let taken = &joining.taken;
        if taken.len() < 3 {
            return Err(CompareError::TooFew(taken.len()));
        }
        let warnings = identity::check(taken, self.processes)?;
        let moments = identity::moments(taken)?;
        let last = moments.len() - 1;
        let whole = moments[last];
        let middle = (1..last).min_by_key(|index| moments[*index].abs_diff(whole / 2)).unwrap_or(1);
        let lasting = [moments[middle], whole.saturating_sub(moments[middle])];
        let spans = [0, middle, last];
        // The coarsest profile limits the resolution.
        let period = taken.iter().map(|taken| taken.period_bytes).max().unwrap_or(1);

        let (joint, taken) = joining.finish();
        let joint = Arc::new(joint);
        let levels = Levels::of(&joint, spans, period);
        let court = Court::new(&joint, &levels, lasting, period);
        let mut grown: Vec<Grown> = court
            .suspects()
            .into_iter()
            .map(|suspect| Grown::of(suspect, &joint, spans, lasting, period))
            .collect();
        // Equal ranks are sorted by content, because the order of stacks in a profile means nothing.
        grown.sort_by(|a, b| {
            let by_content = || (&a.culprit, &a.name).cmp(&(&b.culprit, &b.name));
            let by_rank = a.growth.rank().cmp(&b.growth.rank());
            by_rank.then_with(by_content).then_with(|| a.stack().cmp(b.stack()))
        });
        Ok(Comparison {
            grown,
            whole: court.whole(),
            total: taken.iter().map(|taken| taken.total).collect(),
            lasting,
            sample_period_bytes: period,
            stacks: joint.slots(),
            warnings,
        })
    }
}

impl Default for Comparing {
    fn default() -> Comparing {
        Comparing::new()
    }
}

/// Compares three or more profiles of one process in order of time. With more than three,
/// the intervals are from the first to the one nearest the middle in time, and from there
/// to the last; what shrank in between, beyond noise, has not grown persistently.
///
/// # Errors
/// If there are fewer than three, if they are not in order of time, or if they
/// say that they are of different processes, or of different programs or builds.
pub fn compare(profiles: &[Profile]) -> Result<Comparison, CompareError> {
    Comparing::new().compare(profiles)
}

impl Comparison {
    /// What grew in both intervals, the worst first: single stacks, or what the stacks that grew have in common. Each
    /// stack counts in only one of them. Empty only if the [whole](Comparison::whole) did not grow persistently either.
    pub fn persistent(&self) -> &[Grown] {
        let end = self.grown.partition_point(|stack| stack.growth.verdict == Verdict::Persistent);
        &self.grown[..end]
    }

    /// What grew only once, the most first: caches that have filled, and leaks that have just begun.
    pub fn once(&self) -> &[Grown] {
        &self.grown[self.persistent().len()..]
    }

    /// The growth of the heap as a whole, whatever single stacks did.
    pub fn whole(&self) -> &Growth {
        &self.whole
    }

    /// The smallest growth of the whole, from the first profile to the last,
    /// that could be told from sampling error: less may have gone unseen.
    pub fn detectable_bytes(&self) -> u64 {
        (self.whole.whole.standard_error_bytes * Odds::of(1).sigmas) as u64
    }

    /// The total held at each profile.
    pub fn total(&self) -> &[Held] {
        &self.total
    }

    /// The length of the two intervals.
    pub fn lasting(&self) -> [Duration; 2] {
        self.lasting
    }

    /// One allocation in this many bytes was sampled: the profiles may not show growth of about this size.
    pub fn sample_period_bytes(&self) -> u64 {
        self.sample_period_bytes
    }

    /// The number of call stacks in all profiles.
    pub fn stacks(&self) -> usize {
        self.stacks
    }

    /// What may spoil the comparison: whether it covers one process, and when its profiles were taken.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What grew persistently, in the format of flame graph tools: a line for each stack, the outermost frame
    /// first, then the bytes by which it grew from the first profile to the last. Frames of the allocator and
    /// the standard library are left out; a function that calls itself appears once. Empty if nothing grew.
    pub fn folded(&self) -> String {
        let mut lines = BTreeMap::<String, i64>::new();
        for grown in self.persistent() {
            for slot in &grown.slots {
                let stack = grown.joint.stack(*slot);
                let is_shown = |frame: &&Arc<Frame>| frame.owner() != Owner::Runtime;
                let all = !stack.iter().any(|frame| is_shown(&frame));
                let mut frames: Vec<&Arc<Frame>> =
                    stack.iter().rev().filter(|frame| all || is_shown(frame)).collect();
                frames.dedup();
                // The format's separator does not occur in the names.
                let frames: Vec<String> =
                    frames.iter().map(|frame| frame.to_string().replace(';', ",")).collect();
                let line = lines.entry(frames.join(";")).or_default();
                *line = line.saturating_add(grown.joint.grown_by(*slot));
            }
        }
        lines
            .iter()
            .filter(|(_, grown)| **grown > 0)
            .map(|(stack, grown)| format!("{stack} {grown}\n"))
            .collect()
    }
}

impl Grown {
    fn of(
        suspect: Suspect,
        joint: &Arc<Joint>,
        spans: [usize; 3],
        lasting: [Duration; 2],
        period: u64,
    ) -> Grown {
        let Suspect { level, name, frame, mut slots, shown, growth } = suspect;
        slots.sort_by_cached_key(|slot| std::cmp::Reverse(joint.grown_by(*slot)));
        // Shows the heaviest candidate first; of equals, the one whose content sorts first.
        let shown: HashSet<u32> = shown.into_iter().collect();
        let mut candidates =
            (0..slots.len()).filter(|at| shown.is_empty() || shown.contains(&slots[*at])).peekable();
        let most = candidates.peek().map_or(0, |at| joint.grown_by(slots[*at]));
        let equals = candidates.take_while(|at| joint.grown_by(slots[*at]) >= most).take(EQUALS_MAX);
        if let Some(first) = equals.min_by_key(|at| joint.stack(slots[*at])) {
            slots.swap(0, first);
        }
        let mut held: Vec<Held> = joint.held(slots.first().copied().unwrap_or(0));
        for slot in slots.iter().skip(1) {
            held.iter_mut().zip(joint.held(*slot)).for_each(|(sum, held)| *sum += held);
        }
        let shrinks = |pair: &[Held]| {
            let growth = Growth::of([pair[0].bytes, pair[1].bytes, pair[1].bytes], lasting, period);
            growth.verdict == Verdict::Shrank
        };
        let is_saw = growth.verdict == Verdict::Persistent && held.windows(2).any(shrinks);
        let growth = if is_saw { growth.demoted() } else { growth };
        let culprit = frame.or_else(|| slots.first().map(|slot| joint.sites[*slot as usize].culprit));
        let culprit = culprit.filter(|culprit| *culprit != NOWHERE);
        let is_nameless = |culprit: &u32| joint.frames[*culprit as usize].owner() == Owner::Unknown;
        let culprit = match culprit.filter(is_nameless) {
            Some(nameless) if level < Level::Calls => joint.innermost_of_their_own(&slots).or(Some(nameless)),
            _ => culprit,
        };
        let culprit = match culprit {
            Some(culprit) => Arc::clone(&joint.frames[culprit as usize]),
            None => Arc::new(Arc::new(FunctionFrame::nowhere()).at(0)),
        };
        let name = match (level, name) {
            (_, Some(name)) => name,
            (Level::Whole, None) => "the whole heap".to_owned(),
            (Level::Stack, None) => culprit.name().to_owned(),
            (_, None) => culprit.instance().0.to_owned(),
        };
        Grown {
            joint: Arc::clone(joint),
            level,
            name,
            culprit,
            held,
            spans,
            growth,
            slots,
            stack: OnceLock::new(),
            deepest: OnceLock::new(),
        }
    }

    /// What grew: one call stack, or something that several have in common.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Its name: the function, without type parameters and closure numbers, or the package.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many complete call stacks, down to the allocator, it covers.
    pub fn spread(&self) -> usize {
        self.slots.len()
    }

    /// The frame to look at: the innermost one of the program's own code, skipping code that copies
    /// or describes a value on behalf of its caller. Without any such frame, the innermost one
    /// outside the allocator and the standard library. For several stacks, the frame of the one
    /// that grew most; for a function [with what it calls](Level::Calls), a frame of that function.
    ///
    /// In a program without names it is the innermost frame that no other stack has, or
    /// else one that not all stacks have: [`Frame::address`] lets tools find the name.
    pub fn culprit(&self) -> &Frame {
        &self.culprit
    }

    /// The call stack without the library code at its inner end, the innermost frame first. For several stacks, the one that grew most.
    pub fn stack(&self) -> &[Arc<Frame>] {
        self.stack.get_or_init(|| {
            let Some(slot) = self.slots.first() else { return Stack::new() };
            let cut = self.joint.sites[*slot as usize].cut as usize;
            self.joint.stack(*slot).split_off(cut)
        })
    }

    /// The complete stack that grew most among those covered, down to the allocator, the innermost frame first.
    pub fn deepest(&self) -> &[Arc<Frame>] {
        self.deepest
            .get_or_init(|| self.slots.first().map_or_else(Stack::new, |slot| self.joint.stack(*slot)))
    }

    /// What it held at each profile.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// By how much it grew, and what that means.
    pub fn growth(&self) -> &Growth {
        &self.growth
    }

    /// Growth in objects in each of the two intervals; `None` if the profiles do not count them.
    pub fn objects_grown(&self) -> [Option<i64>; 2] {
        let at = self.spans.map(|index| self.held[index].objects.and_then(|count| i64::try_from(count).ok()));
        [(at[0], at[1]), (at[1], at[2])].map(|(before, after)| Some(after? - before?))
    }
}
