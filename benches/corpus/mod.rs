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

/// A thousand different ones: a single event would train the branch predictor and flatter everybody.
pub(crate) fn corpus() -> Vec<Event<'static>> {
    const ROUTES: [&str; 3] = ["/healthz", "/api/v1/tenants/{tenant}/orders", "/static/assets/app.bundle.js"];
    (0..1024_u64)
        .map(|nth| {
            let mixed = (nth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Event {
                event: "http.request.completed",
                ts: 1_763_800_000_000 + 37 * nth,
                route: ROUTES[(mixed >> 33) as usize % 3],
                session: ["627655daa05f1119", "6fced11d2bd8a1e6"][(mixed >> 40) as usize % 2],
                status: [200, 204, 404, 503][(mixed >> 50) as usize % 4],
                bytes: mixed >> 46,
                latency_ms: (mixed >> 44) as f64 / 1000.0,
                cached: mixed % 5 == 0,
            }
        })
        .collect()
}
