//! The members of an event, as they stand in its JSON: for formats that name or type each.
//!
//! In: JSON on one line, as events have it. Out: pieces of it; nothing is copied, and nothing is decoded that need not be. Of what is no
//! JSON, which no event is, it makes nothing sensible, and never panics.

/// The members of an object: each name with its quotes, and its value.
pub(super) struct Members<'a>(&'a [u8]);

/// The elements of an array.
pub(super) struct Elements<'a>(&'a [u8]);

/// A value by its kind, with the text that it stands in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// And what is no `i64`, with its text.
    Double(f64, &'a [u8]),
    /// With its quotes.
    Text(&'a [u8]),
    Array(&'a [u8]),
    Object(&'a [u8]),
}

/// The members, if it is an object.
pub(super) fn members(json: &[u8]) -> Option<Members<'_>> {
    json.trim_ascii().strip_prefix(b"{").map(Members)
}

/// The elements, if it is an array.
pub(super) fn elements(json: &[u8]) -> Option<Elements<'_>> {
    json.trim_ascii().strip_prefix(b"[").map(Elements)
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = skip(self.0, b',');
        let key = &rest[..end_of_text(rest)?];
        let rest = skip(&rest[key.len()..], b':');
        let value = &rest[..end_of(rest)?];
        self.0 = &rest[value.len()..];
        Some((key, value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let rest = skip(self.0, b',');
        let value = &rest[..end_of(rest)?];
        self.0 = &rest[value.len()..];
        Some(value)
    }
}

/// Behind this byte, if it is next, and blanks around it.
fn skip(json: &[u8], byte: u8) -> &[u8] {
    let rest = json.trim_ascii_start();
    rest.strip_prefix(&[byte]).map_or(rest, <[u8]>::trim_ascii_start)
}

/// The length of the string that begins here.
fn end_of_text(json: &[u8]) -> Option<usize> {
    if json.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += next_special(json.get(at..)?)?;
        match json[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// Where the next quote or backslash stands: eight bytes at a time, because texts are most of an event.
fn next_special(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    // The lowest bit that is set is that of the first byte that is zero; what is above it may be wrong.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let words = text.chunks_exact(8);
    let rest = words.remainder();
    for (nth, word) in words.enumerate() {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        let found = zero(word ^ ONES * u64::from(b'"')) | zero(word ^ ONES * u64::from(b'\\'));
        if found != 0 {
            return Some(8 * nth + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(text.len() - rest.len() + at)
}

/// The length of the value that begins here.
fn end_of(json: &[u8]) -> Option<usize> {
    match json.first()? {
        b'"' => end_of_text(json),
        b'{' | b'[' => {
            let (mut at, mut depth) = (0, 0_usize);
            loop {
                match json.get(at)? {
                    b'"' => {
                        at += end_of_text(&json[at..])?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth == 1 => return Some(at + 1),
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            let len = json.iter().position(ends).unwrap_or(json.len());
            (len > 0).then_some(len)
        }
    }
}

/// What kind of value it is.
pub(super) fn value(json: &[u8]) -> Value<'_> {
    match json {
        [b'"', ..] => Value::Text(json),
        [b'{', ..] => Value::Object(json),
        [b'[', ..] => Value::Array(json),
        b"true" => Value::Bool(true),
        b"false" => Value::Bool(false),
        b"null" => Value::Null,
        number => number_of(number),
    }
}

fn number_of(json: &[u8]) -> Value<'_> {
    // Most are short integers.
    let digits = json.strip_prefix(b"-").unwrap_or(json);
    if (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) {
        let number = digits.iter().fold(0, |number, digit| 10 * number + i64::from(digit - b'0'));
        return Value::Int(if digits.len() == json.len() { number } else { -number });
    }
    let text = std::str::from_utf8(json).unwrap_or_default();
    if let Ok(int) = text.parse() {
        return Value::Int(int);
    }
    text.parse().map_or(Value::Null, |double| Value::Double(double, json))
}

/// What stands between the quotes of a string, decoded where it needs to be.
pub(super) fn text(quoted: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let inner = inner(quoted);
    if !inner.contains(&b'\\') {
        return inner.into();
    }
    serde_json::from_slice::<String>(quoted).map_or(inner.into(), |text| text.into_bytes().into())
}

/// What stands between the quotes of a string, as it stands there.
pub(super) fn inner(quoted: &[u8]) -> &[u8] {
    quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(quoted)
}

/// The text that a member of this name has, with its quotes.
pub(super) fn text_of<'a>(json: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (_, value) = members(json)?.find(|(key, _)| inner(key) == name)?;
    (value.first() == Some(&b'"')).then_some(value)
}

/// How often one of these bytes stands there.
pub(super) fn count(json: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    // In bytes, of which many are added at once.
    json.chunks(255)
        .map(|part| usize::from(part.iter().map(|&byte| u8::from(wanted(byte))).sum::<u8>()))
        .sum()
}

/// Appends what is to stand in a JSON string: the text's quotes and backslashes behind a backslash. What is printable needs no more.
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

    proptest! {
        #[test]
        fn the_members_and_elements_are_those_that_a_parser_finds(json in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
            let parsed = |piece: &[u8]| serde_json::from_slice::<serde_json::Value>(piece).unwrap();
            // As it is read back: not each double is, by this parser.
            let json = parsed(text.as_bytes());
            match &json {
                serde_json::Value::Object(object) => {
                    let found: Vec<_> = members(text.as_bytes()).unwrap().map(|(key, value)| (parsed(key), parsed(value))).collect();
                    let there: Vec<_> = object.iter().map(|(key, value)| (key.as_str().into(), value.clone())).collect();
                    prop_assert_eq!(found, there);
                }
                serde_json::Value::Array(array) => {
                    let found: Vec<_> = elements(text.as_bytes()).unwrap().map(parsed).collect();
                    prop_assert_eq!(&found, array);
                }
                other => match (value(text.as_bytes()), other) {
                    (Value::Null, serde_json::Value::Null) => {}
                    (Value::Bool(found), other) => prop_assert_eq!(Some(found), other.as_bool()),
                    (Value::Int(found), other) => prop_assert_eq!(Some(found), other.as_i64()),
                    (Value::Double(found, text), other) => {
                        prop_assert!(other.is_f64() || other.is_u64());
                        prop_assert_eq!(Ok(found), std::str::from_utf8(text).unwrap().parse());
                    }
                    (Value::Text(found), other) => {
                        prop_assert_eq!(Some(&*super::text(found)), other.as_str().map(str::as_bytes));
                    }
                    (found, other) => panic!("{found:?} {other}"),
                },
            }
        }

        #[test]
        fn what_is_no_json_ends_and_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[{}\\[\\]\",:\\\\ 1a]{0,40}") {
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
