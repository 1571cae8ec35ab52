//! Chooses which candidates to report, so that each stack's growth is explained once, by the most specific candidate.
//!
//! - SU1: a candidate that grew beyond the error by itself is reported by itself:
//!   a site, or a function that grew by more than its heaviest site did.
//! - SU2: the rest is spread. Of the functions with what they call, and of the packages, the one whose growth
//!   stands out most from its error is reported: a candidate with less of the growth than another stands out
//!   less, and so does one with more stacks than those that grew. This repeats until nothing is left.
//! - SU3: a caller of everything explains nothing (`levels.rs`); a package
//!   whose functions grow evenly and steadily is reported as one.
//! - SU4: if the whole grew and none of these was found, the whole is reported.

use super::frame::Owner;
use super::joint::Joint;
use super::levels::{Calls, Levels};
use super::rank::{Growth, HeldSums, Odds, Verdict};
use std::collections::HashSet;
use std::time::Duration;

/// What has grown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// One call stack, from your own code outward.
    Stack,
    /// A function: several of its lines, instances, callers or depths of recursion.
    Function,
    /// A function with what it calls.
    Calls,
    /// A module, crate, package or source folder: several of its functions.
    Package,
    /// The heap as a whole: the growth is spread more widely than any of these.
    Whole,
}

crate::names::names!(Level, "a level", {
    Stack = "stack", Function = "function", Calls = "calls", Package = "package", Whole = "whole",
});

/// Maximum number of spread suspects: after a few only small ones are left.
const SPREAD_MAX: usize = 8;

/// The budget for removing their stacks, in walks over all stacks: recursive stacks are long, and share most of their frames.
const SPREAD_WALKS: usize = 4;

/// SU1: a site with this share of its function's growth is reported instead of the function.
const ONE_SITE_SHARE: f64 = 0.9;

/// SU3: a package is reported as one suspect if at least this many of its functions grew, and evenly:
/// as if at least this share of all of them had grown by the same amount.
const EVEN_FUNCTIONS_MIN: usize = 4;
const EVEN_SHARE: f64 = 0.7;
/// The package must also keep growing at this share of its pace: caches that fill at the same time do not.
const STEADY_SHARE: f64 = 0.8;

/// One suspect.
#[derive(Debug, Clone)]
pub(super) struct Suspect {
    pub(super) level: Level,
    /// Its name, if not its culprit's.
    pub(super) name: Option<String>,
    /// The frame to look at, if not the culprit of its heaviest stack.
    pub(super) frame: Option<u32>,
    pub(super) slots: Vec<u32>,
    /// The stacks from which one is shown, if not all of them.
    pub(super) shown: Vec<u32>,
    pub(super) growth: Growth,
}

impl Suspect {
    fn new(level: Level, slots: Vec<u32>, growth: Growth) -> Suspect {
        Suspect { level, name: None, frame: None, slots, shown: Vec::new(), growth }
    }

    fn named(self, name: &str) -> Suspect {
        Suspect { name: Some(name.to_owned()), ..self }
    }
}

pub(super) struct Court<'a> {
    joint: &'a Joint,
    levels: &'a Levels,
    lasting: [Duration; 2],
    period_bytes: u64,
    odds: Odds,
}

