//! The candidates for growth, and by how much each grew: single stacks, functions, packages, the whole.
//!
//! In: the profiles on one tree. Out: for each candidate the sums over its stacks. A
//! function counts twice: by itself, for the stacks of which it is the culprit, and with
//! what it calls, for all stacks that it is on, once per stack however often it recurses.

use super::frame::Owner;
use super::joint::{Joint, NOWHERE};
use super::rank::HeldSums;
use super::tree::WalkStep;
use std::collections::{BTreeMap, HashMap};

/// A number for each site, function and package.
#[derive(Debug)]
pub(super) struct Levels {
    /// The sums of each slot.
    pub(super) sums: Vec<HeldSums>,
    pub(super) sites: Vec<Vec<u32>>,
    /// For each function that is a culprit, its sites.
    pub(super) functions: Vec<FunctionLevel>,
    /// For each package, by name, the functions it contains.
    pub(super) packages: BTreeMap<String, Vec<usize>>,
    /// The function of each frame, among all functions.
    instances: Vec<u32>,
    /// For each function: whether it may be what stacks have in common, and its first frame.
    common: Vec<SharedFrame>,
}

#[derive(Debug)]
pub(super) struct FunctionLevel {
    pub(super) frame: u32,
    pub(super) owner: Owner,
    /// Numbers of sites.
    pub(super) sites: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct SharedFrame {
    may: bool,
    frame: u32,
}

/// A function with what it calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calls {
    pub(super) instance: u32,
    pub(super) frame: u32,
    pub(super) sums: HeldSums,
    pub(super) stacks: usize,
    /// Number of its frames, and their depths, summed over all stacks.
    frames: u64,
    depths: u64,
}

impl Calls {
    /// How specific it is: whether it recurses in these stacks, then its average depth in them.
    pub(super) fn depth(&self) -> (u64, u64) {
        let stacks = self.stacks.max(1) as u64;
        (u64::from(self.frames > 2 * stacks), self.depths / stacks)
    }
}

impl Levels {
    pub(super) fn of(joint: &Joint, spans: [usize; 3], period_bytes: u64) -> Levels {
        let slots = 0..joint.slots() as u32;
        let sums =
            slots.map(|slot| HeldSums::of(spans.map(|at| joint.held_at(slot, at)), period_bytes)).collect();
        let (instances, common) = instances(joint);
        let (mut sites, mut by_place) = (Vec::<Vec<u32>>::new(), HashMap::new());
        let (mut functions, mut by_instance) = (Vec::<FunctionLevel>::new(), HashMap::new());
        for (slot, site) in (0_u32..).zip(&joint.sites) {
            let known = *by_place.entry(site.place).or_insert_with(|| {
                sites.push(Vec::new());
                let instance = instances.get(site.culprit as usize).copied().unwrap_or(NOWHERE);
                let function = *by_instance.entry(instance).or_insert_with(|| {
                    let owner =
                        joint.frames.get(site.culprit as usize).map_or(Owner::Runtime, |it| it.owner());
                    functions.push(FunctionLevel { frame: site.culprit, owner, sites: Vec::new() });
                    functions.len() - 1
                });
                functions[function].sites.push(sites.len() - 1);
                sites.len() - 1
            });
            sites[known].push(slot);
        }
        let mut packages = BTreeMap::<String, Vec<usize>>::new();
        for (number, function) in functions.iter().enumerate() {
            let names = joint.frames.get(function.frame as usize).map(|frame| frame.packages());
            for name in names.unwrap_or_default() {
                packages.entry(name).or_default().push(number);
            }
        }
        // A package with one function is that function.
        packages.retain(|_, functions| functions.len() > 1);
        Levels { sums, sites, functions, packages, instances, common }
    }

    /// How many candidates are tested.
    pub(super) fn candidates(&self) -> usize {
        let common = self.common.iter().filter(|common| common.may).count();
        self.sites.len() + self.functions.len() + common + self.packages.len()
    }

    pub(super) fn sum(&self, slots: impl IntoIterator<Item = u32>) -> HeldSums {
        let mut sum = HeldSums::default();
        slots.into_iter().for_each(|slot| sum += self.sums[slot as usize]);
        sum
    }

    pub(super) fn slots_of(&self, function: usize) -> impl Iterator<Item = u32> {
        self.functions[function].sites.iter().flat_map(|site| self.sites[*site].iter().copied())
    }

