//! Function names: demangled, without type parameters, without what differs between instances.

use std::fmt::Write;

/// Maximum bytes of a demangled C++ name, because a name can be made to expand without end. A longer one stays mangled.
const DEMANGLED_BYTES_MAX: usize = 8 << 10;

/// The exact name, for comparison letter by letter: Rust's without hashes, C++'s with types.
pub(super) fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    cpp(name, cpp_demangle::DemangleOptions::new()).unwrap_or_else(|| name.to_owned())
}

/// The name for people: `a::f::<T>` and `f<T>` as `a::f` and `f`; `<T<U> as V<W>>::f` as `<T as V>::f`; C++'s without parameters.
pub(super) fn short(name: &str, demangled: &str) -> String {
    match cpp(name, cpp_demangle::DemangleOptions::new().no_params().no_return_type()) {
        Some(cpp) if rustc_demangle::try_demangle(name).is_err() => without_types(&cpp),
        _ => without_types(demangled),
    }
}

struct Limited(String);

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > DEMANGLED_BYTES_MAX {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn cpp(name: &str, options: cpp_demangle::DemangleOptions) -> Option<String> {
    // Apple's linkers add one more in front.
    if !name.starts_with("_Z") && !name.starts_with("__Z") {
        return None;
    }
    let symbol = cpp_demangle::Symbol::new(name).ok()?;
    let mut text = Limited(String::new());
    symbol.structured_demangle(&mut text, &options).ok()?;
    Some(text.0)
}

fn without_types(function: &str) -> String {
    let (mut kept, mut depth, mut before) = (String::new(), 0_usize, ' ');
    for c in function.chars() {
        let opens = c == '<' && (depth > 0 || before.is_alphanumeric() || matches!(before, '_' | ':' | '}'));
        depth += usize::from(opens);
        if depth == 0 {
            kept.push(c);
        }
        // Not the arrow in a function's type.
        depth -= usize::from(c == '>' && before != '-' && depth > 0);
        before = c;
    }
    // Something that only looks like a parameter, such as C++'s `operator<`, stays.
    if depth > 0 { function.to_owned() } else { kept.replace("::::", "::").trim_end_matches("::").to_owned() }
}

/// The name that all instances of a function share: without hashes, closure numbers,
/// Go's type parameters, and the suffixes that compilers give to parts of functions.
pub(super) fn instance_of(short: &str) -> String {
    let mut key = numberless(short);
    for ending in [".llvm.", ".part.", ".constprop.", ".isra.", ".cold", ".lto_priv.", " [clone "] {
        key.truncate(key.find(ending).unwrap_or(key.len()));
    }
    if let Some((path, hash)) = key.rsplit_once("::h") {
        if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            key.truncate(path.len());
        }
    }
    if key.contains("::") || key.starts_with('<') {
        return key;
    }
    // Go: `main.Keep[...]` and `main.Keep[go.shape.int]`, `main.run.func1.2` and `main.run.gowrap3`.
    if let (Some(begins), Some(ends)) = (key.find('['), key.rfind(']')) {
        if begins < ends {
            key.replace_range(begins..=ends, "");
        }
    }
    let parts: Vec<&str> = key.split('.').collect();
    let is_go = parts.len() > 2 || parts.first().is_some_and(|first| first.contains('/'));
    if !is_go {
        return key;
    }
    let numberless = |part: &&str| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        if ["func", "gowrap", "deferwrap"].contains(&word) { word.to_owned() } else { (*part).to_owned() }
    };
    let is_number = |part: &&&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.iter().filter(|part| !is_number(part)).map(numberless).collect::<Vec<_>>().join(".")
}

/// `{closure#3}` as `{closure}`.
fn numberless(name: &str) -> String {
    let (mut kept, mut rest) = (String::new(), name);
    while let Some(at) = rest.find('#') {
        let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let ends = rest[at + 1 + digits..].starts_with('}');
        kept.push_str(&rest[..if digits > 0 && ends { at } else { at + 1 }]);
        rest = &rest[at + 1 + if digits > 0 && ends { digits } else { 0 }..];
    }
    kept + rest
}