impl<'a> Court<'a> {
    pub(super) fn new(
        joint: &'a Joint,
        levels: &'a Levels,
        lasting: [Duration; 2],
        period_bytes: u64,
    ) -> Court<'a> {
        Court { joint, levels, lasting, period_bytes, odds: Odds::of(levels.candidates()) }
    }

    fn judge(&self, sums: &HeldSums) -> Growth {
        Growth::among(sums, self.lasting, self.period_bytes, self.odds)
    }

    /// The heap as a whole: one candidate.
    pub(super) fn whole(&self) -> Growth {
        let sums = self.levels.sum(0..self.joint.slots() as u32);
        Growth::among(&sums, self.lasting, self.period_bytes, Odds::of(1))
    }

    pub(super) fn suspects(&self) -> Vec<Suspect> {
        let mut of_function: Vec<Vec<Suspect>> =
            (0..self.levels.functions.len()).map(|function| self.of_function(function)).collect();
        let mut suspects = self.even_packages(&mut of_function);
        suspects.extend(of_function.into_iter().flatten());
        self.spread(&mut suspects);
        let whole = self.whole();
        let is_told = suspects.iter().any(|suspect| suspect.growth.verdict <= whole.verdict);
        if whole.verdict <= Verdict::Once && !is_told {
            suspects.push(self.the_whole(whole));
        }
        suspects
    }

    /// SU4. The whole was tested alone, and a function as one of many. So if the whole
    /// may be reported, a function that has all of its growth may be reported too.
    fn the_whole(&self, whole: Growth) -> Suspect {
        let alone = |slots: &[u32]| {
            let sums = self.levels.sum(slots.iter().copied());
            Growth::among(&sums, self.lasting, self.period_bytes, Odds::of(1))
        };
        let functions = (0..self.levels.functions.len()).map(|number| {
            let slots: Vec<u32> = self.levels.slots_of(number).collect();
            (alone(&slots), slots)
        });
        let best = functions.max_by(|(a, slots_a), (b, slots_b)| {
            standing_out(a, b).then_with(|| slots_b.len().cmp(&slots_a.len()))
        });
        match best {
            Some((growth, slots))
                if growth.verdict <= whole.verdict && standing_out(&growth, &whole).is_ge() =>
            {
                Suspect::new(Level::Function, slots, growth)
            }
            _ => {
                let slots = (0..self.joint.slots() as u32).collect();
                Suspect::new(Level::Whole, slots, whole)
            }
        }
    }

    /// The suspects in one function (SU1).
    fn of_function(&self, number: usize) -> Vec<Suspect> {
        let function = &self.levels.functions[number];
        let sums = self.levels.sum(self.levels.slots_of(number));
        let growth = self.judge(&sums);
        let mut sites: Vec<(usize, Growth)> = function
            .sites
            .iter()
            .map(|site| (*site, self.judge(&self.levels.sum(self.levels.sites[*site].iter().copied()))))
            .collect();
        let heaviest = sites.iter().min_by_key(|(_, growth)| growth.rank()).copied();
        let single = function.sites.len() == 1;
        sites.retain(|(_, growth)| growth.verdict <= Verdict::Once);
        let told: HashSet<usize> = sites.iter().map(|(site, _)| *site).collect();
        let rest: Vec<u32> = function
            .sites
            .iter()
            .filter(|site| !told.contains(site))
            .flat_map(|site| self.levels.sites[*site].iter().copied())
            .collect();
        let is_nameless = function.owner == Owner::Unknown;
        let grew = growth.verdict <= Verdict::Once;
        let is_one_site = heaviest.is_some_and(|heaviest| self.is_one_site(number, &growth, heaviest));
        let by_site = |(site, growth): &(usize, Growth)| {
            Suspect::new(Level::Stack, self.levels.sites[*site].clone(), *growth)
        };
        let as_one = |slots: Vec<u32>, growth| Suspect::new(Level::Function, slots, growth);
        if single || !grew || is_one_site || (is_nameless && !sites.is_empty()) {
            let mut suspects: Vec<Suspect> = sites.iter().map(by_site).collect();
            let left = self.judge(&self.levels.sum(rest.iter().copied()));
            if left.verdict <= Verdict::Once && !single {
                suspects.push(as_one(rest, left));
            }
            let persists = |suspect: &Suspect| suspect.growth.verdict == Verdict::Persistent;
            if growth.verdict != Verdict::Persistent || suspects.iter().any(persists) {
                return suspects;
            }
        }
        let shown = heaviest.map(|(site, _)| self.levels.sites[site].clone()).unwrap_or_default();
        vec![Suspect { shown, ..as_one(self.levels.slots_of(number).collect(), growth) }]
    }

    /// Whether a function's growth is that of its heaviest site: most of it, or all
    /// that is beyond the error, or all that will go on. A function through which
    /// many caches are filled and one leaks fades as a whole, but the leak does not.
    fn is_one_site(
        &self,
        function: usize,
        growth: &Growth,
        (heaviest, of_heaviest): (usize, Growth),
    ) -> bool {
        if of_heaviest.verdict > Verdict::Once {
            return false;
        }
        let share = of_heaviest.bytes() as f64 / growth.bytes() as f64;
        if share >= ONE_SITE_SHARE
            || of_heaviest.forecast_bytes as f64 * STEADY_SHARE > growth.forecast_bytes as f64
        {
            return true;
        }
        let others = self.levels.functions[function].sites.iter().filter(|site| **site != heaviest);
        let others = others.flat_map(|site| self.levels.sites[*site].iter().copied());
        // Tested once, for a function already found: not one of many.
        let others = self.levels.sum(others);
        Growth::among(&others, self.lasting, self.period_bytes, Odds::of(1)).verdict > Verdict::Once
    }

    /// SU3: removes the suspects that are reported as a package.
    fn even_packages(&self, of_function: &mut [Vec<Suspect>]) -> Vec<Suspect> {
        let mut told = Vec::new();
        let mut packages: Vec<(&String, &Vec<usize>)> = self.levels.packages.iter().collect();
        packages.sort_by_key(|(name, functions)| (std::cmp::Reverse(functions.len()), *name));
        let named = self.levels.functions.iter().filter(|function| function.owner == Owner::Own).count();
        for (name, functions) in packages {
            let own = |number: &&usize| self.levels.functions[**number].owner == Owner::Own;
            let untold = functions.iter().any(|function| !of_function[*function].is_empty());
            // Own code as a whole is no answer.
            if functions.len() < EVEN_FUNCTIONS_MIN
                || functions.iter().filter(own).count() >= named
                || !untold
            {
                continue;
            }
            let slots: Vec<u32> =
                functions.iter().flat_map(|function| self.levels.slots_of(*function)).collect();
            let growth = self.judge(&self.levels.sum(slots.iter().copied()));
            let each = functions.iter().map(|function| {
                let [first, _, last] = self.levels.sum(self.levels.slots_of(*function)).held;
                (last as f64 - first as f64).max(0.0)
            });
            let (sum, squares) =
                each.fold((0.0, 0.0), |(sum, squares), grown| (sum + grown, squares + grown * grown));
            let is_even = sum * sum >= EVEN_SHARE * functions.len() as f64 * squares;
            if growth.verdict == Verdict::Persistent && is_even && growth.steadiness() >= STEADY_SHARE {
                functions.iter().for_each(|function| of_function[*function].clear());
                told.push(Suspect::new(Level::Package, slots, growth).named(name));
            }
        }
        told
    }

    /// Adds suspects for the growth that is spread over several functions (SU2).
    fn spread(&self, suspects: &mut Vec<Suspect>) {
        let mut explained = vec![false; self.joint.slots()];
        let explain = |explained: &mut Vec<bool>, slots: &[u32]| {
            slots.iter().for_each(|slot| explained[*slot as usize] = true);
        };
        suspects.iter().for_each(|suspect| explain(&mut explained, &suspect.slots));
        let mut calls = self.levels.calls(self.joint, &explained);
        // A candidate that does not stand out with all of its stacks does not stand out with fewer.
        calls.retain(|call| self.judge(&call.sums).verdict == Verdict::Persistent);
        let mut budget = self.joint.size().saturating_mul(SPREAD_WALKS);
        for _ in 0..SPREAD_MAX {
            let Some(found) = self.most_spread(&calls, &explained) else { return };
            explain(&mut explained, &found.slots);
            let left = match calls.is_empty() {
                true => Some(()),
                false => self.levels.without(self.joint, &mut calls, &found.slots, &mut budget),
            };
            suspects.push(found);
            if left.is_none() {
                return;
            }
        }
    }

    fn most_spread(&self, calls: &[Calls], explained: &[bool]) -> Option<Suspect> {
        let judged = calls.iter().map(|call| (self.judge(&call.sums), call));
        let best_calls = judged.filter(|(growth, _)| growth.verdict == Verdict::Persistent).max_by(
            |(a, call_a), (b, call_b)| {
                let by_depth = || call_a.depth().cmp(&call_b.depth());
                let by_name = || {
                    self.joint.frames[call_b.frame as usize].cmp(&self.joint.frames[call_a.frame as usize])
                };
                standing_out(a, b).then_with(by_depth).then_with(by_name)
            },
        );
        let left = |functions: &[usize]| -> Vec<u32> {
            let slots = functions.iter().flat_map(|function| self.levels.slots_of(*function));
            slots.filter(|slot| !explained[*slot as usize]).collect()
        };
        let unexplained = explained.iter().filter(|is| !**is).count();
        let best_package = self
            .levels
            .packages
            .iter()
            .map(|(name, functions)| (name, left(functions)))
            .filter(|(_, slots)| slots.len() > 1 && slots.len() < unexplained)
            .map(|(name, slots)| (self.judge(&self.levels.sum(slots.iter().copied())), name, slots))
            .filter(|(growth, ..)| growth.verdict == Verdict::Persistent)
            // The smallest of those that stand out equally.
            .max_by(|(a, name_a, _), (b, name_b, _)| {
                standing_out(a, b)
                    .then_with(|| name_a.len().cmp(&name_b.len()))
                    .then_with(|| name_b.cmp(name_a))
            });
        let of_calls = |growth: Growth, instance: u32, frame: u32| {
            let slots = self.levels.slots_on(self.joint, instance, explained);
            Suspect { frame: Some(frame), ..Suspect::new(Level::Calls, slots, growth) }
        };
        match (best_calls, best_package) {
            (Some((growth, _)), Some((package, name, slots))) if standing_out(&package, &growth).is_gt() => {
                Some(Suspect::new(Level::Package, slots, package).named(name))
            }
            (Some((growth, call)), _) => Some(of_calls(growth, call.instance, call.frame)),
            (None, Some((growth, name, slots))) => {
                Some(Suspect::new(Level::Package, slots, growth).named(name))
            }
            (None, None) => None,
        }
    }
}

/// Compares growth in standard errors; rounding differences do not count.
fn standing_out(a: &Growth, b: &Growth) -> std::cmp::Ordering {
    let (a, b) = (a.whole.sigmas(), b.whole.sigmas());
    if (a - b).abs() <= 1e-6 * a.abs().max(b.abs()) { std::cmp::Ordering::Equal } else { a.total_cmp(&b) }
}
