//! Call stacks that share their callers: a tree in which each stack is a path from the root, stored in pieces.
//!
//! In: stacks, the outermost frame first, one number per frame. Out: a slot for each stack, for which the
//! tree's owner may store anything. A piece is a run of numbers without a branch, so 1,500 levels of recursion
//! are one piece of 1,500 numbers, and stacks that share nothing cost their own numbers and a node each.
//!
//! - TR1: a walk visits each number once, however many stacks share it: its cost is not the number of stacks times their depth.
//! - TR2: a cursor stays valid as long as numbers are added only below it: a piece that is split keeps its upper part.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// No node, no slot.
const NONE: u32 = u32::MAX;

/// Maximum numbers in a tree: node and place are 32 bits wide.
const NUMBERS_MAX: usize = u32::MAX as usize - 1;

#[derive(Debug, Clone)]
struct Node {
    parent: u32,
    /// Its numbers are `numbers[begins..ends]`.
    begins: u32,
    ends: u32,
    child: u32,
    sibling: u32,
    slot: u32,
}

/// A place in the tree: this many numbers down a node's piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TreeCursor {
    node: u32,
    down: u32,
}

/// The root.
pub(super) const ROOT: TreeCursor = TreeCursor { node: 0, down: 0 };

/// The steps of a walk.
pub(super) enum WalkStep<'a> {
    /// Down a piece, and the place of its first number: equal places mean equal paths from the root.
    Down(NumberRun<'a>, u32),
    /// A stack ends here.
    Ends(u32),
    /// Back up the piece entered last.
    Back(usize),
}

/// Numbers without a branch between them, the outermost first.
#[derive(Clone, Copy)]
pub(super) enum NumberRun<'a> {
    Narrow(&'a [u16]),
    Wide(&'a [u32]),
}

impl NumberRun<'_> {
    pub(super) fn each(self, mut tell: impl FnMut(u32)) {
        match self {
            NumberRun::Narrow(numbers) => numbers.iter().for_each(|number| tell((*number).into())),
            NumberRun::Wide(numbers) => numbers.iter().for_each(|number| tell(*number)),
        }
    }

    fn len(self) -> usize {
        match self {
            NumberRun::Narrow(numbers) => numbers.len(),
            NumberRun::Wide(numbers) => numbers.len(),
        }
    }
}

/// All pieces, one after the other. Most programs have fewer frames than 65,536.
#[derive(Debug, Clone)]
enum Numbers {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

/// A full vector grows by this share of its length: doubling would take half of the memory of a large tree.
const GROWS_BY: usize = 4;
const GROWS_BY_MIN: usize = 1 << 12;

fn grow<T>(numbers: &mut Vec<T>, more: usize) {
    if numbers.capacity() - numbers.len() < more {
        numbers.reserve_exact(more + numbers.len() / GROWS_BY + GROWS_BY_MIN);
    }
}

impl Numbers {
    fn len(&self) -> usize {
        match self {
            Numbers::Narrow(numbers) => numbers.len(),
            Numbers::Wide(numbers) => numbers.len(),
        }
    }

    fn at(&self, place: u32) -> u32 {
        match self {
            Numbers::Narrow(numbers) => numbers[place as usize].into(),
            Numbers::Wide(numbers) => numbers[place as usize],
        }
    }

    fn piece(&self, begins: u32, ends: u32) -> NumberRun<'_> {
        let range = begins as usize..ends as usize;
        match self {
            Numbers::Narrow(numbers) => NumberRun::Narrow(&numbers[range]),
            Numbers::Wide(numbers) => NumberRun::Wide(&numbers[range]),
        }
    }

    /// How many numbers from there on are the same.
    fn same(&self, begins: u32, ends: u32, others: &[u32]) -> usize {
        let pairs = |equal: &mut dyn Iterator<Item = bool>| equal.take_while(|equal| *equal).count();
        match self.piece(begins, ends) {
            NumberRun::Narrow(numbers) => {
                pairs(&mut numbers.iter().zip(others).map(|(ours, theirs)| u32::from(*ours) == *theirs))
            }
            NumberRun::Wide(numbers) => {
                pairs(&mut numbers.iter().zip(others).map(|(ours, theirs)| ours == theirs))
            }
        }
    }

