//! Invariants have labels. Each is defined in one file (`//! Q1: an event is ..`), so a comment that refers to one means one thing.

use crate::collect;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[test]
fn each_label_is_defined_in_one_file_and_each_label_that_is_referred_to_is_defined() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    collect(&root.join("tests"), &mut paths);
    let read = |path: &Path| {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(path).unwrap())
    };
    let files: Vec<(String, String)> = paths.iter().map(|path| read(path)).collect();
    let defined = definitions(&files);
    assert!(defined.len() > 150, "the rule is out of date");
    let twice: Vec<_> = defined.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "labels with more than one meaning: {twice:?}");

    let comments =
        files.iter().flat_map(|(name, text)| comments(text).map(move |comment| (name.as_str(), comment)));
    let document = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let lines = document.lines().map(|line| ("ARCHITECTURE.md", line));
    let unknown: Vec<_> = comments
        .chain(lines)
        .flat_map(|(name, text)| labels(text).map(move |(at, label)| (name, &text[at..at + label.len()])))
        .filter(|(_, label)| !defined.contains_key(label))
        .collect();
    assert!(unknown.is_empty(), "labels that no module defines: {unknown:?}");
}

/// The labels that modules of the library and the command define, each with the files that define it.
fn definitions(files: &[(String, String)]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut defined: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, text) in files.iter().filter(|(name, _)| name.starts_with("src/")) {
        for line in text.lines().filter_map(|line| line.strip_prefix("//!")) {
            for (at, label) in labels(line).filter(|(at, label)| is_definition(line, *at, label)) {
                defined.entry(&line[at..at + label.len()]).or_default().insert(name);
            }
        }
    }
    defined
}

/// Whether the label begins a sentence and a colon follows: `Q1: ..`, or `L1 (the law): ..`.
fn is_definition(line: &str, at: usize, label: &str) -> bool {
    let (before, after) = (line[..at].trim_end(), &line[at + label.len()..]);
    let before = before.strip_suffix("Invariant").map_or(before, str::trim_end);
    let after = match after.strip_prefix(" (") {
        Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest),
        None => after,
    };
    (before.is_empty() || before.ends_with(['.', ':', ')', '-'])) && after.starts_with(':')
}

/// The comment of each line that has one.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let at = if line.trim_start().starts_with("//") { line.find("//") } else { line.find(" // ") };
        at.map(|at| &line[at..])
    })
}

/// Labels are one or two capitals and a number that stand alone, outside code.
fn labels(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = 0;
    text.split('`').enumerate().flat_map(move |(nth, piece)| {
        let start = at;
        at += piece.len() + 1;
        let mut words = Vec::new();
        let mut from = 0;
        for word in piece.split(|c| !is_part(c)) {
            let letters = word.bytes().take_while(u8::is_ascii_uppercase).count();
            let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
            if nth % 2 == 0 && (1..=2).contains(&letters) && is_number(&word[letters..]) {
                words.push((start + from, word));
            }
            from += word.len() + piece[from + word.len()..].chars().next().map_or(0, char::len_utf8);
        }
        words
    })
}

#[test]
fn definitions_and_references_are_told_apart() {
    let found = |text: &str| {
        let files = [("src/a.rs".to_owned(), text.to_owned())];
        definitions(&files).into_keys().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        found("//! In: a. Out: b. Q1: one.\n//! AB2 (the law): two. A `C3: x` and\n//! see D4, E5"),
        ["AB2", "Q1"]
    );
    assert_eq!(found("/// Q1: one.\n//! by Q2: two"), [""; 0]);
    let read =
        |text: &str| comments(text).flat_map(labels).map(|(_, label)| label.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        read("let a = \"Q1\"; // Q2 to Q3.\n    /// `B4` (FT1); ABC6, D, E7f, U+0080, ü F1"),
        ["Q2", "Q3", "FT1", "F1"]
    );
}
