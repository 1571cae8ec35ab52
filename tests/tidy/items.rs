//! Reads Rust's items as far as the list of public items needs it: attributes, a head, a body.

/// One item: its attributes, the text before its body or its semicolon, and the body without its braces.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) attributes: Vec<&'a str>,
    pub(crate) head: &'a str,
    pub(crate) body: Option<&'a str>,
}

/// The items of a file, or of the body of an `impl` or a `trait`.
pub(crate) fn items(code: &str) -> Vec<Item<'_>> {
    let (mut found, mut at, mut attributes) = (Vec::new(), 0, Vec::new());
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        let rest = &code[at..];
        if rest.is_empty() {
            return found;
        }
        if rest.starts_with('#') {
            let open = rest.find('[').unwrap();
            let end = end_of_brackets(rest, open);
            if !rest.starts_with("#!") {
                attributes.push(&rest[..end]);
            }
            at += end;
            continue;
        }
        let is_whole = ["use ", "pub use ", "pub(crate) use ", "pub(super) use ", "const ", "static "];
        let is_const = rest.starts_with("pub const ") && !rest.starts_with("pub const fn");
        let whole =
            !rest.starts_with("const fn") && is_whole.iter().any(|word| rest.starts_with(word)) || is_const;
        let end = end_of_head(rest, if whole { &[';'] } else { &[';', '{'] });
        let attributes = std::mem::take(&mut attributes);
        if rest[end..].starts_with('{') {
            let close = end_of_brackets(rest, end);
            found.push(Item { attributes, head: rest[..end].trim(), body: Some(&rest[end + 1..close - 1]) });
            at += close;
        } else {
            found.push(Item { attributes, head: rest[..end].trim(), body: None });
            at += (end + 1).min(rest.len());
        }
    }
}

/// The pieces between commas that are outside brackets.
pub(crate) fn split_at_commas(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    loop {
        let end = end_of_head(rest, &[',']);
        if !rest[..end].trim().is_empty() {
            pieces.push(rest[..end].trim());
        }
        if end == rest.len() {
            return pieces;
        }
        rest = &rest[end + 1..];
    }
}

/// The position of the first of these characters outside brackets and texts, or the end.
fn end_of_head(code: &str, ends: &[char]) -> usize {
    let (mut at, mut angles) = (0, 0_usize);
    while let Some(character) = code[at..].chars().next() {
        if ends.contains(&character) && (character != ',' || angles == 0) {
            return at;
        }
        match character {
            '<' => angles += 1,
            '>' if !code[..at].ends_with(['-', '=']) => angles = angles.saturating_sub(1),
            _ => {}
        }
        at = match character {
            '(' | '[' | '{' => end_of_brackets(code, at),
            _ => end_of_text(code, at),
        };
    }
    at
}

/// The position after the bracket that closes the one at `open`.
fn end_of_brackets(code: &str, open: usize) -> usize {
    let (mut at, mut depth) = (open, 0);
    while let Some(character) = code[at..].chars().next() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        at = end_of_text(code, at);
        if depth == 0 {
            return at;
        }
    }
    panic!("a bracket stays open: {:.80}", &code[open..]);
}

/// The position after the text, the character or the comment that begins here, or else after one character.
fn end_of_text(code: &str, at: usize) -> usize {
    let rest = &code[at..];
    let after_word = code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    if rest.starts_with("//") {
        return at + rest.find('\n').unwrap_or(rest.len());
    }
    let hashes =
        rest.trim_start_matches(['b', 'r']).chars().take_while(|&character| character == '#').count();
    let raw = if rest.starts_with("br") { 2 } else { 1 };
    if !after_word
        && (rest.starts_with('r') || rest.starts_with("br"))
        && rest[raw + hashes..].starts_with('"')
    {
        let close = format!("\"{}", "#".repeat(hashes));
        let begin = raw + hashes + 1;
        return at + begin + rest[begin..].find(&close).unwrap() + close.len();
    }
    let length = |text: &str| text.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with('"') {
        let mut end = 1;
        while !rest[end..].starts_with('"') {
            end += if rest[end..].starts_with('\\') {
                1 + length(&rest[end + 1..])
            } else {
                length(&rest[end..])
            };
        }
        return at + end + 1;
    }
    if let Some(after) = rest.strip_prefix('\'') {
        let first = if after.starts_with('\\') {
            after.find('\'').filter(|&end| end > 1).unwrap_or(2)
        } else {
            length(after)
        };
        // A lifetime has no second quote.
        if after[first..].starts_with('\'') {
            return at + 1 + first + 1;
        }
    }
    at + length(rest)
}