    fn extend(&mut self, more: &[u32]) {
        if let Numbers::Narrow(narrow) = self {
            if more.iter().all(|number| *number <= u16::MAX.into()) {
                grow(narrow, more.len());
                narrow.extend(more.iter().map(|number| *number as u16));
                return;
            }
            *self = Numbers::Wide(narrow.iter().map(|number| u32::from(*number)).collect());
        }
        if let Numbers::Wide(wide) = self {
            grow(wide, more.len());
            wide.extend_from_slice(more);
        }
    }
}

/// A fast hash of two numbers: a tree has millions of such pairs. A file
/// that was made to cause collisions slows down only its own comparison.
#[derive(Debug, Default, Clone, Copy)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(26) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    numbers: Numbers,
    /// The children by their first number.
    children: HashMap<(u32, u32), u32, BuildHasherDefault<Mixed>>,
    /// The node at which each slot's stack ends.
    ends: Vec<u32>,
}

impl Tree {
    pub(super) fn new() -> Tree {
        let root = Node { parent: NONE, begins: 0, ends: 0, child: NONE, sibling: NONE, slot: NONE };
        Tree {
            nodes: vec![root],
            numbers: Numbers::Narrow(Vec::new()),
            children: HashMap::default(),
            ends: Vec::new(),
        }
    }

    /// How many stacks it has.
    pub(super) fn slots(&self) -> usize {
        self.ends.len()
    }

    /// How many numbers are kept for all of them.
    pub(super) fn numbers(&self) -> usize {
        self.numbers.len()
    }

    /// For a tree that is complete: frees the memory that was reserved for additions.
    pub(super) fn finish(&mut self) {
        self.children = HashMap::default();
        self.nodes.shrink_to_fit();
        self.ends.shrink_to_fit();
        match &mut self.numbers {
            Numbers::Narrow(numbers) => numbers.shrink_to_fit(),
            Numbers::Wide(numbers) => numbers.shrink_to_fit(),
        }
    }

    /// Moves on by some numbers, the outermost first; `None` if the tree is full.
    pub(super) fn down(&mut self, mut at: TreeCursor, mut numbers: &[u32]) -> Option<TreeCursor> {
        while let Some(&first) = numbers.first() {
            let Node { begins, ends, child, slot, .. } = self.nodes[at.node as usize];
            if begins + at.down < ends {
                let same = self.numbers.same(begins + at.down, ends, numbers);
                at.down += same as u32;
                numbers = &numbers[same..];
                if same > 0 {
                    continue;
                }
                self.divide(at);
            } else if let Some(&child) = self.children.get(&(at.node, first)) {
                at = TreeCursor { node: child, down: 0 };
                continue;
            }
            if self.numbers.len() + numbers.len() >= NUMBERS_MAX || self.nodes.len() >= NUMBERS_MAX {
                return None;
            }
            let from = self.numbers.len() as u32;
            self.numbers.extend(numbers);
            let (count, to) = (numbers.len() as u32, self.numbers.len() as u32);
            if child == NONE && slot == NONE && ends == from && begins + at.down == ends && at.node != 0 {
                // No child, and nothing after it: the piece grows.
                self.nodes[at.node as usize].ends = to;
                return Some(TreeCursor { down: at.down + count, ..at });
            }
            let (parent, child, sibling, slot) = (at.node, NONE, NONE, NONE);
            let node = self.adopt(parent, Node { parent, begins: from, ends: to, child, sibling, slot });
            return Some(TreeCursor { node, down: count });
        }
        Some(at)
    }

    /// The slot of the stack that ends here.
    pub(super) fn slot(&mut self, at: TreeCursor) -> u32 {
        let Node { begins, ends, slot, .. } = self.nodes[at.node as usize];
        if begins + at.down < ends {
            self.divide(at);
        } else if slot != NONE {
            return slot;
        }
        let slot = self.ends.len() as u32;
        self.ends.push(at.node);
        self.nodes[at.node as usize].slot = slot;
        slot
    }

    /// The numbers of a slot's stack, the innermost first.
    pub(super) fn stack(&self, slot: u32) -> Vec<u32> {
        let mut at = self.ends.get(slot as usize).copied().unwrap_or(0);
        let mut stack = Vec::new();
        while let Some(node) = self.nodes.get(at as usize) {
            let begins = stack.len();
            self.numbers.piece(node.begins, node.ends).each(|number| stack.push(number));
            stack[begins..].reverse();
            at = node.parent;
        }
        stack
    }

