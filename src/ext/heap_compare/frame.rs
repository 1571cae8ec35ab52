//! A frame of a call stack: its name for people, and who owns its code.

mod known;
mod name;
mod owner;

pub use owner::Owner;
pub(super) use owner::{ProgramEvidence, SymbolInfo};

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What all frames of a function share.
#[derive(Debug)]
pub(super) struct FunctionFrame {
    function: String,
    /// Without type parameters.
    name: String,
    /// Without what differs between instances.
    key: String,
    file: String,
    owner: Owner,
    is_on_behalf: bool,
    is_executor: bool,
    /// For a place without a name.
    address: Option<(String, u64)>,
}

/// One function on a call stack; inlined functions are separate frames.
#[derive(Debug, Clone)]
pub struct Frame {
    function: Arc<FunctionFrame>,
    line: u32,
}

impl FunctionFrame {
    /// `name` may be mangled; `file` is empty if unknown.
    pub(super) fn of(name: &str, file: &str, binary: &str, evidence: &ProgramEvidence) -> FunctionFrame {
        let demangled = name::demangled(name);
        let (function, short) = (printable(&demangled), printable(&name::short(name, &demangled)));
        let file = printable(file);
        let owner = evidence.owner(SymbolInfo { function: &function, file: &file, binary });
        // The last part of the name, because line tables contain only that.
        let bare = &short[short.rfind("::").map_or(0, |at| at + 2)..];
        FunctionFrame {
            owner,
            is_on_behalf: ["serialize", "fmt", "clone", "default", "from", "into"].contains(&bare),
            is_executor: ["poll", "block_on", "catch_unwind", "__rust_begin_short_backtrace"].contains(&bare),
            key: name::instance_of(&short),
            name: short,
            function,
            file,
            address: None,
        }
    }

    /// A place without symbols: an address in a file.
    pub(super) fn unnamed(binary: &str, address: u64, evidence: &ProgramEvidence) -> FunctionFrame {
        let name = binary.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("?");
        let function = format!("{}+{address:#x}", printable(name));
        FunctionFrame {
            name: function.clone(),
            key: function.clone(),
            function,
            file: String::new(),
            owner: evidence.owner_of_unnamed(binary),
            is_on_behalf: false,
            is_executor: false,
            address: Some((printable(binary), address)),
        }
    }

    /// The function of a stack that has no frames.
    pub(super) fn nowhere() -> FunctionFrame {
        FunctionFrame::of("(a stack without frames)", "", "", &ProgramEvidence::default())
    }

    pub(super) fn at(self: &Arc<FunctionFrame>, line: i64) -> Frame {
        Frame { function: Arc::clone(self), line: u32::try_from(line).unwrap_or(0) }
    }
}

impl Frame {
    /// The function's name, demangled; without symbols the program and the address in it.
    pub fn function(&self) -> &str {
        &self.function.function
    }

    /// The function's name without type parameters, for people.
    pub fn name(&self) -> &str {
        &self.function.name
    }

    /// The source file, from the debug information; empty if unknown.
    pub fn file(&self) -> &str {
        &self.function.file
    }

    /// The line in that file; 0 if unknown.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Who owns its code.
    pub fn owner(&self) -> Owner {
        self.function.owner
    }

    /// For a place without a name: the file that was loaded there, and the address in it,
    /// as `addr2line -fCe FILE ADDRESS` and other tools expect it. `None` if it has a name.
    pub fn address(&self) -> Option<(&str, u64)> {
        self.function.address.as_ref().map(|(file, address)| (file.as_str(), *address))
    }

    /// The function that this is an instance of, and its file: the same for all type parameters, lines and closures.
    pub(super) fn instance(&self) -> (&str, &str) {
        (&self.function.key, &self.function.file)
    }

    /// The modules and the crate that contain it, the smallest first.
    pub(super) fn packages(&self) -> Vec<String> {
        if self.function.address.is_some() {
            return Vec::new();
        }
        name::packages(&self.function.key, &self.function.file)
    }

    /// Own code that describes or copies a value on behalf of its caller: it does not keep the result.
    pub(super) fn is_on_behalf(&self) -> bool {
        self.function.is_on_behalf
    }

    /// Code that runs tasks of others, not of its caller: an executor, a future, a thread's start.
    pub(super) fn is_executor(&self) -> bool {
        self.function.is_executor
    }

    /// What identifies this frame. Its owner and its displayed text follow from these.
    fn identity(&self) -> (&str, &str, u32) {
        (&self.function.function, &self.function.file, self.line)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Frame) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Frame {}

impl PartialOrd for Frame {
    fn partial_cmp(&self, other: &Frame) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Frame {
    fn cmp(&self, other: &Frame) -> Ordering {
        if Arc::ptr_eq(&self.function, &other.function) {
            return self.line.cmp(&other.line);
        }
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Frame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// The name, and the last two parts of its file's path with the line.
impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.name())?;
        if !self.file().is_empty() {
            let from = self.file().rmatch_indices(['/', '\\']).nth(1).map_or(0, |(at, _)| at + 1);
            write!(out, " ({}:{})", &self.file()[from..], self.line)?;
        }
        Ok(())
    }
}

/// Replaces the control characters in text from a file, because the text may go to a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, file: &str, line: i64) -> Frame {
        Arc::new(FunctionFrame::of(name, file, "", &ProgramEvidence::default())).at(line)
    }

    fn unnamed(binary: &str, address: u64) -> Frame {
        Arc::new(FunctionFrame::unnamed(binary, address, &ProgramEvidence::default())).at(0)
    }

    #[test]
    fn a_name_with_control_characters_is_shown_without_them() {
        assert_eq!(frame("a::b\u{1b}[2J", "x\ny", 1).to_string(), "a::b?[2J (x?y:1)");
        assert_eq!(unnamed("/opt/ser\nvice", 1).function(), "ser?vice+0x1");
    }

    #[test]
    fn a_frame_shows_its_function_and_the_end_of_its_path() {
        let shown = frame("service::keep", "/home/me/service/src/lib.rs", 7);
        assert_eq!(shown.to_string(), "service::keep (src/lib.rs:7)");
        assert_eq!(frame("service::keep", "lib.rs", 7).to_string(), "service::keep (lib.rs:7)");
        let nameless = unnamed("/opt/service", 0x1f00);
        assert_eq!(nameless.to_string(), "service+0x1f00");
        assert_eq!(nameless.address(), Some(("/opt/service", 0x1f00)));
        assert_eq!(shown.address(), None);
    }

    #[test]
    fn instances_of_one_function_are_reported_together() {
        assert_eq!(frame("a::f::<u8>", "x", 1).instance(), frame("a::f::<Vec<u8>>", "x", 9).instance());
        assert_ne!(frame("f", "x", 1).instance(), frame("f", "y", 1).instance());
    }
}
