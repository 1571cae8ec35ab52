//! Several profiles on one tree of frames, and where each stack's own code begins.
//!
//! - JT1: a stack's site ends at the frame below which libraries do what your own code asked of them.
//!   It is chance in which of their functions a `Vec` grew, and that must not split one leak into many.
//! - JT2: the result does not depend on the order of stacks in a profile.

use super::error::CompareError;
use super::frame::{Frame, Owner};
use super::identity::ProfileIdentity;
use super::profile::{Held, Profile, Stack};
use super::tree::{ROOT, Tree, WalkStep};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// No frame: for a stack without any.
pub(super) const NOWHERE: u32 = u32::MAX;

/// In a program without names: a frame called by this many others, at
/// the inner end of stacks, belongs to the allocator or a library.
const CALLERS_OF_A_LIBRARY: usize = 4;

pub(super) struct Joint {
    pub(super) frames: Vec<Arc<Frame>>,
    tree: Tree,
    /// What each profile holds at each of its slots.
    held: Vec<Vec<Held>>,
    /// What a profile holds at a slot that it does not have.
    none: Vec<Held>,
    /// Where each slot's own code begins.
    pub(super) sites: Vec<Site>,
    /// How many stacks each frame is on; empty if all frames have names.
    stacks_with: Vec<usize>,
}

/// A tree to which profiles are added one after the other, so that none must be kept for the next.
pub(super) struct Joining {
    joint: Joint,
    known: HashMap<Arc<Frame>, u32>,
    pub(super) taken: Vec<ProfileFacts>,
}

/// What is kept of a profile besides its stacks.
#[derive(Debug, Clone)]
pub(super) struct ProfileFacts {
    pub(super) identity: ProfileIdentity,
    pub(super) period_bytes: u64,
    pub(super) total: Held,
}

impl Joining {
    pub(super) fn new() -> Joining {
        let joint = Joint {
            frames: Vec::new(),
            tree: Tree::new(),
            held: Vec::new(),
            none: Vec::new(),
            sites: Vec::new(),
            stacks_with: Vec::new(),
        };
        Joining { joint, known: HashMap::new(), taken: Vec::new() }
    }

    pub(super) fn add(&mut self, profile: &Profile) -> Result<(), CompareError> {
        self.taken.push(ProfileFacts {
            identity: profile.identity.clone(),
            period_bytes: profile.sample_period_bytes(),
            total: profile.held_in_all(),
        });
        self.joint.add(profile, &mut self.known).ok_or(CompareError::TooLarge)
    }

    pub(super) fn finish(self) -> (Joint, Vec<ProfileFacts>) {
        let mut joint = self.joint;
        joint.tree.finish();
        joint.find_sites();
        (joint, self.taken)
    }
}

/// Where a stack's own code begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    /// Equal for all stacks that are the same from there outward.
    pub(super) place: u32,
    /// The frame to look at.
    pub(super) culprit: u32,
    /// How many frames are further in.
    pub(super) cut: u32,
}

impl std::fmt::Debug for Joint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joint")
            .field("frames", &self.frames.len())
            .field("stacks", &self.slots())
            .finish_non_exhaustive()
    }
}

impl Joint {
    pub(super) fn slots(&self) -> usize {
        self.tree.slots()
    }

    /// What a stack held at each profile.
    pub(super) fn held(&self, slot: u32) -> Vec<Held> {
        (0..self.held.len()).map(|profile| self.held_at(slot, profile)).collect()
    }

    pub(super) fn held_at(&self, slot: u32, profile: usize) -> Held {
        self.held[profile].get(slot as usize).copied().unwrap_or(self.none[profile])
    }

    /// By how many bytes a stack grew from the first profile to the last.
    pub(super) fn grown_by(&self, slot: u32) -> i64 {
        let at = |profile| i128::from(self.held_at(slot, profile).bytes);
        let bytes = at(self.held.len() - 1) - at(0);
        i64::try_from(bytes).unwrap_or(if bytes < 0 { i64::MIN } else { i64::MAX })
    }

    /// The innermost frame first.
    pub(super) fn stack(&self, slot: u32) -> Stack {
        self.tree.stack(slot).iter().map(|frame| Arc::clone(&self.frames[*frame as usize])).collect()
    }

    /// The numbers of its frames.
    pub(super) fn numbers(&self, slot: u32) -> Vec<u32> {
        self.tree.stack(slot)
    }

