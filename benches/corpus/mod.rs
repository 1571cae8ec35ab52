//! Events like those of a web server's access log.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Event<'a> {
    event: &'a str,
    ts: u64,
    route: &'a str,
    session: &'a str,
    status: u16,
    bytes: u64,
    latency_ms: f64,
    cached: bool,
}

/// The texts of the routes: plain ASCII, another script, or texts that need escapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    routes: [&'static str; 3],
}

pub(crate) const ASCII: Kind = Kind {
    name: "ascii",
    routes: ["/healthz", "/api/v1/tenants/{tenant}/orders", "/static/assets/app.bundle.js"],
};

#[allow(dead_code, reason = "not every bench uses every kind")]
pub(crate) const KINDS: [Kind; 8] = [
    ASCII,
    Kind {
        name: "cyrillic",
        routes: ["/здоровье", "/заказы/оплаченные — ещё «раз»", "/очередь, дольше, чем ожидалось"],
    },
    Kind {
        name: "cjk", routes: ["/订单", "订单已付款，等待，比预期更长。再试", "注文は支払い済みです"]
    },
    Kind { name: "emoji", routes: ["🎉", "order 🎉 placed 🚀🚀", "👍 took 😀 longer 🔥💡"] },
    Kind { name: "quotes", routes: ["\"a\"", "say \"hell\" to C:\\usr\\b", "{\"id\":7,\"name\":\"x\"}"] },
    Kind { name: "breaks", routes: ["a\nb", "abcde\nfghij\nklmno\n", "a\tb\r\nc\td\r\n"] },
    Kind {
        name: "lines",
        routes: [
            "one\n",
            "a line of some text\nanother line, here\nthe third of them all\n",
            "at src/main.rs:7\nat src/lib.rs:184\nat src/queue.rs:19\n",
        ],
    },
    Kind {
        name: "typeset", routes: ["naïve", "“quoted” – it’s l’été…", "größer, und «ainsi» de suite"]
    },
];

/// A thousand different events: a single one would train the branch predictor and make every system look faster.
#[allow(dead_code, reason = "not every bench uses a thousand")]
pub(crate) fn corpus(kind: Kind) -> Vec<Event<'static>> {
    of(kind, 1024)
}

/// All different, about 180 bytes of JSON each.
pub(crate) fn of(kind: Kind, events: u64) -> Vec<Event<'static>> {
    (0..events)
        .map(|nth| {
            let mixed = (nth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Event {
                event: "http.request.completed",
                ts: 1_763_800_000_000 + 37 * nth,
                route: kind.routes[(mixed >> 33) as usize % 3],
                session: ["627655daa05f1119", "6fced11d2bd8a1e6"][(mixed >> 40) as usize % 2],
                status: [200, 204, 404, 503][(mixed >> 50) as usize % 4],
                bytes: mixed >> 46,
                latency_ms: (mixed >> 44) as f64 / 1000.0,
                cached: mixed % 5 == 0,
            }
        })
        .collect()
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
