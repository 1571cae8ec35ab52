//! The members of an event, read from its JSON: for formats that need each member's name or type.
//!
//! In: JSON on one line, as in events. Out: slices of it; nothing is copied, and nothing is decoded
//! unnecessarily. For invalid JSON, which no event contains, the result is meaningless, but it never panics.

/// The members of an object: each name and its value.
pub(super) struct Members<'a>(JsonCursor<'a>);

/// The elements of an array.
pub(super) struct Elements<'a>(JsonCursor<'a>);

/// A string, with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JsonText<'a> {
    pub(super) quoted: &'a [u8],
    spelled: Spelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelled {
    /// Without escapes.
    Plainly,
    /// With a backslash in it.
    WithEscapes,
}

/// A value by kind, with its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum JsonValue<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Also any number that is not an `i64`, with its text.
    Double(f64, &'a [u8]),
    Text(JsonText<'a>),
    Array(&'a [u8]),
    Object(&'a [u8]),
}

/// The members, if the value is an object.
pub(super) fn members(json: &[u8]) -> Option<Members<'_>> {
    json.trim_ascii_start().strip_prefix(b"{").map(|json| Members(JsonCursor { json, at: 0 }))
}

/// The elements, if the value is an array.
pub(super) fn elements(json: &[u8]) -> Option<Elements<'_>> {
    json.trim_ascii_start().strip_prefix(b"[").map(|json| Elements(JsonCursor { json, at: 0 }))
}

/// The kind of the value.
pub(super) fn value(json: &[u8]) -> JsonValue<'_> {
    let mut cursor = JsonCursor { json, at: 0 };
    cursor.skip(b' ');
    cursor.value().unwrap_or(JsonValue::Null)
}

impl<'a> Iterator for Members<'a> {
    type Item = (JsonText<'a>, JsonValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.skip(b',');
        let key = self.0.text()?;
        self.0.skip(b':');
        Some((key, self.0.value()?))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = JsonValue<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.skip(b',');
        self.0.value()
    }
}

struct JsonCursor<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> JsonCursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// Skips this byte and the blanks around it.
    fn skip(&mut self, byte: u8) {
        while self.peek().is_some_and(|next| next == byte || next.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// The string that begins here.
    fn text(&mut self) -> Option<JsonText<'a>> {
        if self.peek()? != b'"' {
            return None;
        }
        let (start, mut spelled) = (self.at, Spelled::Plainly);
        self.at += 1;
        loop {
            self.at += next_special(self.json.get(self.at..)?)?;
            if self.json[self.at] == b'"' {
                self.at += 1;
                return Some(JsonText { quoted: &self.json[start..self.at], spelled });
            }
            spelled = Spelled::WithEscapes;
            self.at += 2;
        }
    }

    /// The value that begins here.
    fn value(&mut self) -> Option<JsonValue<'a>> {
        let start = self.at;
        match self.peek()? {
            b'"' => self.text().map(JsonValue::Text),
            b'{' => self.nested().map(JsonValue::Object),
            b'[' => self.nested().map(JsonValue::Array),
            b',' | b'}' | b']' | b':' => None,
            _ => {
                // Most are short integers.
                let (mut number, mut digits, mut others) = (0_i64, 0, 0);
                while let Some(byte) = self.peek() {
                    match byte {
                        b'0'..=b'9' => {
                            number = number.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
                            digits += 1;
                        }
                        b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' => break,
                        _ => others += 1,
                    }
                    self.at += 1;
                }
                let text = &self.json[start..self.at];
                Some(match (digits, others, text[0]) {
                    (1..=18, 0, _) => JsonValue::Int(number),
                    (1..=18, 1, b'-') => JsonValue::Int(-number),
                    _ => word(text),
                })
            }
        }
    }

    /// The array or object that begins here.
    fn nested(&mut self) -> Option<&'a [u8]> {
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            match self.peek()? {
                b'"' => {
                    self.text()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => {
                    self.at += 1;
                    return Some(&self.json[start..self.at]);
                }
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }
}

/// Anything except a string or a short integer.
#[cold]
fn word(json: &[u8]) -> JsonValue<'_> {
    match json {
        b"true" => return JsonValue::Bool(true),
        b"false" => return JsonValue::Bool(false),
        b"null" => return JsonValue::Null,
        _ => {}
    }
    let text = std::str::from_utf8(json).unwrap_or_default();
    if let Ok(int) = text.parse() {
        return JsonValue::Int(int);
    }
    text.parse().map_or(JsonValue::Null, |double| JsonValue::Double(double, json))
}

