//! Applies the rules to a JSON text, and copies everything that no rule names.
//!
//! Uses a list of open arrays and objects instead of recursion, because text that claims to be JSON
//! (`RawValue`) may be nested to any depth.

use super::path::PathStep;
use super::{Action, Rule};

/// An array or object that is open.
struct OpenValue {
    closes: u8,
    /// Whether the output already has a member, so that the next one needs a comma.
    has_any: bool,
}

/// The text after the rules. The inner `None`: they change nothing. The outer `None`: the text is not JSON.
#[expect(clippy::option_option, reason = "the caller matches on both levels at once")]
pub(super) fn rewrite(text: &str, rules: &[Rule]) -> Option<Option<String>> {
    let mut out = String::new();
    let mut changed = false;
    let mut open: Vec<OpenValue> = Vec::new();
    let mut steps: Vec<PathStep> = Vec::new();
    let mut rest = text;
    loop {
        // At a value, or at the end of the open array or object.
        rest = rest.trim_start();
        if let Some(inner) = open.last() {
            if rest.as_bytes().first() == Some(&inner.closes) {
                rest = close(rest, &mut out, &mut open, &mut steps)?;
                if open.is_empty() {
                    break;
                }
                continue;
            }
        }
        let mut name = "";
        if let Some(inner) = open.last_mut() {
            if inner.closes == b'}' {
                let (written, after) = string(rest)?;
                name = written;
                rest = after.trim_start().strip_prefix(':')?.trim_start();
                *steps.last_mut()? = PathStep::Name(serde_json::from_str(written).ok()?);
            }
        }
        match rules.iter().find(|rule| rule.path.fits(&steps)).map(|rule| &rule.action) {
            Some(Action::Remove) => {
                if name.is_empty() && !open.is_empty() {
                    begin_member(&mut out, &mut open, name);
                    out.push_str("null");
                }
                (_, rest) = value(rest)?;
                changed = true;
            }
            #[cfg(feature = "redact-hash")]
            Some(Action::Hash(key)) => {
                begin_member(&mut out, &mut open, name);
                let (written, after) = value(rest)?;
                out.push('"');
                out.push_str(&key.digits(written.as_bytes()));
                out.push('"');
                rest = after;
                changed = true;
            }
            None => {
                begin_member(&mut out, &mut open, name);
                match rest.as_bytes().first()? {
                    bracket @ (b'{' | b'[') => {
                        out.push(char::from(*bracket));
                        let closes = if *bracket == b'{' { b'}' } else { b']' };
                        open.push(OpenValue { closes, has_any: false });
                        steps.push(PathStep::Place(0));
                        rest = &rest[1..];
                        continue;
                    }
                    _ => {
                        let (written, after) = value(rest)?;
                        out.push_str(written);
                        rest = after;
                    }
                }
            }
        }
        rest = after_value(rest, &open, &mut steps)?;
        if open.is_empty() {
            break;
        }
    }
    rest.trim_start().is_empty().then(|| changed.then_some(out))
}

fn begin_member(out: &mut String, open: &mut [OpenValue], name: &str) {
    let Some(inner) = open.last_mut() else { return };
    if inner.has_any {
        out.push(',');
    }
    inner.has_any = true;
    if inner.closes == b'}' {
        out.push_str(name);
        out.push(':');
    }
}

fn close<'a>(
    rest: &'a str,
    out: &mut String,
    open: &mut Vec<OpenValue>,
    steps: &mut Vec<PathStep>,
) -> Option<&'a str> {
    let inner = open.pop()?;
    steps.pop();
    out.push(char::from(inner.closes));
    after_value(&rest[1..], open, steps)
}

/// Skips the comma after a value; there is none before a closing bracket.
fn after_value<'a>(rest: &'a str, open: &[OpenValue], steps: &mut [PathStep]) -> Option<&'a str> {
    let rest = rest.trim_start();
    let Some(inner) = open.last() else { return Some(rest) };
    if let Some(PathStep::Place(place)) = steps.last_mut() {
        *place += 1;
    }
    match rest.strip_prefix(',') {
        // A bracket here would mean a trailing comma.
        Some(after) => (after.trim_start().as_bytes().first() != Some(&inner.closes)).then_some(after),
        None => (rest.as_bytes().first() == Some(&inner.closes)).then_some(rest),
    }
}

/// A string with its quotes, and the rest.
fn string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if at == 0 => {}
            _ if at == 0 => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(text.split_at(at + 1)),
            _ => {}
        }
    }
    None
}

/// A whole value, and the rest.
fn value(text: &str) -> Option<(&str, &str)> {
    match text.as_bytes().first()? {
        b'"' => string(text),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0_usize, 0);
            while let Some(byte) = text.as_bytes().get(at) {
                match byte {
                    b'"' => at += string(&text[at..])?.0.len() - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(text.split_at(at));
                }
            }
            None
        }
        _ => {
            let end = text.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(text.len());
            (end > 0).then(|| text.split_at(end))
        }
    }
}
