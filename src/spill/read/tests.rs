use super::*;
use crate::encode::is_unprintable;
use crate::spill::{LogLevel, Record, Rfc3339};
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

mod formatters;
mod journal;
mod wraps;

/// Printable text, as `encode` and `printable` produce it.
fn printable() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        proptest::collection::vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect()),
        "[ -~]{0,12}",
        proptest::sample::select(vec![
            " spill_event=",
            "\"",
            "\\",
            "spill_v=3 spill_client=\"",
            ", spill_v: 3, spill_client: ",
            "\\u{7f}",
            "=",
            ", ",
            "  ",
            ":",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(pieces, 0..6)
        .prop_map(|pieces: Vec<String>| pieces.concat().replace(is_unprintable, ""))
}

fn any_part() -> impl Strategy<Value = SpilledPart> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), 1..=u32::MAX, 1..=u32::MAX, 1..=3_u32);
    let reason = proptest::sample::select(Reason::ALL.to_vec());
    let flags =
        (any::<bool>(), any::<bool>(), proptest::option::of(printable()), proptest::option::of(printable()));
    (numbers, reason, flags, 0..4_000_000_000_000_u64, printable(), printable()).prop_map(
        |(
            (seq, batch, age_ms, part, parts, events),
            reason,
            (maybe, redacted, name, common),
            millis,
            detail,
            event,
        )| {
            SpilledPart {
                client: "0123456789abcdef".to_owned(),
                seq,
                batch,
                reason,
                maybe_delivered: if maybe { MaybeDelivered::Yes } else { MaybeDelivered::No },
                emitted_at: UNIX_EPOCH + Duration::from_millis(millis),
                age_ms,
                detail,
                part,
                parts,
                events,
                redacted,
                name,
                common,
                event,
            }
        },
    )
}

fn as_record(part: &SpilledPart) -> Record<'_> {
    Record {
        level: LogLevel::Warn,
        written_at: part.emitted_at,
        client: &part.client,
        seq: part.seq,
        batch: part.batch,
        reason: part.reason,
        maybe_delivered: part.maybe_delivered,
        emitted_at: part.emitted_at,
        age_ms: part.age_ms,
        detail: &part.detail,
        part: part.part,
        parts: part.parts,
        events: part.events,
        redacted: part.redacted,
        name: part.name.as_deref(),
        common: part.common.as_deref(),
        event: &part.event,
    }
}

/// As tracing-subscriber's text formatters write it: full and compact, or pretty.
fn as_text(part: &SpilledPart, before: &str, between: &str) -> String {
    let maybe = part.maybe_delivered == MaybeDelivered::Yes;
    let optional = |name, value: &Option<String>| value.as_ref().map(|value| (name, format!("{value:?}")));
    let fields = [
        ("client", format!("{:?}", part.client)),
        ("seq", part.seq.to_string()),
        ("batch", part.batch.to_string()),
        ("reason", format!("{:?}", part.reason.as_str())),
        ("maybe_delivered", maybe.to_string()),
        ("emitted_at", Rfc3339(part.emitted_at).to_string()),
        ("age_ms", part.age_ms.to_string()),
        ("detail", format!("{:?}", part.detail)),
        ("part", part.part.to_string()),
        ("parts", part.parts.to_string()),
        ("events", part.events.to_string()),
        ("redacted", part.redacted.to_string()),
    ];
    let fields: String = fields
        .into_iter()
        .chain(optional("name", &part.name))
        .chain(optional("common", &part.common))
        .chain([("event", part.event.clone())])
        .map(|(name, value)| format!("{before}spill_{name}{between}{value}"))
        .collect();
    let message = as_record(part).message().to_string();
    format!("2026-01-01T00:00:00.000000Z  WARN overspill::spill: {message}{before}spill_v{between}3{fields}")
}

proptest! {
    #[test]
    fn a_part_reads_back_the_same_from_json_and_from_text(part in any_part()) {
        let json = serde_json::to_string(&as_record(&part)).unwrap();
        prop_assert_eq!(read_line(&json), Some(part.clone()));
        prop_assert_eq!(read_line(&format!("{json}\r\n")), Some(part.clone()));
        for (before, between) in [(" ", "="), (", ", ": ")] {
            let text = as_text(&part, before, between);
            prop_assert_eq!(read_line(&text), Some(part.clone()));
        }
    }

    #[test]
    fn a_line_cut_anywhere_is_read_as_something_or_nothing_but_never_panics(
        part in any_part(),
        cut in any::<proptest::sample::Index>(),
        filler in any::<char>(),
    ) {
        let text = as_text(&part, " ", "=");
        let at = (0..=cut.index(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        let _ = read_line(&text[..at]);
        let _ = read_line(&format!("{}{filler}{}", &text[..at], &text[at..]));
    }

    #[test]
    fn any_line_is_read_without_a_panic(line in ".*", fields in "(spill_v=3 spill_client=\"[\\\\u{}0-9\"]{0,9} ?)?.{0,40}") {
        let _ = read_line(&line);
        let _ = read_line(&fields);
    }

    #[test]
    fn parts_join_in_any_order_and_not_at_all_if_one_is_missing(
        pieces in proptest::collection::vec(printable(), 1..6).prop_shuffle(),
        order in any::<prop::sample::Index>(),
        first in any_part(),
    ) {
        let parts: Vec<SpilledPart> = (1..)
            .zip(&pieces)
            .map(|(part, piece)| SpilledPart {
                part,
                parts: pieces.len() as u32,
                events: 1,
                event: piece.clone(),
                ..first.clone()
            })
            .collect();
        let mut shuffled = parts.clone();
        shuffled.rotate_left(order.index(parts.len()));
        let joined = join(shuffled.clone());
        prop_assert_eq!(joined.len(), 1);
        prop_assert_eq!(&joined[0].event, &pieces.concat());
        // A part that was written twice is one part.
        prop_assert_eq!(join([shuffled.clone(), parts.clone()].concat()), joined);
        shuffled.pop();
        prop_assert!(join(shuffled).is_empty());
    }

    #[test]
    fn a_pack_joins_to_each_of_its_events_and_a_pack_with_a_wrong_count_to_none(
        texts in proptest::collection::vec(printable(), 2..6),
        first in any_part(),
    ) {
        let texts: Vec<String> = texts.iter().map(|text| serde_json::to_string(text).unwrap()).collect();
        let part = SpilledPart {
            seq: first.seq / 2,
            part: 1,
            parts: 1,
            events: texts.len() as u32,
            event: format!("[{}]", texts.join(",")),
            ..first
        };
        let joined = join([part.clone(), part.clone()]);
        let found: Vec<(u64, &str)> = joined.iter().map(|event| (event.seq, event.event.as_str())).collect();
        let expected: Vec<(u64, &str)> = (part.seq..).zip(texts.iter().map(String::as_str)).collect();
        prop_assert_eq!(found, expected);
        let one_too_few = SpilledPart { events: part.events + 1, ..part.clone() };
        let cut = SpilledPart { event: part.event[1..].to_owned(), ..part };
        prop_assert_eq!(join([one_too_few, cut]), Vec::new());
    }
}
