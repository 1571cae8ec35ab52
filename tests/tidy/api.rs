//! The public API as a list in `tests/tidy/api.txt`, read from the sources, so that a review shows every change to it.
//!
//! The tests read the sources themselves, because tools that read the compiler's output need a nightly. They rely on rustfmt's layout, and
//! on the lint `unreachable_pub`: what is `pub` here is public. Items that a macro makes are in the list as the macro's call.

use crate::items::items;
use crate::lines::{MAKERS, kept, lines_of, public_name, types};
use crate::{Source, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The heading of a file, and a line below it.
type Entry = (String, String);

#[test]
fn the_public_api_is_the_one_on_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tidy/api.txt");
    let (sources, now) = (sources(), entries(&sources()));
    assert!(sources.len() > 50 && now.len() > 300, "the rule is out of date");
    if std::env::var_os("RENEW_API").is_some() {
        fs::write(&path, shown(&now)).unwrap();
    }
    let listed = listed(&fs::read_to_string(&path).unwrap_or_default());
    let gone = listed.difference(&now).map(|(file, line)| format!("- {file}: {line}"));
    let new = now.difference(&listed).map(|(file, line)| format!("+ {file}: {line}"));
    let changes: Vec<String> = gone.chain(new).collect();
    assert!(
        changes.is_empty(),
        "the public API has changed:\n{}\nif it is meant, tell the CHANGELOG of it and renew the list: RENEW_API=1 cargo test --test tidy api",
        changes.join("\n")
    );
}

/// Only serde's traits are allowed everywhere. A guest for another crate's interface needs that crate's types.
#[test]
fn no_type_of_a_dependency_is_in_the_public_api() {
    const ALLOWED: [(&str, &str); 10] = [
        ("", "serde"),
        ("ext/metrics_recorder", "metrics"),
        ("ext/tracing_events", "tracing"),
        ("ext/tracing_events", "tracing_subscriber"),
        ("ext/request_events", "http"),
        ("ext/request_events", "tower_layer"),
        ("ext/request_events", "tower_service"),
        ("ext/toggle", "open_feature"),
        ("ext/tracing_layer", "tracing"),
        ("ext/tracing_layer", "tracing_subscriber"),
    ];
    let dependencies = dependencies();
    let is_allowed = |file: &str, name: &str| {
        ALLOWED.iter().any(|(of, allowed)| *allowed == name && (of.is_empty() || file.starts_with(of)))
    };
    let mut seen = 0;
    let sources = sources();
    let entries = entries(&sources);
    for source in &sources {
        let file = file_of(source);
        for (_, line) in entries.iter().filter(|(heading, _)| heading.split(' ').next() == Some(&file)) {
            for dependency in dependencies.iter().filter(|name| !is_allowed(&file, name)) {
                let by_path = line.contains(&format!("{dependency}::"));
                let by_name = imported(&source.code, dependency)
                    .into_iter()
                    .find(|name| words(line).contains(&name.as_str()));
                assert!(!by_path && by_name.is_none(), "{file} shows a type of {dependency}: {line}");
            }
            seen += 1;
        }
    }
    assert!(seen > 300 && dependencies.len() > 15, "the rule is out of date");
}

#[test]
fn no_public_type_is_missing_where_all_are_asserted_to_be_shown_and_shared() {
    let sources = sources();
    let asserted = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bounds.rs")).unwrap();
    let mut seen = 0;
    for (file, line) in entries(&sources) {
        let Some((kind, rest)) = line.split_once(' ') else { continue };
        if ["struct", "enum"].contains(&kind) {
            let name = words(rest)[0];
            let is_there = asserted.contains(&format!("<{name}")) || asserted.contains(&format!("::{name}"));
            assert!(is_there, "{file}: {name} is not in src/bounds.rs");
            seen += 1;
        }
    }
    assert!(seen > 60, "the rule is out of date");
}

#[test]
fn a_macro_that_makes_public_items_is_known_to_the_list() {
    let mut seen = BTreeSet::new();
    for source in sources() {
        for item in items(&source.code).iter().filter(|item| item.head.starts_with("macro_rules!")) {
            let name = item.head.trim_start_matches("macro_rules!").trim().to_owned();
            if item.body.is_some_and(|body| {
                ["pub fn", "pub enum", "pub struct", "pub const"].iter().any(|word| body.contains(word))
            }) {
                assert!(
                    MAKERS.contains(&name.as_str()),
                    "{}: {name}! makes public items: add it to MAKERS",
                    source.name
                );
                seen.insert(name);
            }
        }
    }
    assert!(!seen.is_empty(), "the rule is out of date");
}

#[test]
fn the_list_has_every_kind_of_item_and_nothing_that_is_not_public() {
    let code = r#"
use std::fmt;
mod inner;
#[cfg(feature = "more")]
mod more;
pub mod shown;
pub use inner::{One, Two};
pub(crate) use inner::Three;

macro_rules! made {
    () => { pub fn no() {} };
}
names!(Thing, { A = "a", });

/// Why it is `pub`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Open {
    pub count: u64,
    #[cfg(feature = "more")]
    pub much: Vec<
        u64,
    >,
    hidden: u64,
}
pub struct Closed(u64);
pub struct Wrapped(pub u64);
struct Own;
impl fmt::Display for Own {}
impl fmt::Display for Open {}
impl<T: Way + ?Sized> Way for Box<T> {}

pub enum Kind {
    #[default]
    Plain,
    Full { one: u64, two: u64 },
}

pub trait Way: Send {
    type Out;
    fn needed(&self) -> u64;
    fn given(&self) {
        let pub_fn = "pub fn no() {";
    }
}

