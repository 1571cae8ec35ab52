//! The faults and the promises. The tests are named after the rows.

/// A fault, and what overspill promises under it.
pub struct Row {
    pub number: u32,
    pub fault: &'static str,
    pub promise: &'static str,
}

/// A part of the matrix.
pub struct Part {
    pub title: &'static str,
    pub rows: &'static [Row],
}

const fn row(number: u32, fault: &'static str, promise: &'static str) -> Row {
    Row { number, fault, promise }
}

pub const PARTS: &[Part] = &[
    Part {
        title: "Outages",
        rows: &[
            row(
                1,
                "a blackhole: SYNs vanish",
                "callers unaffected, memory bounded, everything in the log, recovery by itself",
            ),
            row(
                2,
                "an established connection goes silent",
                "noticed within the post timeout; its events are unknown, spilled once",
            ),
            row(3, "refused", "out; one small probe an interval"),
            row(
                4,
                "a tarpit: accepts, never answers",
                "timeouts hold; shutdown keeps its deadline by 200 ms",
            ),
            row(5, "FIN or RST at any byte of the exchange", "one outcome per event"),
            row(
                6,
                "a keep-alive connection closed as we write",
                "nothing lost; nothing twice that is not marked",
            ),
            row(
                7,
                "answers that drip, never end, or are not HTTP",
                "cut by the timeout and at 64 KiB; memory unmoved (1 MiB)",
            ),
            row(
                8,
                "flapping, a second up and a second down",
                "no storm; at least 60 % of the up-time is used",
            ),
            row(
                9,
                "slow, but within the timeouts",
                "throughput falls, the surplus spills, callers unaffected",
            ),
            row(
                10,
                "a fleet that loses its endpoint and gets it back",
                "load never above the live rate; probes are spread",
            ),
        ],
    },
    Part {
        title: "HTTP",
        rows: &[
            row(11, "every status from 100 to 999", "settled as the table says; only 2xx is delivered"),
            row(12, "a redirect", "never followed; its target gets no request"),
            row(13, "Retry-After with any text", "honoured within [0, 10 min], never a panic"),
            row(
                14,
                "one poison event in a batch",
                "isolated by halving, the others are delivered; at most 2 log2 n extra posts",
            ),
            row(15, "a 2xx that refuses single events", "only those spill"),
        ],
    },
    Part {
        title: "Names, TLS, environment",
        rows: &[
            row(
                16,
                "no such name; a resolver that hangs; an address that changes",
                "callers unaffected; one resolver thread; the change is followed",
            ),
            row(
                17,
                "a self-signed, expired or wrong certificate; no roots",
                "closed, with one clear notice; not a byte of an event is sent",
            ),
            row(18, "proxy variables in the environment", "ignored unless asked"),
            row(19, "secrets in headers and URLs", "in none of our output, not even at TRACE"),
        ],
    },
    Part {
        title: "Process and runtime",
        rows: &[
            row(
                20,
                "emit, flush, shutdown and drop, with any runtime or none, in a panic hook",
                "no panic, no deadlock, bounded time",
            ),
            row(
                21,
                "shutdown with a full queue in a tarpit",
                "back by the deadline + 200 ms; the report is what happened",
            ),
            row(
                22,
                "SIGTERM with shutdown; exit without; SIGKILL",
                "loss only in the last two, at most what was pending",
            ),
            row(
                23,
                "a panic in any hook, or in the sender",
                "contained; the current batch is spilled; running again within 100 ms",
            ),
            row(
                24,
                "no file descriptors, no threads; ten thousand clients built and dropped",
                "a build error or a spill; nothing leaks",
            ),
            row(25, "the wall clock jumps", "timers are monotonic"),
            row(26, "the future of a flush, a shutdown or the sender is dropped", "nothing lost or doubled"),
            row(27, "the mode keeps changing under load", "each event handled in one mode"),
        ],
    },
    Part {
        title: "The log",
        rows: &[
            row(
                28,
                "no subscriber; target filtered; level compiled out",
                "reported; the fallback gets the events",
            ),
            row(
                29,
                "stdout is a pipe that nobody reads",
                "callers wait once, for at most a second; the surplus is lost and counted",
            ),
            row(30, "the log's disk is full; the subscriber panics", "contained and counted; resumes"),
            row(31, "an application that emits on every log record", "depth one; no loop, no deadlock"),
            row(32, "hostile content", "one printable line per part; parts join to the identical JSON"),
            row(
                46,
                "standard error closed or read-only; a layer that keeps little; filters on kind or fields; a log that is fed by the log crate alone",
                "spilled means kept; otherwise fallback or lost, and reported",
            ),
            row(
                47,
                "every set-up of the usual formatters",
                "each record is seen by a person and read back by us",
            ),
            row(
                48,
                "a slow log and many callers; a layer that emits under its own lock",
                "no caller waits longer than a stall plus one write; no deadlock in any mode",
            ),
        ],
    },
    Part {
        title: "Input",
        rows: &[
            row(
                33,
                "oversized, endless, deep, failing, panicking values",
                "bounded work and memory; no partial bytes leave",
            ),
            row(34, "any interleaving of emit, settle, flush, close, mode", "the law in every snapshot"),
        ],
    },
    Part {
        title: "Memory watch",
        rows: &[
            row(
                35,
                "a threshold crossed, memory that swings, mapped files; a leak to the limit with default settings; a storm of signals; a blocked signal",
                "one snapshot per step, one at a time, spaced; none for files; three heap profiles before the limit; a blocked signal is handled",
            ),
            row(
                36,
                "a snapshot folder that is missing, linked, another user's, open to others, read-only; a disk that is nearly full; no temporary folder; a death in the middle of a dump",
                "reported at startup, refused with a reason; nothing is left behind; the threshold still applies",
            ),
            row(
                37,
                "near the memory limit; near it by cached files alone",
                "a short report that allocates no memory; no short one for cached files, which the kernel can reclaim",
            ),
            row(
                38,
                "a leak among growing caches: one stack, or spread over recursion, type parameters, lines, callers, a crate; stripped",
                "three heap profiles rank it first in at least 19 of 20 runs; noise is not called growth, and the whole's growth is never passed over",
            ),
        ],
    },
    Part {
        title: "Balancers, intermediaries, credentials",
        rows: &[
            row(
                39,
                "an endpoint that refuses everything, one event at a time",
                "reported as an outage by the third refused post, in the endpoint's words",
            ),
            row(
                40,
                "one of three backends answers 503, 404, Retry-After, or hangs",
                "the healthy ones are used: 95 % delivered, 60 % if one hangs; the share that fails is reported",
            ),
            row(
                41,
                "a server that closes idle connections at any moment",
                "retried on a new connection; nothing spilled",
            ),
            row(
                42,
                "odd headers, a wrong content-length, bodies without end after a 2xx",
                "the status settles; the slot is free within a second",
            ),
            row(
                43,
                "413 by size or by number, forever",
                "the size that passes is remembered: below 10 % refused",
            ),
            row(
                44,
                "tokens that rotate; a web page instead of an answer",
                "a new token without a restart; a web page is not a delivery",
            ),
            row(
                45,
                "back after 5, 20, 60 or 600 s of refusing or hanging",
                "noticed within two seconds; a fleet never above its live load",
            ),
        ],
    },
    Part {
        title: "Starting and leaving",
        rows: &[
            row(
                49,
                "fork, SIGPIPE, service links, empty variables, a wrong setting, no CA roots, a static program in a bare root",
                "the service starts and lives; its events, and a child's, arrive or are in the log",
            ),
            row(
                50,
                "main returns without shutdown, with and without the guard",
                "with the guard nothing is lost; without it the end says what was left",
            ),
        ],
    },
];
