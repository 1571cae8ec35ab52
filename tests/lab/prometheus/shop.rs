//! The watched service: six clients and a memory watch in one process, with a metrics page.

use super::Failure;
use super::faults::{self, CLIENTS, Fault};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use overspill::memory_watch::limits::MB;
use overspill::memory_watch::{Level, MemoryWatch};
use overspill::spill::{Record, SpillSink};
use overspill::testkit::{Endpoint, Spilled, Taken, assert_settled};
use overspill::{Client, Mode, Stats};
use serde::Serialize;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Events per second of each client.
const RATE: u64 = 100;
/// Far above what this program itself needs.
const THRESHOLD: u64 = 160 * MB;
/// What the program allocates to exceed it.
const BALLAST: usize = 150 << 20;

#[derive(Serialize)]
struct Order {
    id: u64,
    route: &'static str,
    poison: bool,
    note: &'static str,
}

impl Order {
    fn of(id: u64) -> Order {
        Order {
            id,
            route: "/api/v1/orders/{order}",
            poison: faults::is_poisoned(id),
            note: "as a request log has it",
        }
    }
}

/// Writes to memory as soon as the gate is open.
struct Gated(Spilled, Arc<Mutex<()>>);

impl SpillSink for Gated {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        drop(self.1.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.write(record)
    }
}

struct Part {
    name: &'static str,
    fault: Fault,
    client: Client,
    endpoint: Endpoint,
    is_faulty: Arc<AtomicBool>,
    taken: Taken,
    spilled: Spilled,
    /// Locked while a fault blocks the log.
    gate: Arc<Mutex<()>>,
    next_id: AtomicU64,
}

pub struct Shop {
    parts: Arc<Vec<Part>>,
    watch: Arc<MemoryWatch>,
    page: String,
    ballast: Mutex<Vec<u8>>,
    /// Ends the stuck write.
    heal: Mutex<Option<std::sync::mpsc::Sender<()>>>,
}

impl Part {
    fn start(name: &'static str, fault: Fault) -> Result<Part, Failure> {
        let (taken, spilled) = (Taken::default(), Spilled::default());
        let (gate, is_faulty) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
        let (now, requests) = (Arc::clone(&is_faulty), AtomicU64::new(0));
        let endpoint = Endpoint::start(taken.when(move |request| {
            faults::act(fault, &now, requests.fetch_add(1, Ordering::Relaxed), request)
        }))?;
        let builder = Client::builder(endpoint.url())
            .spill_sink(Gated(spilled.clone(), Arc::clone(&gate)))
            .post_timeout(Duration::from_secs(60));
        let builder = match fault {
            Fault::EventsRefused => builder.batch_events_max(1),
            Fault::QueueFull => {
                builder.queue_bytes_max(256 << 10).event_bytes_max(4 << 10).batch_bytes_max(8 << 10)
            }
            Fault::LogStuck => builder.queue_events_max(64).mode(Mode::LogOnly),
            _ => builder,
        };
        let client = builder.build()?;
        let next_id = AtomicU64::new(0);
        Ok(Part { name, fault, client, endpoint, is_faulty, taken, spilled, gate, next_id })
    }

    fn emit(&self) {
        self.client.emit(&Order::of(self.next_id.fetch_add(1, Ordering::Relaxed)));
    }

    /// How many events this tick has. Few for a stuck log, because its callers wait.
    fn emits_at(&self, tick: u64) -> u64 {
        match self.fault {
            Fault::QueueFull if self.is_faulty.load(Ordering::Relaxed) => 4,
            Fault::LogStuck => u64::from(tick % 4 == 0),
            _ => 1,
        }
    }

    /// Fills the queue almost to the level at which the sender relieves it, so that the run need not wait for that.
    fn fill(&self) {
        while {
            let stats = self.client.stats();
            stats.pending_bytes * 100 < stats.queue_bytes_max * 72
        } {
            self.emit();
        }
    }
}