impl Open {
    pub const fn new(
        count: u64,
    ) -> Open {
        Open { count }
    }
    pub(crate) fn own() {}
    pub fn grow(mut self, mut by: u64, into: &mut u64) {}
    #[must_use]
    pub async fn wait<T>(&self) -> T
    where
        T: Send,
    {
    }
}
pub const MOST: usize = 1 << 3;
pub(crate) const LEAST: usize = 1;
pub type Short = Vec<u64>;
"#;
    let source = |name: &str, code: &str| Source { name: name.to_owned(), code: crate::code_of(code) };
    let sources = [source("thing.rs", code), source("thing/more.rs", "pub fn extra() {}")];
    assert_eq!(
        shown(&entries(&sources)),
        r#"
[thing]
enum Kind { #[default] Plain, Full { one: u64, two: u64 } }
impl Open: #[must_use] pub async fn wait<T>(&self) -> T where T: Send
impl Open: pub const fn new(count: u64) -> Open
impl Open: pub fn grow(self, by: u64, into: &mut u64)
impl fmt::Display for Open
impl<T: Way + ?Sized> Way for Box<T>
names!(Thing, { A = "a" });
pub const MOST: usize
pub mod shown;
pub type Short = Vec<u64>;
pub use inner::{One, Two};
struct Closed(..)
struct Open { pub count: u64, #[cfg(feature = "more")] pub much: Vec<u64>, .. } #[derive(Debug, Clone)] #[non_exhaustive]
struct Wrapped(pub u64)
trait Way: Send { fn given(&self) { .. } fn needed(&self) -> u64; type Out; }

[thing/more] #[cfg(feature = "more")]
pub fn extra()
"#
        .trim_start()
    );
}

/// Every public item of the sources, with the heading of its file.
fn entries(sources: &[Source]) -> BTreeSet<Entry> {
    let conditions = conditions(sources);
    let public: BTreeSet<String> =
        sources.iter().flat_map(|source| types(&source.code)).filter_map(public_name).collect();
    let mut entries = BTreeSet::new();
    for source in sources.iter().filter(|source| !source.name.contains("model")) {
        let file = file_of(source);
        let own: BTreeMap<String, bool> = types(&source.code).collect();
        let is_public = |name: &str| own.get(name).copied().unwrap_or_else(|| public.contains(name));
        let heading = [file.as_str()]
            .into_iter()
            .chain(conditions.get(&file).into_iter().flatten().map(String::as_str));
        let heading = heading.collect::<Vec<_>>().join(" ");
        for item in items(&source.code) {
            entries.extend(lines_of(&item, &is_public).into_iter().map(|line| (heading.clone(), line)));
        }
    }
    entries
}

/// The conditions under which a file is built: the attributes of its `mod`, and of its parents'.
fn conditions(sources: &[Source]) -> BTreeMap<String, Vec<String>> {
    let mut own = BTreeMap::new();
    for source in sources {
        let folder = if source.name == "lib.rs" { String::new() } else { format!("{}/", file_of(source)) };
        for item in items(&source.code) {
            let Some((_, name)) = item.head.rsplit_once("mod ").filter(|_| item.body.is_none()) else {
                continue;
            };
            let path = item.attributes.iter().find_map(|text| text.strip_prefix("#[path = \""));
            let file = match path.and_then(|path| path.strip_suffix(".rs\"]")) {
                Some(path) => {
                    format!("{}{path}", &source.name[..source.name.rfind('/').map_or(0, |at| at + 1)])
                }
                None => format!("{folder}{name}"),
            };
            own.insert(file, kept(&item.attributes));
        }
    }
    let chain = |file: &str| {
        let ends = file.match_indices('/').map(|(at, _)| at).chain([file.len()]);
        ends.filter_map(|end| own.get(&file[..end])).flatten().cloned().collect()
    };
    own.keys().map(|file| (file.clone(), chain(file))).collect()
}

fn file_of(source: &Source) -> String {
    source.name.trim_end_matches(".rs").to_owned()
}

/// The list as written to the file: headings, and items in order.
fn shown(entries: &BTreeSet<Entry>) -> String {
    let (mut text, mut last) = (String::new(), "");
    for (file, line) in entries {
        if file != last {
            let (name, condition) = file.split_once(' ').unwrap_or((file, ""));
            text += &format!("\n[{name}] {condition}").trim_end().replacen(
                '\n',
                if text.is_empty() { "" } else { "\n" },
                1,
            );
            text += "\n";
            last = file;
        }
        text += &format!("{line}\n");
    }
    text
}

fn listed(text: &str) -> BTreeSet<Entry> {
    let (mut entries, mut heading) = (BTreeSet::new(), String::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            Some((file, condition)) => heading = format!("{file}{condition}"),
            None => _ = entries.insert((heading.clone(), line.to_owned())),
        }
    }
    entries
}

/// The dependencies, by their names in code.
fn dependencies() -> BTreeSet<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut names = BTreeSet::new();
    for section in manifest.split("\n[").filter(|section| {
        section.lines().next().is_some_and(|head| head.ends_with("dependencies]") && !head.starts_with("dev"))
    }) {
        let keys = section
            .lines()
            .skip(1)
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" = "));
        names.extend(keys.map(|(name, _)| name.replace('-', "_")));
    }
    names
}

/// The names of types that a file imports from a dependency.
fn imported(code: &str, dependency: &str) -> Vec<String> {
    let uses = items(code).into_iter().filter(|item| item.head.contains(&format!("use {dependency}::")));
    let names = uses.flat_map(|item| words(item.head).into_iter().map(str::to_owned).collect::<Vec<_>>());
    names.filter(|name| name.starts_with(char::is_uppercase)).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').collect()
}
