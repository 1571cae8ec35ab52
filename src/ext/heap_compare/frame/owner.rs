//! Decides who owns a frame's code, by evidence: names of crates and packages, the names that cargo and Go give their
//! folders, the loaded file. No part of a path alone is evidence: a service may be checked out anywhere, and have any name.

use super::known::{C_RUNTIME, GO_STANDARD, GO_STANDARD_TOO, KNOWN_CRATES, RUNTIME_CRATES};
use super::name::{go_package, leading_path};
use std::collections::HashSet;

/// Who owns a frame's code. A comparison looks for the culprit of a leak in your own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// The allocator, the language's runtime and standard library, the C library.
    Runtime,
    /// A dependency.
    Dependency,
    /// The program's own: none of the others.
    Own,
    /// In the program, but without a name: a stripped program's.
    Unknown,
}

crate::names::names!(Owner, "an owner", { Runtime = "runtime", Dependency = "dependency", Own = "own", Unknown = "unknown", });

/// What a profile says about its program as a whole.
#[derive(Debug, Default)]
pub(in super::super) struct ProgramEvidence {
    /// Crates that belong to the program, whatever their names: the one
    /// that contains `main`, and the one that the program is named after.
    own: HashSet<String>,
    /// Crates whose sources are in cargo's folders.
    dependencies: HashSet<String>,
    has_rust: bool,
    has_go: bool,
    program: String,
}

/// Where a function is, as far as the profile says.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct SymbolInfo<'a> {
    /// Demangled.
    pub(in super::super) function: &'a str,
    /// Its source; empty if unknown.
    pub(in super::super) file: &'a str,
    /// The loaded file, the program or a library; empty if unknown.
    pub(in super::super) binary: &'a str,
}

impl ProgramEvidence {
    pub(in super::super) fn of<'a>(
        program: &str,
        places: impl Iterator<Item = SymbolInfo<'a>> + Clone,
    ) -> ProgramEvidence {
        let mut evidence = ProgramEvidence { program: program.to_owned(), ..ProgramEvidence::default() };
        for place in places.clone() {
            let is_rust = place.file.ends_with(".rs") || place.function.starts_with("__rust_");
            evidence.has_rust |= is_rust || ["std", "core", "alloc"].contains(&crate_of(place.function));
            evidence.has_go |= place.file.ends_with(".go")
                || ["runtime.main", "runtime.goexit", "runtime.mallocgc"].contains(&place.function);
        }
        let program = program.rsplit(['/', '\\']).next().unwrap_or_default();
        let program = program.trim_end_matches(".exe").replace('-', "_");
        for place in places.clone() {
            let name = crate_of(place.function);
            let is_main = place.function.split("::").nth(1) == Some("main")
                && place.function.matches("::").count() == 1;
            if !name.is_empty() && !RUNTIME_CRATES.contains(&name) && (is_main || name == program) {
                evidence.own.insert(name.to_owned());
            }
        }
        for place in places.filter(|place| cargo_package(place.file).is_some()) {
            let name = crate_of(place.function);
            if !name.is_empty() && !evidence.own.contains(name) {
                evidence.dependencies.insert(name.to_owned());
            }
        }
        evidence
    }

    pub(in super::super) fn owner(&self, place: SymbolInfo<'_>) -> Owner {
        let SymbolInfo { function, file, .. } = place;
        if file.ends_with(".go") || (self.has_go && !function.contains("::") && function.contains('.')) {
            go_owner(function, file)
        } else if function.contains("::") || function.starts_with('<') || file.ends_with(".rs") {
            self.path_owner(place)
        } else if !self.has_rust && !self.has_go && function.contains('.') && !file.contains('.') {
            go_owner(function, file)
        } else {
            self.c_owner(place)
        }
    }

    /// The owner of a frame without a name.
    pub(in super::super) fn owner_of_unnamed(&self, binary: &str) -> Owner {
        match library(binary) {
            _ if !binary.is_empty() && binary == self.program => Owner::Unknown,
            Library::System => Owner::Runtime,
            Library::Other => Owner::Dependency,
            Library::None => Owner::Unknown,
        }
    }

    /// The owner of a function of Rust or C++.
    fn path_owner(&self, SymbolInfo { function, file, binary }: SymbolInfo<'_>) -> Owner {
        let name = crate_of(function);
        let is_own = self.own.contains(name);
        let package = cargo_package(file);
        if (RUNTIME_CRATES.contains(&name) && !is_own) || is_rusts_own(file) || c_runtime(function) {
            Owner::Runtime
        } else if is_own {
            Owner::Own
        } else if package.is_some_and(|package| !self.own.contains(&package.replace('-', "_"))) {
            Owner::Dependency
        } else if !file.is_empty() {
            if is_system_source(file) { Owner::Runtime } else { Owner::Own }
        } else if self.dependencies.contains(name)
            || KNOWN_CRATES.contains(&name)
            || (binary != self.program && library(binary) == Library::System)
        {
            Owner::Dependency
        } else {
            Owner::Own
        }
    }

    fn c_owner(&self, SymbolInfo { function, file, binary }: SymbolInfo<'_>) -> Owner {
        let package = cargo_package(file).map(|package| package.replace('-', "_"));
        if c_runtime(function) || is_system_source(file) || is_jemallocs_source(file) {
            Owner::Runtime
        } else if let Some(package) = package {
            match package.as_str() {
                "tikv_jemalloc_sys" | "jemalloc_sys" | "libmimalloc_sys" => Owner::Runtime,
                own if self.own.contains(own) => Owner::Own,
                _ => Owner::Dependency,
            }
        } else if !file.is_empty() {
            Owner::Own
        } else if binary.is_empty() || self.has_rust || self.has_go {
            // In a Rust or Go program, C without debug information was not written for this program.
            Owner::Runtime
        } else if binary == self.program {
            Owner::Own
        } else {
            match library(binary) {
                Library::System => Owner::Runtime,
                Library::Other => Owner::Dependency,
                Library::None => Owner::Own,
            }
        }
    }
}