/// The path at the start of a Rust or C++ function's name: `a::B::f` for itself, `a::B` for
/// `<a::B as c::D>::f`; if the type is built into the language, or has no path, the trait's.
pub(super) fn leading_path(name: &str) -> &str {
    let mut path = name.trim_start_matches(['<', '&', '*', '(', '[']);
    for word in ["mut ", "const ", "dyn ", "impl "] {
        path = path.strip_prefix(word).unwrap_or(path).trim_start_matches(['<', '&', '*', '(', '[']);
    }
    match path.split_once(" as ") {
        Some((primitive, of)) if !primitive.contains("::") => of,
        Some((own, _)) => own,
        None => path,
    }
}

/// The package of a Go function: its import path.
pub(super) fn go_package(name: &str) -> &str {
    let plain = name.split('[').next().unwrap_or(name);
    let last = plain.rfind('/').map_or(0, |slash| slash + 1);
    plain[last..].find('.').map_or(plain, |dot| &plain[..last + dot])
}

/// The modules, types and crates, or packages and folders, that contain a function, the smallest first.
pub(super) fn packages(key: &str, file: &str) -> Vec<String> {
    let mut packages = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '$' | '#');
    let path = leading_path(key);
    if path.contains("::") {
        let path = path.split(|c: char| !is_word(c)).next().unwrap_or_default();
        // In `<a::B as C>::f` the type is a container; in `a::B::f` the function is not.
        let mut rest =
            if key.starts_with('<') { path } else { path.rsplit_once("::").map_or("", |(of, _)| of) };
        while !rest.is_empty() {
            packages.push(rest.to_owned());
            rest = rest.rsplit_once("::").map_or("", |(of, _)| of);
        }
        // One method of a trait, for any type.
        if let (true, Some((_, method))) = (key.starts_with('<'), key.split_once(" as ")) {
            packages.insert(0, format!("<_ as {method}"));
        }
    } else if key.contains('.') && (file.is_empty() || file.ends_with(".go")) {
        let mut rest = go_package(key);
        while !rest.is_empty() {
            packages.push(rest.to_owned());
            rest = rest.rsplit_once('/').map_or("", |(of, _)| of);
        }
    } else if !file.is_empty() {
        let folder = file.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder);
        packages.extend([file, folder].into_iter().filter(|path| !path.is_empty()).map(str::to_owned));
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("_ZN4shop5cache3putEiRKSt6vectorIiSaIiEE", "shop::cache::put"),
            ("_ZN4shop5CacheIiE3putIlEEvT_", "shop::Cache::put"),
        ];
        for (function, name) in table {
            assert_eq!(short(function, &demangled(function)), name, "{function}");
        }
    }

    #[test]
    fn names_are_demangled_without_their_hashes() {
        let table = [
            ("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "core::fmt::Formatter::write_str"),
            ("_RNvCskwGfYPst2Cb_3foo3bar", "foo::bar"),
            ("_ZN4shop3putEi", "shop::put(int)"),
            ("main.main", "main.main"),
            ("_Znwm", "operator new(unsigned long)"),
        ];
        for (mangled, name) in table {
            assert_eq!(demangled(mangled), name);
        }
    }

    #[test]
    fn instances_of_one_function_have_one_name() {
        let table = [
            ("service::keep::{closure#3}", "service::keep::{closure}"),
            ("service::keep::h0123456789abcdef", "service::keep"),
            ("service::keep.llvm.8123", "service::keep"),
            ("main.Keep[go.shape.int]", "main.Keep"),
            ("main.(*Store[...]).Keep", "main.(*Store).Keep"),
            ("main.run.func1.2", "main.run.func"),
            ("github.com/a/b.run.func12", "github.com/a/b.run.func"),
            ("keep.part.0", "keep"),
            ("service::{impl#2}::f", "service::{impl}::f"),
        ];
        for (name, key) in table {
            assert_eq!(instance_of(name), key);
        }
    }

    #[test]
    fn a_function_is_part_of_its_modules_and_of_its_crate() {
        assert_eq!(packages("a::b::C::f", ""), ["a::b::C", "a::b", "a"]);
        assert_eq!(packages("<a::b::C as d::E>::f", ""), ["<_ as d::E>::f", "a::b::C", "a::b", "a"]);
        assert_eq!(packages("<u8 as d::E>::f", ""), ["<_ as d::E>::f", "d::E", "d"]);
        assert_eq!(packages("x.org/a/b.(*C).f", ""), ["x.org/a/b", "x.org/a", "x.org"]);
        assert_eq!(packages("emit", "/x/src/leaky.rs"), ["/x/src/leaky.rs", "/x/src"]);
        assert_eq!(packages("malloc", ""), [""; 0]);
    }
}