    /// TR1: the whole tree, from the root down and back.
    pub(super) fn walk(&self, mut tell: impl FnMut(WalkStep<'_>)) {
        let mut at = 0;
        loop {
            let node = &self.nodes[at as usize];
            tell(WalkStep::Down(self.numbers.piece(node.begins, node.ends), node.begins));
            if node.slot != NONE {
                tell(WalkStep::Ends(node.slot));
            }
            if node.child != NONE {
                at = node.child;
                continue;
            }
            loop {
                let node = &self.nodes[at as usize];
                tell(WalkStep::Back(self.numbers.piece(node.begins, node.ends).len()));
                if node.sibling != NONE {
                    at = node.sibling;
                    break;
                }
                if node.parent == NONE {
                    return;
                }
                at = node.parent;
            }
        }
    }

    fn adopt(&mut self, parent: u32, mut node: Node) -> u32 {
        let id = self.nodes.len() as u32;
        node.sibling = self.nodes[parent as usize].child;
        self.nodes[parent as usize].child = id;
        self.children.insert((parent, self.numbers.at(node.begins)), id);
        self.nodes.push(node);
        id
    }

    /// TR2: the lower part of the piece becomes a separate node, with everything below it.
    fn divide(&mut self, at: TreeCursor) {
        let upper = at.node;
        let id = self.nodes.len() as u32;
        let node = &mut self.nodes[upper as usize];
        let begins = node.begins + at.down;
        let lower = Node { parent: upper, begins, sibling: NONE, ..node.clone() };
        (node.ends, node.child, node.slot) = (begins, NONE, NONE);
        if lower.slot != NONE {
            self.ends[lower.slot as usize] = id;
        }
        let mut child = lower.child;
        while child != NONE {
            let node = &mut self.nodes[child as usize];
            node.parent = id;
            let first = self.numbers.at(node.begins);
            child = node.sibling;
            if let Some(moved) = self.children.remove(&(upper, first)) {
                self.children.insert((id, first), moved);
            }
        }
        self.adopt(upper, lower);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn add(tree: &mut Tree, stack: &[u32]) -> u32 {
        let at = tree.down(ROOT, stack).unwrap();
        tree.slot(at)
    }

    #[test]
    fn recursion_of_any_depth_is_kept_once() {
        let mut tree = Tree::new();
        for depth in 1..=1_500 {
            add(&mut tree, &vec![7; depth]);
        }
        assert_eq!((tree.slots(), tree.numbers.len()), (1_500, 1_500));
        assert_eq!(tree.stack(9).len(), 10);
    }

    proptest! {
        #[test]
        fn each_stack_has_one_slot_and_is_read_back(
            stacks in prop::collection::vec(prop::collection::vec(0..3_u32, 0..9), 0..40), wide in any::<bool>()
        ) {
            let widened = |stack: Vec<u32>| stack.into_iter().map(|number| number << if wide { 20 } else { 0 }).collect();
            let stacks: Vec<Vec<u32>> = stacks.into_iter().map(widened).collect();
            let (mut tree, mut known) = (Tree::new(), BTreeMap::new());
            for stack in &stacks {
                let slot = add(&mut tree, stack);
                prop_assert_eq!(*known.entry(stack.clone()).or_insert(slot), slot);
            }
            prop_assert_eq!(tree.slots(), known.len());
            for (stack, slot) in &known {
                let mut read = tree.stack(*slot);
                read.reverse();
                prop_assert_eq!(&read, stack);
            }
            // The walk yields the same, and takes no path twice.
            let (mut way, mut seen, mut places) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
            tree.walk(|step| match step {
                WalkStep::Down(piece, place) => {
                    piece.each(|number| way.push(number));
                    assert!(piece.len() == 0 || places.insert(place, ()).is_none());
                }
                WalkStep::Ends(slot) => assert!(seen.insert(way.clone(), slot).is_none()),
                WalkStep::Back(count) => way.truncate(way.len() - count),
            });
            prop_assert_eq!(seen, known);
        }
    }
}