    /// Each function with what it calls, without the stacks that are already explained.
    pub(super) fn calls(&self, joint: &Joint, explained: &[bool]) -> Vec<Calls> {
        let mut calls: Vec<Calls> = (0_u32..)
            .zip(&self.common)
            .map(|(instance, common)| Calls {
                instance,
                frame: common.frame,
                sums: HeldSums::default(),
                stacks: 0,
                frames: 0,
                depths: 0,
            })
            .collect();
        // What was already summed when the walk first entered the function is not its own.
        let mut before: Vec<HeldSums> = Vec::new();
        let mut way: Vec<(u32, usize)> = Vec::new();
        let mut on_way = vec![0_u32; calls.len()];
        let (mut sum, mut stacks) = (HeldSums::default(), 0);
        joint.walk(|step| match step {
            WalkStep::Down(piece, _) => piece.each(|frame| {
                let instance = self.instances[frame as usize];
                if on_way[instance as usize] == 0 {
                    before.push(sum);
                }
                on_way[instance as usize] += 1;
                way.push((instance, stacks));
            }),
            WalkStep::Ends(slot) => {
                if !explained[slot as usize] {
                    sum += self.sums[slot as usize];
                    stacks += 1;
                }
            }
            WalkStep::Back(count) => {
                for _ in 0..count {
                    let Some((instance, stacks_before)) = way.pop() else { return };
                    on_way[instance as usize] -= 1;
                    let is_out = on_way[instance as usize] == 0;
                    let sum_before = if is_out { before.pop() } else { None };
                    if stacks > stacks_before {
                        let call = &mut calls[instance as usize];
                        call.frames += (stacks - stacks_before) as u64;
                        if let Some(sum_before) = sum_before {
                            call.sums += sum - sum_before;
                            call.stacks += stacks - stacks_before;
                            call.depths += (stacks - stacks_before) as u64 * way.len() as u64;
                        }
                    }
                }
            }
        });
        // What all stacks have in common explains none of them.
        calls.retain(|call| {
            self.common[call.instance as usize].may && call.stacks > 1 && call.stacks < stacks
        });
        calls
    }

    /// Removes the stacks that are explained now. `None` if that would cost more than the budget.
    pub(super) fn without(
        &self,
        joint: &Joint,
        calls: &mut Vec<Calls>,
        slots: &[u32],
        budget: &mut usize,
    ) -> Option<()> {
        let mut of_instance = vec![None; self.common.len()];
        for (place, call) in calls.iter().enumerate() {
            of_instance[call.instance as usize] = Some(place);
        }
        // The last stack on which each was seen.
        let mut seen = vec![None; self.common.len()];
        for &slot in slots {
            let frames = joint.numbers(slot);
            *budget = budget.checked_sub(frames.len())?;
            for (depth, frame) in frames.iter().rev().enumerate() {
                let instance = self.instances[*frame as usize];
                let Some(place) = of_instance[instance as usize] else { continue };
                let call = &mut calls[place];
                call.frames = call.frames.saturating_sub(1);
                if seen[instance as usize].replace(slot) != Some(slot) {
                    call.sums = call.sums - self.sums[slot as usize];
                    call.stacks = call.stacks.saturating_sub(1);
                    call.depths = call.depths.saturating_sub(depth as u64);
                }
            }
        }
        calls.retain(|call| call.stacks > 1);
        Some(())
    }

    /// The unexplained stacks that a function is on.
    pub(super) fn slots_on(&self, joint: &Joint, instance: u32, explained: &[bool]) -> Vec<u32> {
        let (mut on_way, mut slots, mut way) = (0_usize, Vec::new(), Vec::new());
        joint.walk(|step| match step {
            WalkStep::Down(piece, _) => {
                let before = on_way;
                piece.each(|frame| on_way += usize::from(self.instances[frame as usize] == instance));
                way.push(before);
            }
            WalkStep::Back(_) => on_way = way.pop().unwrap_or(0),
            WalkStep::Ends(slot) => {
                if on_way > 0 && !explained[slot as usize] {
                    slots.push(slot);
                }
            }
        });
        slots
    }
}

/// The function of each frame, and for each function whether it may be what stacks have in common.
fn instances(joint: &Joint) -> (Vec<u32>, Vec<SharedFrame>) {
    let (mut known, mut common) = (HashMap::new(), Vec::new());
    let instances = (0_u32..)
        .zip(&joint.frames)
        .map(|(number, frame)| {
            *known.entry(frame.instance()).or_insert_with(|| {
                let may = frame.owner() != Owner::Runtime && !frame.is_executor();
                common.push(SharedFrame { may, frame: number });
                common.len() as u32 - 1
            })
        })
        .collect();
    (instances, common)
}
