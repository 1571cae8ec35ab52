//! Which environment variables are settings, which were set by an orchestrator, and which are mistyped.

use super::{NAMES, PREFIX, Variables};
use crate::encode::printable;
use std::ffi::OsString;

/// The variables with our prefix, without the prefix, except those that Kubernetes sets for a Service. If one is not Unicode, its name or
/// value becomes one that no setting accepts.
pub(super) fn ours(all: impl Iterator<Item = (OsString, OsString)>) -> Variables {
    all.filter_map(|(name, value)| {
        let name = name.to_string_lossy().strip_prefix(PREFIX)?.to_owned();
        Some((name, value.into_string().unwrap_or_else(|_| "\u{fffd}".to_owned())))
    })
    .filter(|(name, value)| !is_service_link(name, value))
    .collect()
}

/// Whether Kubernetes sets this variable in each pod for a Service whose name is `overspill` or starts with it: `SERVICE_HOST`,
/// `SERVICE_PORT`, `SERVICE_PORT_HTTP`, `PORT` (a URL), `PORT_8080_TCP`, `PORT_8080_TCP_ADDR` and similar, possibly after the rest of the
/// Service's name.
fn is_service_link(name: &str, value: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let protocol = |word: &str| ["TCP", "UDP", "SCTP"].contains(&word);
    let number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    words.iter().enumerate().any(|(at, word)| match (*word, &words[at + 1..]) {
        ("SERVICE", ["HOST"] | ["PORT", ..]) => true,
        ("PORT", []) => ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme)),
        ("PORT", [port, kind]) => number(port) && protocol(kind),
        ("PORT", [port, kind, "PROTO" | "PORT" | "ADDR"]) => number(port) && protocol(kind),
        _ => false,
    })
}

/// The error for a name that is not a setting.
pub(super) fn unknown(name: &str) -> String {
    let shown = printable(name, 40);
    match nearest(name) {
        Some(known) => format!("{PREFIX}{shown} is not a setting: did you mean {PREFIX}{known}?"),
        None => format!("{PREFIX}{shown} is not a setting: remove it, or use one of {}", NAMES.join(", ")),
    }
}

/// The setting that was most likely meant: at most a third of its letters differ.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.get(..40).unwrap_or(name).to_ascii_uppercase();
    NAMES
        .iter()
        .map(|known| (distance(name.as_bytes(), known.as_bytes()), *known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters to insert, omit, replace or swap with their neighbor (optimal string alignment).
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for at in 0..=from.len() {
        for to_at in 0..=to.len() {
            rows[at][to_at] = match (at, to_at) {
                (0, _) => to_at,
                (_, 0) => at,
                _ => {
                    let differ = usize::from(from[at - 1] != to[to_at - 1]);
                    let mut least = (rows[at - 1][to_at] + 1)
                        .min(rows[at][to_at - 1] + 1)
                        .min(rows[at - 1][to_at - 1] + differ);
                    if at > 1 && to_at > 1 && from[at - 1] == to[to_at - 2] && from[at - 2] == to[to_at - 1] {
                        least = least.min(rows[at - 2][to_at - 2] + 1);
                    }
                    least
                }
            };
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_setting_is_named_together_with_the_one_that_was_meant() {
        for (typed, meant) in [
            ("ENDPIONT", "ENDPOINT"),
            ("ENDPOIN", "ENDPOINT"),
            ("endpoint", "ENDPOINT"),
            ("URL_ENDPOINT", "ENDPOINT"),
            ("MOD", "MODE"),
            ("TOKEN_BEARER", "BEARER_TOKEN"),
            ("BEARERTOKEN", "BEARER_TOKEN"),
            ("QUEUE_EVENT_MAX", "QUEUE_EVENTS_MAX"),
            ("QUEUE_MAX_BYTES", "QUEUE_BYTES_MAX"),
        ] {
            let text = unknown(typed);
            if let "URL_ENDPOINT" | "TOKEN_BEARER" | "QUEUE_MAX_BYTES" = typed {
                // May be too far off to guess, but must never suggest another setting.
                assert!(!text.contains("did you mean") || text.contains(meant), "{text}");
                continue;
            }
            assert_eq!(text, format!("OVERSPILL_{typed} is not a setting: did you mean OVERSPILL_{meant}?"));
        }
        let text = unknown("SOMETHING_ELSE\n\u{202e}");
        assert!(text.contains("use one of ENDPOINT, MODE,") && !text.contains(['\n', '\u{202e}']), "{text}");
        // No setting is mistaken for another one.
        assert!(NAMES.iter().all(|name| nearest(name) == Some(name)));
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_is_not_a_setting() {
        let links = [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "8080"),
            ("SERVICE_PORT_HTTP", "8080"),
            ("SERVICE_PORT_HTTP_ALT", "8081"),
            ("PORT", "tcp://10.0.0.1:8080"),
            ("PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("PORT_8080_TCP_PROTO", "tcp"),
            ("PORT_8080_TCP_PORT", "8080"),
            ("PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("PORT_53_UDP", "udp://10.0.0.1:53"),
            ("COLLECTOR_SERVICE_HOST", "10.0.0.1"),
            ("COLLECTOR_PORT", "tcp://10.0.0.1:8080"),
            ("COLLECTOR_EU_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ];
        for (name, value) in links {
            assert!(is_service_link(name, value), "{name}");
        }
        for (name, value) in
            [("PORT", "8080"), ("PORT_8080", "1"), ("SERVICE", "x"), ("PORT_A_TCP", "x"), ("MODE", "on")]
        {
            assert!(!is_service_link(name, value), "{name}");
        }
        assert!(NAMES.iter().all(|name| !is_service_link(name, "tcp://")));
        let all = links.map(|(name, value)| (OsString::from(format!("OVERSPILL_{name}")), value.into()));
        assert!(ours(all.into_iter()).is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn a_name_that_is_not_unicode_is_not_ignored() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(b"OVERSPILL_MODE\xff".to_vec());
        assert_eq!(ours([(odd, "off".into())].into_iter()).len(), 1);
    }
}
