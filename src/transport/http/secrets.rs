//! Whether a text from the endpoint contains a secret that was sent: a header's value, or a password or a key from the URL.
//!
//! In: the text, and what was sent. Out: yes or no, by a pure rule. If in doubt, it says yes: an endpoint may show a key cut, masked with
//! stars, in another case, or escaped.

use crate::limits::{SECRET_CHARS_MIN, SECRET_PIECE_CHARS};
use reqwest::Url;

/// Whether the text contains a piece of one of them.
pub(super) fn found<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> bool {
    let text = bare(text);
    let holds = |piece: &[char]| text.windows(piece.len()).any(|window| window == piece);
    secrets.flat_map(parts).any(|secret| {
        let secret = bare(secret);
        match secret.len() {
            0..SECRET_CHARS_MIN => false,
            SECRET_CHARS_MIN..=SECRET_PIECE_CHARS => holds(&secret),
            _ => secret.windows(SECRET_PIECE_CHARS).any(holds),
        }
    })
}

/// URL parameters that say where events go and how they are parsed, as documented by the endpoints that have formats here. Their values are
/// names of databases and fields, which an endpoint repeats when it rejects an event.
const PLACES: &[&str] = &[
    "_msg_field",
    "_stream_fields",
    "_time_field",
    "bucket",
    "consistency",
    "database",
    "db",
    "filter_path",
    "index",
    "org",
    "pipeline",
    "precision",
    "query",
    "rp",
];

/// Everything in the URL besides scheme, host and port that may be a secret: user and password, query values except those of [`PLACES`],
/// and parts of the path that look like a key and not like a word.
pub(super) fn of_url(url: &Url) -> Vec<String> {
    let mut secrets = vec![url.username().to_owned(), url.password().unwrap_or_default().to_owned()];
    let query = url.query_pairs().filter(|(name, _)| !PLACES.contains(&&**name));
    secrets.extend(query.map(|(_, value)| value.into_owned()));
    let looks_like_a_key = |part: &&str| {
        part.len() >= SECRET_PIECE_CHARS && part.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
    };
    let path = url.path_segments().into_iter().flatten();
    secrets.extend(path.filter(looks_like_a_key).map(str::to_owned));
    secrets
}

/// The whole value, and each word of it: `Bearer` and the token.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let whole = (!value.contains(' ')).then_some(value);
    whole.into_iter().chain(value.split_whitespace().filter(|_| value.contains(' ')).filter(is_no_scheme))
}

fn is_no_scheme(word: &&str) -> bool {
    !["bearer", "basic", "digest", "token", "apikey", "splunk"]
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Only letters and digits, in one case: quotes, escapes and dashes do not count as differences.
fn bare(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_whole_in_parts_and_disguised_and_ordinary_words_are_not() {
        for (sent, text, expected) in [
            ("Bearer sk-live-0123456789abcdef", "bad token sk-live-0123456789abcdef", true),
            ("Bearer sk-live-0123456789abcdef", "bad token sk-live-01****", true),
            ("Bearer sk-live-0123456789abcdef", "bad token SK%2DLIVE%2D0123456789", true),
            ("Bearer sk-live-0123456789abcdef", "...89ABCDEF is not known", true),
            ("Bearer sk-live-0123456789abcdef", "a bearer token is missing", false),
            ("Bearer sk-live-0123456789abcdef", "bad token", false),
            ("hunter2", "no such key: \"hunter2\"", true),
            ("hunter2", "no such key", false),
            ("abc", "abc", false),
            ("", "why", false),
        ] {
            assert_eq!(found(text, [sent].into_iter()), expected, "{sent} {text}");
        }
    }

    #[test]
    fn keys_in_the_url_are_secrets_and_the_words_of_its_path_are_not() {
        let url = Url::parse("http://me:hunter2@h/v1/events/T0A1B2C3D4?key=abcd1234").unwrap();
        let secrets = of_url(&url);
        let holds = |text: &str| found(text, secrets.iter().map(String::as_str));
        assert!(holds("POST /hooks/t0a1b2c3d4") && holds("key abcd1234") && holds("hunter2"));
        assert!(!holds("cannot POST /v1/events"));
    }

    #[test]
    fn an_endpoint_may_repeat_the_names_of_its_database_and_fields_and_nothing_else_of_the_query() {
        for (url, text, expected) in [
            (
                "http://h/write?db=events&precision=ns",
                "type conflict: input field \"n\" on measurement \"events\"",
                false,
            ),
            (
                "http://h/?query=INSERT+INTO+events+FORMAT+JSONEachRow",
                "while executing JSONEachRowRowInputFormat",
                false,
            ),
            ("http://h/write?db=events&u=writer&p=hunter2", "no such user: writer", true),
            ("http://h/write?db=events&u=writer&p=hunter2", "wrong password: hunter2", true),
            ("http://h/?query=INSERT&password=events", "no table events", true),
            ("http://h/?Query=hunter2", "hunter2", true),
        ] {
            let secrets = of_url(&Url::parse(url).unwrap());
            assert_eq!(found(text, secrets.iter().map(String::as_str)), expected, "{url}: {text}");
        }
    }
}