/// The position of the next quote or backslash. Scans eight bytes at a time, because strings are most of an event.
fn next_special(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    // The lowest set bit marks the first zero byte; the bits above it may be wrong.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let words = text.chunks_exact(8);
    let rest = words.remainder();
    for (nth, word) in words.enumerate() {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        let found = zero(word ^ QUOTES) | zero(word ^ BACKSLASHES);
        if found != 0 {
            return Some(8 * nth + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(text.len() - rest.len() + at)
}

impl<'a> JsonText<'a> {
    /// The text between the quotes, still escaped.
    pub(super) fn inner(self) -> &'a [u8] {
        // No string is shorter than its two quotes.
        self.quoted.get(1..self.quoted.len() - 1).unwrap_or_default()
    }

    /// The text between the quotes, decoded if it has escapes.
    pub(super) fn decoded(self) -> std::borrow::Cow<'a, [u8]> {
        match self.spelled {
            Spelled::Plainly => self.inner().into(),
            Spelled::WithEscapes => serde_json::from_slice::<String>(self.quoted)
                .map_or(self.inner().into(), |text| text.into_bytes().into()),
        }
    }

    /// The text between the quotes, unless it has escapes.
    pub(super) fn plain(self) -> Option<&'a [u8]> {
        (self.spelled == Spelled::Plainly).then(|| self.inner())
    }
}

/// The string value of the member with this name.
pub(super) fn text_of<'a>(json: &'a [u8], name: &[u8]) -> Option<JsonText<'a>> {
    match members(json)?.find(|(key, _)| key.inner() == name)? {
        (_, JsonValue::Text(text)) => Some(text),
        _ => None,
    }
}

/// Counts the bytes that match.
pub(super) fn count(json: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    // Counted in bytes, so that many are added at once.
    json.chunks(255)
        .map(|part| usize::from(part.iter().map(|&byte| u8::from(wanted(byte))).sum::<u8>()))
        .sum()
}

/// Appends a text for use inside a JSON string: escapes its quotes and backslashes. Printable text needs no more.
pub(super) fn escape(text: &[u8], to: &mut super::Body) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        to.push(&rest[..at]);
        to.push([b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    to.push(rest);
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "\\PC{0,8}|[\\\\\"{}\\[\\],: a]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::btree_map("\\PC{0,4}|[\\\\\"{,:]{0,4}", inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn parsed(piece: &[u8]) -> serde_json::Value {
        serde_json::from_slice(piece).unwrap()
    }

    /// The value as a parser would read it.
    fn tree(value: JsonValue<'_>) -> serde_json::Value {
        match value {
            JsonValue::Null => serde_json::Value::Null,
            JsonValue::Bool(bool) => bool.into(),
            JsonValue::Int(int) => int.into(),
            JsonValue::Double(double, text) => {
                assert_eq!(Ok(double), std::str::from_utf8(text).unwrap().parse());
                parsed(text)
            }
            JsonValue::Text(text) => std::str::from_utf8(&text.decoded()).unwrap().into(),
            JsonValue::Array(json) => elements(json).unwrap().map(tree).collect(),
            JsonValue::Object(json) => serde_json::Value::Object(
                members(json)
                    .unwrap()
                    .map(|(key, value)| (String::from_utf8(key.decoded().into_owned()).unwrap(), tree(value)))
                    .collect(),
            ),
        }
    }

    proptest! {
        #[test]
        fn members_and_values_are_those_that_a_parser_finds(json in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
            // Compared after a round trip, because this parser does not read every double back exactly.
            prop_assert_eq!(tree(value(text.as_bytes())), parsed(text.as_bytes()));
        }

        #[test]
        fn invalid_json_ends_and_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[{}\\[\\]\",:\\\\ 1a]{0,40}") {
            for bytes in [bytes, text.into_bytes()] {
                for json in [[b"{".as_slice(), &bytes].concat(), [b"[".as_slice(), &bytes].concat()] {
                    let pieces = members(&json).map_or(0, Iterator::count) + elements(&json).map_or(0, Iterator::count);
                    prop_assert!(pieces <= json.len());
                }
                value(&bytes);
            }
        }
    }
}
