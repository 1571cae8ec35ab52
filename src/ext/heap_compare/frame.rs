//! A frame of a call stack: its name for people, and whose code it is.

use std::fmt;

/// Whose code a frame is: the culprit of a leak is looked for in one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// The allocator, the language's runtime and standard library, the C library.
    Runtime,
    /// A dependency.
    Dependency,
    /// The program's own: none of the others.
    Own,
}

crate::names::names!(Owner, "an owner", { Runtime = "runtime", Dependency = "dependency", Own = "own", });

/// One function on a call stack; inlined ones are frames of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    function: String,
    /// Without type parameters.
    name: String,
    file: String,
    line: u32,
    owner: Owner,
}

impl Frame {
    /// `name` may be mangled; `file` empty and `line` 0 if unknown.
    pub(super) fn of(name: &str, file: &str, line: i64) -> Frame {
        let (function, file) = (printable(&demangled(name)), printable(file));
        let owner = owner_of(&function, &file);
        let name = without_types(&function);
        Frame { function, name, file, line: u32::try_from(line).unwrap_or(0), owner }
    }

    /// A place without symbols.
    pub(super) fn unknown(binary: &str, address: u64) -> Frame {
        let name = binary.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("?");
        let owner = if is_system_file(binary) { Owner::Runtime } else { Owner::Own };
        let function = format!("{}+{address:#x}", printable(name));
        Frame { name: function.clone(), function, file: String::new(), line: 0, owner }
    }

    /// The function's name, demangled; without symbols the program and the address in it.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The function's name without type parameters: for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The source file as the debug information has it; empty if unknown.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line in that file; 0 if unknown.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Whose code it is.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Own code that describes or copies a value on behalf of who asked for it: it is not who keeps the result.
    pub(super) fn is_on_behalf(&self) -> bool {
        ["serialize", "fmt", "clone", "default", "from", "into"].contains(&self.bare())
    }

    /// What runs tasks that are not its caller's: an executor, a future, a thread's beginning.
    pub(super) fn is_executor(&self) -> bool {
        ["poll", "block_on", "catch_unwind", "__rust_begin_short_backtrace"].contains(&self.bare())
    }

    /// The last part of the name, which is all that line tables have of it.
    fn bare(&self) -> &str {
        let start = self.name.rfind("::").map_or(0, |at| at + 2);
        &self.name[start..]
    }
}

/// The name, and the last two parts of its file's path with the line.
impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.name)?;
        if !self.file.is_empty() {
            let from = self.file.rmatch_indices(['/', '\\']).nth(1).map_or(0, |(at, _)| at + 1);
            write!(out, " ({}:{})", &self.file[from..], self.line)?;
        }
        Ok(())
    }
}

/// What comes from a file may go to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// `a::f::<T>` and `f<T>` as `a::f` and `f`; `<T<U> as V<W>>::f` as `<T as V>::f`.
fn without_types(function: &str) -> String {
    let (mut kept, mut depth, mut before) = (String::new(), 0_usize, ' ');
    for c in function.chars() {
        let opens = c == '<' && (depth > 0 || before.is_alphanumeric() || matches!(before, '_' | ':' | '}'));
        depth += usize::from(opens);
        if depth == 0 {
            kept.push(c);
        }
        // Not the arrow of a function's type.
        depth -= usize::from(c == '>' && before != '-' && depth > 0);
        before = c;
    }
    // What only looks like a parameter, as C++'s `operator<`, stays.
    if depth > 0 { function.to_owned() } else { kept.replace("::::", "::").trim_end_matches("::").to_owned() }
}

/// Rust's names without their hashes; others as they are.
fn demangled(name: &str) -> String {
    match rustc_demangle::try_demangle(name) {
        Ok(demangled) => format!("{demangled:#}"),
        Err(_) => name.to_owned(),
    }
}

/// By the file where there is one, for a generic function of a library is compiled into the program; else by the name.
fn owner_of(function: &str, file: &str) -> Owner {
    if file.contains("jemalloc")
        || file.starts_with("/rustc/")
        || file.contains("/rustlib/src/")
        || is_system_file(file)
        || is_runtime(function)
    {
        Owner::Runtime
    } else if [
        "/.cargo/registry/",
        "/registry/src/",
        "/.cargo/git/",
        "/git/checkouts/",
        "/pkg/mod/",
        "/vendor/",
    ]
    .iter()
    .any(|part| file.contains(part))
    {
        Owner::Dependency
    } else if file.contains("/out/")
        && [".c", ".h", ".cc", ".cpp", ".S"].iter().any(|end| file.ends_with(end))
    {
        // Built by a dependency's build script.
        Owner::Dependency
    } else if file.is_empty() && !function.contains("::") && !function.contains('.') {
        // C, without debug information.
        Owner::Runtime
    } else {
        Owner::Own
    }
}

/// Not all of `/usr` and `/build`: images for containers like to build services there.
fn is_system_file(file: &str) -> bool {
    const PREFIXES: [&str; 11] = [
        "/usr/lib",
        "/usr/include/",
        "/usr/local/go/",
        "/usr/local/lib",
        "/lib/",
        "/lib64/",
        "/build/glibc",
        "./nptl",
        "./csu",
        "../sysdeps",
        "[vdso]",
    ];
    // Of the C library.
    const PARTS: [&str; 3] = ["/sysdeps/", "/nptl/", "/csu/"];
    PREFIXES.iter().any(|prefix| file.starts_with(prefix)) || PARTS.iter().any(|part| file.contains(part))
}