impl Shop {
    pub async fn start(out: &Path) -> Result<Shop, Failure> {
        let parts: Result<Vec<Part>, Failure> =
            CLIENTS.iter().map(|(name, fault)| Part::start(name, *fault)).collect();
        let parts = Arc::new(parts?);
        let watch = MemoryWatch::builder("shop", out.join("snapshots"))
            .threshold(Level::Bytes(THRESHOLD))
            .interval(Duration::from_millis(200))
            .start()?;
        let watch = Arc::new(watch);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let page = format!("http://{}/metrics", listener.local_addr()?);
        let (of_clients, of_memory) = (Arc::clone(&parts), Arc::clone(&watch));
        let metrics = move || async move {
            ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text(&of_clients, &of_memory))
        };
        let router = Router::new().route("/metrics", get(metrics));
        // Runs until the program ends.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Shop { parts, watch, page, ballast: Mutex::default(), heal: Mutex::default() })
    }

    pub fn page(&self) -> &str {
        &self.page
    }

    pub fn text(&self) -> String {
        text(&self.parts, &self.watch)
    }

    /// Emits until it is stopped. On separate threads, because callers of a stuck log wait for it.
    pub fn load(&self) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        for nth in 0..self.parts.len() {
            let (parts, stop) = (Arc::clone(&self.parts), Arc::clone(&stop));
            std::thread::spawn(move || {
                let (began, mut done) = (std::time::Instant::now(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let due = (began.elapsed().as_secs_f64() * RATE as f64) as u64;
                    let events: u64 = (done..due).map(|tick| parts[nth].emits_at(tick)).sum();
                    (0..events).for_each(|_| parts[nth].emit());
                    done = due.max(done);
                    // Sets the rate of the load.
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        Load(stop)
    }

    pub fn begin_faults(&self) -> Result<(), Failure> {
        for part in self.parts.iter() {
            part.is_faulty.store(true, Ordering::Relaxed);
            match part.fault {
                Fault::EndpointGone => part.endpoint.refuse(),
                Fault::QueueFull => part.fill(),
                Fault::LogStuck => self.shut(&part.gate)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes to the memory, so that it counts as resident.
    pub fn take_ballast(&self) {
        *self.ballast.lock().unwrap_or_else(PoisonError::into_inner) = vec![7; BALLAST];
    }

    pub fn drop_ballast(&self) {
        *self.ballast.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }

    /// Starts a thread that holds the lock until the fault ends.
    fn shut(&self, gate: &Arc<Mutex<()>>) -> Result<(), Failure> {
        let (heal, healed) = std::sync::mpsc::channel();
        let (is_shut, shut) = std::sync::mpsc::channel();
        let gate = Arc::clone(gate);
        std::thread::spawn(move || {
            let held = gate.lock().unwrap_or_else(PoisonError::into_inner);
            // Either fails only if the other side is gone, which means that the program is ending.
            let _ = is_shut.send(());
            let _ = healed.recv();
            drop(held);
        });
        shut.recv()?;
        *self.heal.lock().unwrap_or_else(PoisonError::into_inner) = Some(heal);
        Ok(())
    }

    pub fn end_faults(&self) -> Result<(), Failure> {
        drop(self.heal.lock().unwrap_or_else(PoisonError::into_inner).take());
        for part in self.parts.iter() {
            part.is_faulty.store(false, Ordering::Relaxed);
            if part.fault == Fault::EndpointGone {
                part.endpoint.accept()?;
            }
        }
        Ok(())
    }

    /// Shuts every client down, and returns where the law does not hold.
    pub async fn settle(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for part in self.parts.iter() {
            let stats = part.client.shutdown(Duration::from_secs(10)).await;
            println!("{:<9} {stats}", part.name);
            if let Err(why) = part.law(&stats) {
                problems.push(format!("{}: {why}", part.name));
            }
        }
        problems
    }
}

impl Part {
    fn law(&self, stats: &Stats) -> Result<(), String> {
        if self.fault == Fault::LogStuck {
            // Lost events are in neither place, but are counted.
            let in_log = self.spilled.events().len() as u64;
            let holds = stats.lost > 0
                && in_log == stats.spilled
                && stats.emitted == stats.delivered + stats.spilled + stats.lost + stats.pending;
            return if holds { Ok(()) } else { Err(format!("{in_log} in the log: {stats}")) };
        }
        let law = AssertUnwindSafe(|| assert_settled(stats, &self.taken, &self.spilled));
        catch_unwind(law).map_err(|_| format!("the law does not hold, see above: {stats}"))
    }
}

/// The threads that emit.
pub struct Load(Arc<AtomicBool>);

impl Load {
    pub fn stop(self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn text(parts: &[Part], watch: &MemoryWatch) -> String {
    let stats: Vec<(&str, Stats)> = parts.iter().map(|part| (part.name, part.client.stats())).collect();
    let named: Vec<(&str, &Stats)> = stats.iter().map(|(name, stats)| (*name, stats)).collect();
    overspill::prometheus_text(&named) + &watch.stats().prometheus_text()
}