/// `a` from `a::b::f`, `<a::B as c::D>::f`, `<a::B>::f`.
fn crate_of(function: &str) -> &str {
    let path = leading_path(function);
    match path.split_once("::") {
        Some((name, _)) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => name,
        _ => "",
    }
}

fn c_runtime(function: &str) -> bool {
    let bare = function.strip_prefix("_rjem_").or_else(|| function.strip_prefix("je_"));
    bare.is_some()
        || ["__rust_", "__rdl_", "__rg_", "_dl_", "operator new", "operator delete"]
            .iter()
            .any(|begins| function.starts_with(begins))
        || C_RUNTIME.contains(&function.split(['@', '.']).next().unwrap_or(function))
}

/// Sources of Rust's standard library: `/rustc/HASH/library/...`, or those that rustup installs.
fn is_rusts_own(file: &str) -> bool {
    let rest = file.strip_prefix("/rustc/").and_then(|rest| rest.split_once('/'));
    rest.is_some_and(|(hash, _)| {
        hash.len() >= 6 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    }) || file.contains("/lib/rustlib/src/rust/")
}

/// The package that a source file belongs to, if it is where cargo keeps fetched code, or generated by a build script.
fn cargo_package(file: &str) -> Option<&str> {
    if !file.contains(['/', '\\']) {
        return None;
    }
    let parts: Vec<&str> = file.split(['/', '\\']).collect();
    let is_hex = |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let versioned = |part: &'_ str| -> Option<usize> {
        part.match_indices('-')
            .map(|(at, _)| at)
            .find(|at| part[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
    };
    for at in 0..parts.len() {
        let is_cargos = at > 0 && matches!(parts[at - 1], ".cargo" | "cargo");
        match parts[at..] {
            // registry/src/INDEX/NAME-VERSION/...
            ["registry", "src", _, package, _, ..] => match versioned(package) {
                Some(version) => return Some(&package[..version]),
                None if is_cargos => return Some(package),
                None => {}
            },
            // git/checkouts/NAME-HASH/REVISION/...
            ["git", "checkouts", package, revision, _, ..] => {
                let name = package.rsplit_once('-').filter(|(_, hash)| is_hex(hash) || is_cargos);
                if let (Some((name, _)), true) = (name, is_cargos || is_hex(revision)) {
                    return Some(name);
                }
            }
            // vendor/NAME/src/..., which `cargo vendor` puts next to your `src`, not inside it.
            ["vendor", package, "src", ..]
                if at == 0 || parts[at - 1] != "src" || (at == 2 && parts[0].is_empty()) =>
            {
                return Some(versioned(package).map_or(package, |version| &package[..version]));
            }
            // target/PROFILE/build/NAME-HASH/out/...
            ["build", package, "out", _, ..] => {
                if let Some((name, _)) = package.rsplit_once('-') {
                    return Some(name);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_jemallocs_source(file: &str) -> bool {
    let is_c = [".c", ".h"].iter().any(|ending| file.ends_with(ending));
    let mut parts = file.split('/');
    is_c && parts.any(|part| part == "jemalloc" || part.starts_with("jemalloc-"))
}

/// Sources of the C library and of the compiler: relative to their own build, or where distributions keep headers.
fn is_system_source(file: &str) -> bool {
    if file.ends_with(".rs") || file.ends_with(".go") {
        return false;
    }
    const PREFIXES: [&str; 6] = [
        "/usr/include/",
        "/usr/lib/gcc/",
        "/build/glibc",
        "/usr/src/debug/glibc",
        "/usr/src/glibc",
        "[vdso]",
    ];
    let is_relative = file.starts_with("./") || file.starts_with("../");
    PREFIXES.iter().any(|prefix| file.starts_with(prefix))
        || (is_relative && file.split('/').any(|part| ["sysdeps", "nptl", "csu"].contains(&part)))
}

#[derive(PartialEq)]
enum Library {
    /// The C library, other system libraries, and the kernel's.
    System,
    Other,
    None,
}

fn library(binary: &str) -> Library {
    let name = binary.rsplit('/').next().unwrap_or_default();
    let is_library = name.ends_with(".so") || name.contains(".so.");
    let is_of_the_system = ["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/"]
        .iter()
        .any(|folder| binary.starts_with(folder));
    match (is_library, is_of_the_system) {
        _ if name.starts_with("[v") => Library::System,
        (true, true) => Library::System,
        (true, false) => Library::Other,
        (false, _) => Library::None,
    }
}

/// The owner of a Go function, by Go's rules for import paths.
fn go_owner(function: &str, file: &str) -> Owner {
    let package = go_package(function);
    let first = package.split('/').next().unwrap_or_default();
    let is_at_version = file.split('/').any(|part| part.contains("@v"));
    if is_at_version || package.contains("/vendor/") || file.contains(&format!("/vendor/{package}/")) {
        Owner::Dependency
    } else if GO_STANDARD.contains(&first) || GO_STANDARD_TOO.contains(&first) || first.starts_with("type:") {
        Owner::Runtime
    } else if [
        "golang.org/x/",
        "google.golang.org/",
        "gopkg.in/",
        "go.uber.org/",
        "k8s.io/",
        "go.opentelemetry.io/",
    ]
    .iter()
    .any(|begins| package.starts_with(begins) && file.is_empty())
    {
        Owner::Dependency
    } else {
        Owner::Own
    }
}

#[cfg(test)]
mod tests;