/// `alloc::…`, `<alloc::…`, `<T as alloc::…`: the crates of Rust's standard library and the allocators; Go's runtime.
fn is_runtime(function: &str) -> bool {
    const CRATES: [&str; 9] = [
        "std::",
        "core::",
        "alloc::",
        "hashbrown::",
        "__rust",
        "_rjem_",
        "prof_",
        "tikv_jemallocator::",
        "runtime.",
    ];
    let bare = function.trim_start_matches(['<', '&', '*', '(', '[']);
    let bare = bare.strip_prefix("mut ").or_else(|| bare.strip_prefix("dyn ")).unwrap_or(bare);
    // `<u8 as alloc::…>`: a type of the language's own has its traits implemented where the trait is.
    let path = match bare.split_once(" as ") {
        Some((primitive, of)) if !primitive.contains("::") => of,
        _ => bare,
    };
    CRATES.iter().any(|name| path.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_belongs_to_whose_file_it_is_in_and_else_to_whose_name_it_has() {
        let table = [
            ("alloc::raw_vec::finish_grow", "", Owner::Runtime),
            ("<alloc::vec::Vec<T> as std::io::Write>::write_all", "", Owner::Runtime),
            ("alloc::vec::Vec<T,A>::push", "/rustc/0123abc/library/alloc/src/vec/mod.rs", Owner::Runtime),
            ("__rust_alloc", "", Owner::Runtime),
            ("_rjem_je_prof_backtrace", "", Owner::Runtime),
            ("start_thread", "./nptl/pthread_create.c", Owner::Runtime),
            ("malloc", "", Owner::Runtime),
            ("clone3", "./misc/../sysdeps/unix/sysv/linux/x86_64/clone3.S", Owner::Runtime),
            (
                "imalloc",
                "/src/target/release/build/tikv-jemalloc-sys-0/out/build/src/jemalloc.c",
                Owner::Runtime,
            ),
            ("ZSTD_compress", "/src/target/release/build/zstd-sys-0/out/zstd.c", Owner::Dependency),
            ("emit", "/src/client.rs", Owner::Own),
            (
                "serde_json::ser::to_vec",
                "/home/me/.cargo/registry/src/x/serde_json-1/src/ser.rs",
                Owner::Dependency,
            ),
            ("github.com/a/b.Do", "/go/pkg/mod/github.com/a/b@v1/do.go", Owner::Dependency),
            ("runtime.mallocgc", "/usr/local/go/src/runtime/malloc.go", Owner::Runtime),
            ("main.(*Cache).Put", "/src/cache.go", Owner::Own),
            ("service::client::Client::emit", "/src/client.rs", Owner::Own),
            ("service::client::Client::emit", "", Owner::Own),
            ("<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem", "", Owner::Runtime),
            ("<[u8] as alloc::borrow::ToOwned>::to_owned", "", Owner::Runtime),
            ("<u64 as service::Keep>::keep", "", Owner::Own),
            ("<service::Thing as alloc::borrow::ToOwned>::to_owned", "", Owner::Own),
            ("<service::Thing as core::ops::Drop>::drop", "src/lib.rs", Owner::Own),
        ];
        for (function, file, owner) in table {
            assert_eq!(Frame::of(function, file, 1).owner(), owner, "{function} in {file:?}");
        }
    }

    #[test]
    fn a_service_may_be_built_anywhere_a_container_image_likes() {
        for file in ["/usr/src/app/src/main.rs", "/build/src/main.rs", "/app/main.rs", "src/main.rs"] {
            assert_eq!(Frame::of("service::keep", file, 1).owner(), Owner::Own, "{file}");
        }
    }

    #[test]
    fn a_name_with_control_characters_is_shown_without_them() {
        assert_eq!(Frame::of("a::b\u{1b}[2J", "x\ny", 1).to_string(), "a::b?[2J (x?y:1)");
        assert_eq!(Frame::unknown("/opt/ser\nvice", 1).function(), "ser?vice+0x1");
    }

    #[test]
    fn the_name_for_people_has_no_type_parameters() {
        let table = [
            ("a::f::<b::T<u8>>", "a::f"),
            ("pace<a::{closure#1}::{closure_env#0}<a::B>>", "pace"),
            ("{closure#0}<a::B>", "{closure#0}"),
            (
                "<alloc::boxed::Box<dyn Fn<(), Output = ()>> as Fn<()>>::call",
                "<alloc::boxed::Box as Fn>::call",
            ),
            ("call<fn(u8) -> u8>", "call"),
            ("operator<", "operator<"),
            ("main.(*Cache).Put", "main.(*Cache).Put"),
        ];
        for (function, name) in table {
            assert_eq!(Frame::of(function, "", 0).name(), name, "{function}");
        }
    }

    #[test]
    fn names_are_demangled_without_their_hashes() {
        let legacy = "_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE";
        assert_eq!(Frame::of(legacy, "", 0).function(), "core::fmt::Formatter::write_str");
        assert_eq!(Frame::of("_RNvCskwGfYPst2Cb_3foo3bar", "", 0).function(), "foo::bar");
        assert_eq!(Frame::of("main.main", "", 0).function(), "main.main");
    }

    #[test]
    fn a_frame_shows_its_function_and_the_end_of_its_path() {
        let frame = Frame::of("service::keep", "/home/me/service/src/lib.rs", 7);
        assert_eq!(frame.to_string(), "service::keep (src/lib.rs:7)");
        assert_eq!(Frame::of("service::keep", "lib.rs", 7).to_string(), "service::keep (lib.rs:7)");
        assert_eq!(Frame::unknown("/opt/service", 0x1f00).to_string(), "service+0x1f00");
    }
}
