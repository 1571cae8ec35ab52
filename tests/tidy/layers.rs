//! The rooms (the modules of `lib.rs`), what each imports from the others, and ARCHITECTURE's list of layers: no import goes up, and none
//! is part of a circle.

use crate::{Source, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A room, and another that it imports from.
type Edge = (String, String);

#[test]
fn no_room_imports_in_a_circle() {
    let graph = graph(&sources(), &rooms());
    assert!(graph.len() > 100, "the rule is out of date");
    assert_eq!(circles(&graph), BTreeSet::new(), "imports on a circle");
}

#[test]
fn rooms_import_from_their_own_layer_or_a_lower_one() {
    let (layers, rooms) = (layers(&document()), rooms());
    let listed: BTreeSet<&String> = layers.keys().collect();
    assert_eq!(listed, rooms.values().collect(), "ARCHITECTURE's layers and the modules of src/lib.rs");
    let up: BTreeSet<Edge> =
        graph(&sources(), &rooms).into_iter().filter(|(from, to)| layers[from] < layers[to]).collect();
    assert_eq!(up, BTreeSet::new(), "imports going up");
}

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap()
}

/// The rows of the table below "Layers". A name in parentheses or with a slash is part of a room, or outside the library.
fn layers(document: &str) -> BTreeMap<String, u32> {
    let section = document.split("## Layers").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let mut layers = BTreeMap::new();
    for row in section.lines().filter_map(|line| line.strip_prefix("| ")) {
        let Some((layer, rooms)) = row.split_once(" | ") else { continue };
        let Ok(layer) = layer.parse() else { continue };
        let mut depth = 0;
        let outside: String = rooms
            .chars()
            .filter(|&c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            })
            .collect();
        for room in outside.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')) {
            let before = layers.insert(room.to_owned(), layer);
            assert_eq!(before, None, "{room} has two layers");
        }
    }
    layers
}

/// The names that may follow `crate::` in the code, each with its room: modules, and names that `lib.rs` re-exports.
fn rooms() -> BTreeMap<String, String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut rooms = BTreeMap::new();
    for line in text.lines() {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            rooms.insert(module.to_owned(), module.to_owned());
        } else if let Some(path) = line.strip_prefix("use ") {
            let room = path.split("::").next().unwrap();
            for name in
                path.split(['{', '}', ',', ';', ':']).map(str::trim).filter(|name| !name.is_empty()).skip(1)
            {
                rooms.insert(name.to_owned(), room.to_owned());
            }
        }
    }
    // A test of all public types.
    rooms.remove("bounds");
    rooms
}

fn graph(sources: &[Source], rooms: &BTreeMap<String, String>) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for source in sources.iter().filter(|source| source.name != "lib.rs") {
        let own = source.name.split(['/', '.']).next().unwrap();
        for import in source.code.split("crate::").skip(1) {
            let group = import.strip_prefix('{').and_then(|rest| rest.split(';').next());
            let names: Vec<&str> = group.map_or_else(|| vec![import], |group| group.split(',').collect());
            for name in names {
                let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
                let name = name.trim().split(is_end).next().unwrap();
                if let Some(room) = rooms.get(name).filter(|room| *room != own) {
                    edges.insert((own.to_owned(), room.clone()));
                }
            }
        }
    }
    edges
}

/// The edges that are part of a circle: their start can be reached from their end.
fn circles(graph: &BTreeSet<Edge>) -> BTreeSet<Edge> {
    graph.iter().filter(|(from, to)| reached(graph, to).contains(from.as_str())).cloned().collect()
}

fn reached<'a>(graph: &'a BTreeSet<Edge>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(room) = next.pop() {
        if reached.insert(room) {
            next.extend(graph.iter().filter(|(from, _)| from == room).map(|(_, to)| to.as_str()));
        }
    }
    reached
}

#[test]
fn a_circle_of_any_length_is_found_and_nothing_beside_it() {
    let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let graph =
        BTreeSet::from([edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("c", "d"), edge("e", "a")]);
    assert_eq!(circles(&graph), BTreeSet::from([edge("a", "b"), edge("b", "c"), edge("c", "a")]));
}

#[test]
fn imports_are_found_by_path_in_groups_and_by_the_names_that_the_crate_hands_on() {
    let rooms = ["a", "b", "c"].map(|room| (room.to_owned(), room.to_owned())).into_iter();
    let rooms = rooms.chain([("Name".to_owned(), "c".to_owned())]).collect();
    let code = "use crate::{b::{One, Two}, Name};\nlet x = crate::a::y(crate::unknown::z);";
    let source = Source { name: "a/inner.rs".to_owned(), code: code.to_owned() };
    let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(graph(&[source], &rooms), BTreeSet::from([edge("a", "b"), edge("a", "c")]));
    let rows =
        "## Layers\n| layer | modules |\n|---|---|\n| 0 | `a` (with `x`) `b` |\n| 1 | `c`, `bin/it` |\n";
    let layers = layers(rows).into_iter().collect::<Vec<_>>();
    assert_eq!(layers, [("a".to_owned(), 0), ("b".to_owned(), 0), ("c".to_owned(), 1)]);
}
