//! An answer's own words, fit to be shown: the beginning of its body, or the title of its page.
//!
//! In: an answer. Out: a few printable words, or none. A pure rule. The transport says whether they contain a secret, because it knows
//! what it sent.

use crate::encode::printable;
use crate::limits::WORDS_CHARS_MAX;
use crate::transport::{BodyEnd, Reply};

/// Bytes of a body that are searched: a title stands near its beginning.
const LOOKED_AT: usize = 4 << 10;

/// What the answer says; empty, if it is not text.
pub(crate) fn of(reply: &Reply) -> String {
    let body = &reply.body[..reply.body.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        // Cut in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return String::new(),
    };
    if text.contains('\0') {
        return String::new();
    }
    shown(if is_markup(reply) { title(text) } else { text })
}

/// The beginning of a text, on one line.
pub(crate) fn shown(text: &str) -> String {
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.len() > 4 * WORDS_CHARS_MAX {
            break;
        }
    }
    printable(words.trim_start_matches('\u{feff}'), WORDS_CHARS_MAX)
}

/// Whether a web page came instead of an answer. Frameworks label a plain-text answer as HTML unless told otherwise, so
/// only its look counts.
pub(crate) fn is_page(reply: &Reply) -> bool {
    let unread = reply.body.is_empty() && reply.body_end == BodyEnd::Cut;
    is_markup(reply) || (unread && says_html(reply))
}

fn says_html(reply: &Reply) -> bool {
    reply.content_type.as_deref().is_some_and(|content_type| {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}

/// By its type and its first character, or by its first tag.
fn is_markup(reply: &Reply) -> bool {
    let body = reply.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&reply.body).trim_ascii_start();
    let begins = |tag: &[u8]| body.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    begins(b"<!doctype html") || begins(b"<html") || (body.first() == Some(&b'<') && says_html(reply))
}

fn title(page: &str) -> &str {
    let lower = page.to_ascii_lowercase();
    let Some(open) = lower.find("<title") else { return "" };
    let Some(from) = lower[open..].find('>').map(|at| open + at + 1) else { return "" };
    lower[from..].find("</title").map_or("", |len| &page[from..from + len])
}

/// What an operator can do about this status, if that is known.
pub(crate) fn advice(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "check path and scheme: a redirect is not followed",
        401 | 403 => "check the token",
        402 => "check the account",
        404 | 410 => "check the path",
        405 => "check the path: it does not accept POST",
        407 => "check the proxy's credentials",
        413 => {
            "check the endpoint's limit on size: lower batch_bytes_max, batch_events_max or event_bytes_max"
        }
        415 => "check compression and format",
        429 => "the endpoint limits the rate",
        431 => "check the headers: they are too long",
        _ => return None,
    })
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(content_type: Option<&str>, body: &[u8]) -> Reply {
        Reply { content_type: content_type.map(str::to_owned), body: body.to_vec(), ..Reply::of_status(200) }
    }

    #[test]
    fn text_is_shown_on_one_line_a_page_by_its_title_and_anything_else_not_at_all() {
        let long = "x".repeat(500);
        for (content_type, body, shown) in [
            (None, "why", "why"),
            (Some("text/plain"), " no\r\n such\tindex\n", "no such index"),
            (Some("application/json"), r#"{"error": "no"}"#, r#"{"error": "no"}"#),
            (Some("text/html"), "<html><head><TITLE a=b>Not\n Found</TITLE>", "Not Found"),
            (Some("text/html"), "<h1>Oops</h1>", ""),
            (None, "<!DOCTYPE html><p>", ""),
            (Some("text/html"), "plain after all", "plain after all"),
            (None, "\u{1b}[31mred\u{202e}", "\u{fffd}[31mred\u{fffd}"),
            (None, "", ""),
            (None, "a\0b", ""),
            (None, &long, &long[..100]),
        ] {
            assert_eq!(of(&reply(content_type, body.as_bytes())), shown, "{body:?}");
        }
        assert_eq!(of(&reply(None, b"\x89PNG\r\n\x1a\n\xff")), "");
        assert_eq!(of(&reply(None, "gr\u{fc}n".as_bytes().get(..3).unwrap())), "gr");
    }

    #[test]
    fn a_page_is_known_by_its_look_and_text_that_a_framework_calls_html_is_none() {
        for (content_type, body, page) in [
            (Some("text/html"), "<!doctype html>", true),
            (Some("Text/HTML; charset=utf-8"), "  \r\n<p>Log in</p>", true),
            (Some("application/xhtml+xml"), "<?xml version='1.0'?>", true),
            (None, "<!DOCTYPE HTML PUBLIC>", true),
            (Some("application/json"), "\u{feff}<html>", true),
            (Some("text/html"), "ok", false),
            (Some("text/html"), "", false),
            (Some("application/xml"), "<ok/>", false),
            (Some("application/json"), "{}", false),
            (None, "", false),
        ] {
            assert_eq!(is_page(&reply(content_type, body.as_bytes())), page, "{content_type:?} {body:?}");
        }
        let unread = Reply { body_end: BodyEnd::Cut, ..reply(Some("text/html"), b"") };
        assert!(is_page(&unread));
    }

    proptest! {
        #[test]
        fn words_are_one_short_printable_line_whatever_the_body_is(
            content_type in proptest::option::of(proptest::sample::select(vec!["text/html", "text/plain"])),
            body in proptest::collection::vec(any::<u8>(), 0..300),
            text in "\\PC{0,300}|<title>\\PC{0,50}</title>",
        ) {
            for body in [body, text.into_bytes()] {
                let words = of(&reply(content_type, &body));
                prop_assert!(words.chars().count() <= WORDS_CHARS_MAX);
                prop_assert!(!words.chars().any(crate::encode::is_unprintable));
            }
        }
    }
}
