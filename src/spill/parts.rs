//! Cuts a long event into parts that each fit one log line.

use std::ops::Deref;
use std::slice;

/// The parts of a text, at least one. The usual case, one part, does not allocate.
#[derive(Debug)]
pub(super) enum TextParts<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

impl<'a> Deref for TextParts<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &[&'a str] {
        match self {
            TextParts::One(part) => slice::from_ref(part),
            TextParts::Several(parts) => parts,
        }
    }
}

/// The parts of `text`, each at most `escaped_max` long once a formatter has escaped it. They join to `text`.
pub(super) fn split(text: &str, escaped_max: usize) -> TextParts<'_> {
    let mut parts = Vec::new();
    let mut rest = text;
    // No character escapes to more than ten bytes (`\u{10ffff}`), so a short text need not be scanned.
    while rest.len() * 10 > escaped_max {
        let end = fitting(rest, escaped_max);
        if end == rest.len() {
            break;
        }
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    if parts.is_empty() {
        return TextParts::One(rest);
    }
    parts.push(rest);
    TextParts::Several(parts)
}

/// How many bytes of the beginning of `text` fit; at least one character.
pub(super) fn fitting(text: &str, escaped_max: usize) -> usize {
    let mut escaped = 0;
    for (at, character) in text.char_indices() {
        // An escape is never shorter than the character itself.
        escaped += escaped_bytes(character);
        if escaped > escaped_max && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The maximum length of the whole text after a formatter has escaped it.
pub(super) fn escaped_len(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Ok(text) if !text.is_ascii() => text.chars().map(escaped_bytes).sum(),
        // The text is printable (E1), so these two are the only ASCII characters that are
        // escaped. Counting bytes processes many at once.
        _ => {
            let escapes =
                |piece: &[u8]| piece.iter().map(|byte| u8::from(matches!(byte, b'"' | b'\\'))).sum::<u8>();
            text.len() + text.chunks(u8::MAX as usize).map(|piece| usize::from(escapes(piece))).sum::<usize>()
        }
    }
}

/// The longer of the escapes that a JSON formatter and a Debug formatter write.
fn escaped_bytes(character: char) -> usize {
    match character {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        _ => character.escape_debug().map(char::len_utf8).sum(),
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::encode::is_unprintable;
    use proptest::prelude::*;

    #[test]
    fn a_short_event_is_one_part_and_an_empty_one_too() {
        assert_eq!(*split("{}", 6144), ["{}"]);
        assert_eq!(*split("", 6144), [""]);
    }

    #[test]
    fn an_event_of_quotes_is_cut_before_its_escapes_fill_the_line() {
        let text = "\"".repeat(8192);
        assert_eq!(split(&text, 12_288).iter().map(|part| part.len()).collect::<Vec<_>>(), [6144, 2048]);
    }

    /// The longer of the two notations in which a formatter may write the text.
    fn escaped(text: &str) -> usize {
        let json = serde_json::to_string(text).unwrap().len() - 2;
        let debug = format!("{text:?}").len() - 2;
        json.max(debug)
    }

    /// Printable text, like an event's.
    fn any_text() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            proptest::collection::vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect()),
            "[ -~]{0,40}",
            "[\"\\\\]{0,40}",
        ];
        proptest::collection::vec(pieces, 0..12)
            .prop_map(|pieces: Vec<String>| pieces.concat().replace(is_unprintable, ""))
    }

    proptest! {
        #[test]
        fn parts_are_bounded_before_and_after_escaping_and_join_to_the_identical_text(
            text in any_text(),
            escaped_max in 10_usize..100,
        ) {
            let parts = split(&text, escaped_max);
            prop_assert_eq!(parts.concat(), text.as_str());
            prop_assert!(parts.iter().all(|part| part.len() <= escaped_max));
            prop_assert!(parts.iter().all(|part| escaped(part) <= escaped_max), "{parts:?}");
            prop_assert!(parts.len() == 1 || parts.iter().all(|part| !part.is_empty()));
        }
    }
}
