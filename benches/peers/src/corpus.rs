//! The events: 1,024 of them from a fixed seed, about 184 bytes of JSON each.
//!
//! Every measurement cycles through them. Repeating one event would train the branch predictor and make every system look faster.

#[path = "../../../tests/it/split_mix.rs"]
mod split_mix;

use serde::Serialize;
use split_mix::SplitMix64 as Mixed;
use std::sync::OnceLock;

/// How many different events there are.
pub const EVENTS: usize = 1024;

/// Occurs in every event and nowhere else in a request, so that the sink can count events by it.
pub const MARK: &str = "http.request.completed";

#[derive(Debug, Clone, Serialize)]
pub struct Event {
    pub event: &'static str,
    pub ts: u64,
    pub route: &'static str,
    pub session: String,
    pub status: u16,
    pub bytes: u64,
    pub latency_ms: f64,
    pub cached: bool,
}

const ROUTES: [&str; 8] = [
    "/healthz",
    "/api/v1/tenants/{tenant}/orders",
    "/static/assets/app.bundle.js",
    "/api/v2/accounts/{account}/settings",
    "/api/v1/uploads/{upload}/parts/{part}",
    "/api/v1/orders/{order}/items",
    "/api/v3/search/suggestions",
    "/api/v1/tenants/{tenant}/users/{user}/preferences",
];
const STATUSES: [u16; 8] = [200, 200, 200, 204, 201, 304, 404, 503];

/// All events, made on first use.
pub fn events() -> &'static [Event] {
    static CORPUS: OnceLock<Vec<Event>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let mut mixed = Mixed::of(184);
        (0..EVENTS as u64)
            .map(|nth| Event {
                event: MARK,
                ts: 1_763_800_000_000 + 37 * nth,
                route: ROUTES[mixed.below(ROUTES.len() as u64) as usize],
                session: format!("{:016x}", mixed.next()),
                status: STATUSES[mixed.below(STATUSES.len() as u64) as usize],
                bytes: mixed.below(200_000),
                latency_ms: mixed.below(1_500_000) as f64 / 1000.0,
                cached: mixed.below(5) == 0,
            })
            .collect()
    })
}

/// An endless cycle with a start in the middle, so that two producers are not in step.
pub fn cycle(from: usize) -> impl Iterator<Item = &'static Event> {
    events().iter().cycle().skip(from % EVENTS)
}

/// Kinds of text other than plain ASCII: each kind has words, from which the texts are made.
pub const KINDS: [(&str, &[&str]); 14] = [
    ("ascii", &["order ", "placed ", "queue ", "took ", "longer ", "than ", "expected, ", "retry "]),
    ("cyrillic", &["заказ ", "оплачен ", "очередь ", "была ", "дольше, ", "чем ", "ожидалось, ", "ещё "]),
    ("cjk", &["订单已付款", "，等待", "队列比", "预期更长", "。再试", "一次"]),
    ("japanese", &["注文は", "支払い済み", "です。", "キューが", "予想より", "長い、"]),
    ("arabic", &["طلب ", "جديد ", "تم الدفع ", "قائمة الانتظار "]),
    ("thai", &["คำสั่งซื้อ", "ชำระเงินแล้ว ", "คิวใช้เวลา"]),
    ("emoji", &["order 🎉 ", "🚀🚀 ", "queue 😀 ", "took 👍 ", "🔥💡"]),
    ("joined", &["❤\u{fe0f}", "order ✔\u{fe0f} ", "👩\u{200d}💻", "⚠\u{fe0f} took "]),
    ("quotes", &["say \"hell\" ", "\"abcdefgh\" x", "path \\usr\\b "]),
    ("breaks", &["abcde\n", "fghij\n"]),
    ("lines", &["a line of some text\n", "another line, here\n", "the tenth of them all\n"]),
    ("json", &["{\"id\":7,\"name\":\"x\"},", "{\"a\":[1,2],\"b\":null}"]),
    ("typeset", &["“quoted” – ", "it’s ", "wait… ", "l’été ", "naïve ", "größer "]),
    ("mixed", &["заказ ", "order ", "订单 ", "🎉 ", "\"q\" ", "größe ", "line\n"]),
];

/// A text of this kind, about `bytes` bytes long.
fn text(words: &[&str], bytes: usize, mixed: &mut Mixed) -> String {
    let mut text = String::with_capacity(bytes);
    loop {
        for character in words[mixed.below(words.len() as u64) as usize].chars() {
            if text.len() + character.len_utf8() > bytes {
                return text;
            }
            text.push(character);
        }
    }
}

/// Ordinary events, but with two texts of this kind, of twenty bytes each.
pub fn with_texts(words: &[&str]) -> Vec<Event> {
    let mut mixed = Mixed::of(20);
    let mut leaked = |event: &Event| -> Event {
        let route = Box::leak(text(words, 20, &mut mixed).into_boxed_str());
        Event { route, session: text(words, 20, &mut mixed), ..event.clone() }
    };
    events().iter().map(&mut leaked).collect()
}

/// An event that is a single text.
#[derive(Debug, Clone, Serialize)]
pub struct Text {
    pub text: String,
}

/// One text of this kind per event, of two hundred bytes each.
pub fn texts(words: &[&str]) -> Vec<Text> {
    let mut mixed = Mixed::of(200);
    (0..EVENTS).map(|_| Text { text: text(words, 200, &mut mixed) }).collect()
}

/// An event of about this many bytes of JSON, for the sweeps.
#[derive(Debug, Clone, Serialize)]
pub struct Sized {
    pub event: &'static str,
    pub ts: u64,
    pub payload: String,
}

/// 64 events with different texts.
pub fn sized(bytes: usize) -> Vec<Sized> {
    const WORDS: [&str; 8] =
        ["queue ", "spilled ", "batch ", "outage ", "probe ", "ledger ", "reply ", "verdict "];
    const AROUND: usize = 70;
    let mut mixed = Mixed::of(bytes as u64);
    (0..64)
        .map(|nth| {
            let mut payload = String::with_capacity(bytes);
            while payload.len() + AROUND < bytes {
                payload.push_str(WORDS[mixed.below(8) as usize]);
            }
            payload.truncate(bytes.saturating_sub(AROUND));
            Sized { event: MARK, ts: 1_763_800_000_000 + 37 * nth, payload }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_some_184_bytes_of_json() {
        let lengths = events().iter().map(|event| serde_json::to_string(event).unwrap().len());
        let mean = lengths.sum::<usize>() as f64 / EVENTS as f64;
        assert!((180.0..188.0).contains(&mean), "{mean}");
    }

    #[test]
    fn a_text_of_any_kind_is_within_a_character_of_its_length() {
        for (kind, words) in KINDS {
            for event in with_texts(words) {
                assert!((17..=20).contains(&event.route.len()), "{kind}: {:?}", event.route);
            }
            assert!(texts(words).iter().all(|text| (197..=200).contains(&text.text.len())), "{kind}");
        }
    }

    #[test]
    fn a_sized_event_has_about_its_size() {
        for bytes in [100, 1_000, 65_536] {
            let length = serde_json::to_string(&sized(bytes)[0]).unwrap().len();
            assert!(length.abs_diff(bytes) <= 8, "{length} for {bytes}");
        }
    }
}
