//! What the list says about an item: its line or lines, without what is not public.

use crate::items::{Item, items, split_at_commas};

/// Macros that make public items.
pub(crate) const MAKERS: [&str; 3] = ["named_reasons", "names", "standard_stream"];

pub(crate) fn lines_of(item: &Item<'_>, is_public: &dyn Fn(&str) -> bool) -> Vec<String> {
    let head = tidied(item.head);
    let (attributes, body) = (kept(&item.attributes), item.body.unwrap_or_default());
    if item.attributes.iter().any(|attribute| attribute.starts_with("#[cfg(test)]")) {
        return Vec::new();
    }
    let prefixed = |line: String| [attributes.clone(), vec![line]].concat().join(" ");
    let suffixed = |line: String| [vec![line], attributes.clone()].concat().join(" ");
    let words: Vec<&str> = head.split([' ', '(', '<', '!']).collect();
    match (words[0], words.get(1).copied().unwrap_or_default()) {
        ("pub", "struct") => vec![suffixed(struct_line(head.trim_start_matches("pub "), item.body))],
        ("pub", "enum") => {
            let variants: Vec<String> = split_at_commas(body).into_iter().map(variant_line).collect();
            vec![suffixed(format!("{} {{ {} }}", &head[4..], variants.join(", ")))]
        }
        ("pub", "trait") => {
            let mut methods: Vec<String> = items(body).iter().map(method_line).collect();
            methods.sort();
            vec![suffixed(format!("{} {{ {} }}", &head[4..], methods.join(" ")))]
        }
        ("pub", "use" | "mod" | "type") => vec![prefixed(format!("{head};"))],
        ("pub", "const" | "static") if !head.contains(" fn ") => {
            vec![prefixed(head.split(" = ").next().unwrap_or(&head).to_owned())]
        }
        ("pub", _) if head.starts_with("pub ") => vec![prefixed(head)],
        ("impl", _) if head.contains(" for ") => {
            let name = type_name(head.rsplit(" for ").next().unwrap_or_default());
            let is_shown = is_public(&name) || name.len() == 1 || ["Box", "Arc"].contains(&name.as_str());
            if is_shown { vec![prefixed(head)] } else { Vec::new() }
        }
        ("impl", _) => {
            let inner = items(body).iter().flat_map(|item| lines_of(item, is_public)).collect::<Vec<_>>();
            inner.into_iter().map(|line| prefixed(format!("{head}: {line}"))).collect()
        }
        (name, _) if MAKERS.contains(&name.rsplit("::").next().unwrap_or_default()) => {
            let body = if body.is_empty() { String::new() } else { format!(" {{ {} }}", tidied(body)) };
            vec![format!("{head}{body};")]
        }
        _ => Vec::new(),
    }
}

/// The public fields, and `..` if there are others.
fn struct_line(head: &str, body: Option<&str>) -> String {
    let shown = |fields: &str| {
        let fields: Vec<String> = split_at_commas(fields).into_iter().map(variant_line).collect();
        let is_public = |field: &&String| format!(" {field}").contains(" pub ");
        let mut shown: Vec<&str> = fields.iter().filter(is_public).map(String::as_str).collect();
        if shown.len() < fields.len() {
            shown.push("..");
        }
        shown.join(", ")
    };
    match (body, head.split_once('(')) {
        (Some(fields), _) => format!("{head} {{ {} }}", shown(fields)),
        (None, Some((name, fields))) => format!("{name}({})", shown(fields.trim_end_matches(')'))),
        (None, None) => head.to_owned(),
    }
}

/// A variant or a field, with the attributes that are kept.
fn variant_line(text: &str) -> String {
    match items(text).pop() {
        Some(item) => {
            let fields: Vec<String> =
                item.body.map(split_at_commas).unwrap_or_default().into_iter().map(variant_line).collect();
            let fields =
                if fields.is_empty() { String::new() } else { format!(" {{ {} }}", fields.join(", ")) };
            [kept(&item.attributes), vec![format!("{}{fields}", tidied(item.head))]].concat().join(" ")
        }
        None => String::new(),
    }
}

fn method_line(item: &Item<'_>) -> String {
    let end = if item.body.is_some() { " { .. }" } else { ";" };
    [kept(&item.attributes), vec![format!("{}{end}", tidied(item.head))]].concat().join(" ")
}

/// Attributes that are part of the interface.
pub(crate) fn kept(attributes: &[&str]) -> Vec<String> {
    let is_kept = |text: &&String| {
        let plain = ["#[derive(", "#[non_exhaustive", "#[must_use", "#[default"]
            .iter()
            .any(|begin| text.starts_with(begin));
        plain
            || text.starts_with("#[cfg(")
                && ["feature", "target_os", "unix"].iter().any(|word| text.contains(word))
    };
    let texts = attributes.iter().map(|text| {
        tidied(text)
            .replace(", not(overspill_model)", "")
            .replace("all(feature = \"testkit\")", "feature = \"testkit\"")
    });
    texts
        .map(|text| if text.starts_with("#[must_use") { "#[must_use]".to_owned() } else { text })
        .filter(|text| is_kept(&text))
        .collect()
}

/// The types and traits of a file, and whether they are public.
pub(crate) fn types(code: &str) -> impl Iterator<Item = (String, bool)> {
    let found = items(code).into_iter().filter_map(|item| {
        let head = tidied(item.head);
        let bare = head
            .trim_start_matches("pub ")
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub(super) ");
        let (kind, name) = bare.split_once(' ')?;
        ["struct", "enum", "trait"].contains(&kind).then(|| (type_name(name), head.starts_with("pub ")))
    });
    // A type that `named_reasons!` defines counts as public.
    let made = code.split("named_reasons! {").skip(1).filter_map(|body| {
        let name = body.lines().map(str::trim).find(|line| line.ends_with('{'))?;
        Some((type_name(name), true))
    });
    found.chain(made).collect::<Vec<_>>().into_iter()
}

pub(crate) fn public_name((name, is_public): (String, bool)) -> Option<String> {
    is_public.then_some(name)
}

/// The last name of a path, without its generic arguments.
pub(crate) fn type_name(text: &str) -> String {
    let path = text.trim().split(['<', '(', '{', ';', ':']).next().unwrap_or_default();
    let path = if text.trim().starts_with("std::") {
        text.trim().split('<').next().unwrap_or_default()
    } else {
        path
    };
    path.rsplit("::").next().unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}

/// The text on one line, as rustfmt would write it without a line limit.
pub(crate) fn tidied(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" // ").next().unwrap_or_default());
    let mut text = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    for (from, to) in [
        ("( ", "("),
        (", )", ")"),
        (" )", ")"),
        ("< ", "<"),
        (", >", ">"),
        (", }", " }"),
        ("[ ", "["),
        ("(mut ", "("),
        (", mut ", ", "),
    ] {
        text = text.replace(from, to);
    }
    text.trim_end_matches(',').to_owned()
}