    /// How many numbers the tree keeps for all stacks.
    pub(super) fn size(&self) -> usize {
        self.tree.numbers()
    }

    pub(super) fn walk(&self, tell: impl FnMut(WalkStep<'_>)) {
        self.tree.walk(tell);
    }

    fn add(&mut self, profile: &Profile, known: &mut HashMap<Arc<Frame>, u32>) -> Option<()> {
        let numbers: Vec<u32> = profile
            .frames
            .iter()
            .map(|frame| {
                *known.entry(Arc::clone(frame)).or_insert_with(|| {
                    self.frames.push(Arc::clone(frame));
                    self.frames.len() as u32 - 1
                })
            })
            .collect();
        // Each place's frames, the outermost first.
        let (mut flat, mut ends) = (Vec::new(), vec![0]);
        for place in &profile.places {
            flat.extend(place.iter().rev().map(|frame| numbers[*frame as usize]));
            ends.push(flat.len());
        }
        let none = Held { bytes: 0, objects: profile.counts_objects().then_some(0) };
        let mut held_here = vec![none; self.slots()];
        let (mut way, mut more) = (vec![ROOT], Vec::new());
        let mut fits = true;
        profile.tree.walk(|step| match step {
            WalkStep::Down(piece, _) => {
                more.clear();
                piece.each(|place| match flat[ends[place as usize]..ends[place as usize + 1]] {
                    [frame] => more.push(frame),
                    ref frames => more.extend_from_slice(frames),
                });
                let at = way.last().copied().unwrap_or(ROOT);
                let next = self.tree.down(at, &more);
                fits &= next.is_some();
                way.push(next.unwrap_or(at));
            }
            WalkStep::Back(_) => _ = way.pop(),
            WalkStep::Ends(slot) => {
                let held = profile.held[slot as usize];
                if held.bytes > 0 {
                    let slot = self.tree.slot(way.last().copied().unwrap_or(ROOT)) as usize;
                    held_here.resize(self.tree.slots(), none);
                    held_here[slot] += held;
                }
            }
        });
        held_here.shrink_to_fit();
        self.held.push(held_here);
        self.none.push(none);
        fits.then_some(())
    }

    /// Finds where each stack's own code begins (JT1).
    fn find_sites(&mut self) {
        let alien = self.nameless_libraries();
        let kinds: Vec<FrameKind> =
            self.frames.iter().zip(alien).map(|(frame, alien)| FrameKind::of(frame, alien)).collect();
        let nowhere = Site { place: NOWHERE, culprit: NOWHERE, cut: 0 };
        let mut sites = vec![nowhere; self.slots()];
        let mut way: Vec<On> = Vec::new();
        self.tree.walk(|step| match step {
            WalkStep::Down(piece, mut place) => piece.each(|frame| {
                let before = way.last().copied().unwrap_or(On::NOTHING);
                way.push(before.to(way.len() as u32, &kinds[frame as usize], frame, place));
                place += 1;
            }),
            WalkStep::Back(count) => way.truncate(way.len() - count),
            WalkStep::Ends(slot) => {
                if let Some(last) = way.last() {
                    let (culprit, cut) = last.culprit_and_cut(way.len() as u32 - 1);
                    sites[slot as usize] = Site {
                        place: way[cut as usize].place,
                        culprit: way[culprit as usize].frame,
                        cut: way.len() as u32 - 1 - cut,
                    };
                }
            }
        });
        self.sites = sites;
    }

    /// Finds which frames without names belong to the profiler, the allocator or a library, from how stacks share them.
    fn nameless_libraries(&mut self) -> Vec<Alien> {
        let mut alien: Vec<Alien> = self.frames.iter().map(|_| Alien::No).collect();
        if !self.frames.iter().any(|frame| frame.owner() == Owner::Unknown) {
            return alien;
        }
        let mut on_way = vec![0_u32; self.frames.len()];
        let mut stacks = vec![0_usize; self.frames.len()];
        let mut callers = HashSet::new();
        let mut called_by = vec![0_usize; self.frames.len()];
        let (mut ended, mut way) = (0, Vec::new());
        self.tree.walk(|step| match step {
            WalkStep::Down(piece, _) => piece.each(|frame| {
                let (caller, _) = way.last().copied().unwrap_or((NOWHERE, 0));
                if caller != frame && callers.insert((frame, caller)) {
                    called_by[frame as usize] += 1;
                }
                way.push((frame, ended));
                on_way[frame as usize] += 1;
            }),
            WalkStep::Back(count) => {
                for (frame, since) in way.drain(way.len() - count..).rev() {
                    on_way[frame as usize] -= 1;
                    if on_way[frame as usize] == 0 {
                        stacks[frame as usize] += ended - since;
                    }
                }
            }
            WalkStep::Ends(_) => ended += 1,
        });
        for (frame, alien) in alien.iter_mut().enumerate() {
            if ended > 1 && stacks[frame] == ended {
                *alien = Alien::OfAll;
            } else if called_by[frame] >= CALLERS_OF_A_LIBRARY {
                *alien = Alien::OfMany;
            }
        }
        self.stacks_with = stacks;
        alien
    }

    /// In a program without names: of the first of these stacks, the innermost frame that only these stacks
    /// have. A function of the allocator may also be missing from some stacks, but that says nothing about them.
    pub(super) fn innermost_of_their_own(&self, slots: &[u32]) -> Option<u32> {
        let mut stacks = HashMap::<u32, (usize, u32)>::new();
        for &slot in slots {
            for frame in self.numbers(slot) {
                let (count, last) = stacks.entry(frame).or_insert((0, NOWHERE));
                if *last != slot {
                    (*count, *last) = (*count + 1, slot);
                }
            }
        }
        let is_their_own = |frame: &u32| {
            let all = self.stacks_with.get(*frame as usize);
            self.frames[*frame as usize].owner() == Owner::Unknown
                && all == stacks.get(frame).map(|(count, _)| count)
        };
        self.numbers(*slots.first()?).into_iter().find(is_their_own)
    }
}

/// Whether a frame without a name is shared so widely that it cannot be the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alien {
    No,
    /// It is on all stacks.
    OfAll,
    /// It has many callers.
    OfMany,
}

