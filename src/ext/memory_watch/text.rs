//! Text in a block that was allocated beforehand: near the memory limit nothing may allocate more.
//!
//! Also parses the numbers in the kernel's texts. TX1: never longer than its
//! initial capacity; text that does not fit is cut at a whole character.

use std::fmt;

/// A text with a fixed capacity.
#[derive(Debug)]
pub(super) struct FixedText(String);

impl FixedText {
    pub(super) fn with_capacity(bytes: usize) -> FixedText {
        FixedText(String::with_capacity(bytes))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends; omits what does not fit.
    pub(super) fn push(&mut self, arguments: fmt::Arguments<'_>) {
        // `write_str` below never fails; if a caller's Display does, its text ends there.
        let _ = fmt::write(self, arguments);
    }
}

impl fmt::Write for FixedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(self.0.capacity() - self.0.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        Ok(())
    }
}

/// A line from the kernel: `MemTotal:       24684288 kB`, in bytes.
pub(super) fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_grows_and_never_ends_within_a_character() {
        let mut text = FixedText::with_capacity(8);
        text.push(format_args!("abcdefgé"));
        assert_eq!(text.as_str(), "abcdefg");
        text.push(format_args!("h"));
        assert_eq!(text.as_str(), "abcdefgh");
        assert_eq!(text.0.capacity(), 8);
        text.push(format_args!("more"));
        assert_eq!(text.as_str(), "abcdefgh");
    }
}