/// The properties of a frame that decide where your own code begins.
struct FrameKind {
    owner: Owner,
    alien: Alien,
    is_on_behalf: bool,
    is_executor: bool,
}

impl FrameKind {
    fn of(frame: &Frame, alien: Alien) -> FrameKind {
        let (is_on_behalf, is_executor) = (frame.is_on_behalf(), frame.is_executor());
        FrameKind { owner: frame.owner(), alien, is_on_behalf, is_executor }
    }
}

/// A frame on the way from the root, and the depth of the innermost
/// frame of each kind so far; `NOWHERE` if there is none.
#[derive(Debug, Clone, Copy)]
struct On {
    frame: u32,
    place: u32,
    own: u32,
    own_on_behalf: u32,
    nameless: u32,
    nameless_of_many: u32,
    dependency: u32,
    not_runtime: u32,
    executor: u32,
}

impl On {
    const NOTHING: On = On {
        frame: NOWHERE,
        place: NOWHERE,
        own: NOWHERE,
        own_on_behalf: NOWHERE,
        nameless: NOWHERE,
        nameless_of_many: NOWHERE,
        dependency: NOWHERE,
        not_runtime: NOWHERE,
        executor: NOWHERE,
    };

    fn to(mut self, depth: u32, kind: &FrameKind, frame: u32, place: u32) -> On {
        (self.frame, self.place) = (frame, place);
        match kind.owner {
            Owner::Own if kind.is_on_behalf => self.own_on_behalf = depth,
            Owner::Own => (self.own, self.own_on_behalf) = (depth, depth),
            Owner::Dependency => self.dependency = depth,
            Owner::Unknown => match kind.alien {
                Alien::No => (self.nameless, self.nameless_of_many) = (depth, depth),
                Alien::OfMany => self.nameless_of_many = depth,
                Alien::OfAll => {}
            },
            Owner::Runtime => {}
        }
        if kind.owner != Owner::Runtime && kind.alien != Alien::OfAll {
            self.not_runtime = depth;
        }
        if kind.is_executor {
            self.executor = depth;
        }
        self
    }

    /// The depth of the frame to look at, and of the frame where the site ends.
    fn culprit_and_cut(&self, innermost: u32) -> (u32, u32) {
        let kinds = [self.own, self.own_on_behalf, self.nameless, self.nameless_of_many, self.dependency];
        let culprit = kinds.into_iter().find(|depth| *depth != NOWHERE).unwrap_or(innermost);
        // An executor runs tasks of many owners, not of its caller: there only the standard library is cut off.
        let is_executors = self.executor != NOWHERE && self.executor > culprit;
        (culprit, if is_executors && self.not_runtime != NOWHERE { self.not_runtime } else { culprit })
    }
}
