//! Outages under load: a blackhole, a refusal, a tarpit, flapping, and an endpoint that is merely slow.

use crate::alone;
use crate::figures::report;
use crate::generator::Load;
use crate::ids::Ids;
use crate::process::{let_pass, sender_cpu, until};
use overspill::testkit::{Act, Blackhole, Endpoint, Greet, Rss};
use overspill::{Builder, Client, EndpointState, Stats};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const POST_TIMEOUT: Duration = Duration::from_secs(1);
const PROBE_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// How much RSS may grow above the bound: the allocator's own slack, and the load's threads.
const SLACK: usize = 8 << 20;

/// A client under load.
struct Service {
    client: Client,
    ids: Ids,
    next_id: Arc<AtomicU64>,
    warm: Rss,
}

impl Service {
    /// Builds the client and warms it up briefly.
    fn start(url: String, ids: &Ids, set: impl FnOnce(Builder) -> Builder) -> Service {
        let builder = Client::builder(url)
            .connect_timeout(CONNECT_TIMEOUT)
            .post_timeout(POST_TIMEOUT)
            .probe_interval_max(PROBE_INTERVAL_MAX)
            .spill_sink(ids.clone())
            .spill_fallback(ids.clone());
        let client = set(builder).build().unwrap();
        let next_id = Arc::default();
        let load = Load::start(&client, &next_id);
        let_pass(Duration::from_millis(300));
        load.end();
        Service { client, ids: ids.clone(), next_id, warm: Rss::now().unwrap() }
    }

    fn load(&self) -> Load {
        Load::start(&self.client, &self.next_id)
    }

    /// Shuts down; checks the law and the memory.
    #[track_caller]
    fn end(self) -> (Stats, u64) {
        let grown = self.warm.assert_grown_at_most(self.client.memory_bound() + SLACK);
        let stats = self.client.shutdown_blocking(Duration::from_secs(10));
        self.ids.assert_settled(&stats);
        (stats, grown)
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[test]
fn in_a_blackhole_callers_keep_running_memory_stays_bounded_and_recovery_is_found_within_a_probe() {
    let _alone = alone();
    let (blackhole, ids) = (Blackhole::open().unwrap(), Ids::up_to(1_000_000));
    let service = Service::start(blackhole.url(), &ids, |builder| builder);
    let load = service.load();
    let_pass(Duration::from_secs(3));
    assert_eq!(service.client.stats().delivered, 0);
    assert_ne!(service.client.stats().endpoint, EndpointState::Healthy);
    let listener = blackhole.heal().unwrap();
    let _endpoint = Endpoint::start_on(listener, |_| Greet::Talk, ids.when(|_| Act::Status(200))).unwrap();
    let recovered = until("the recovery", || service.client.stats().delivered > 0);
    let felt = load.end();
    // A probe in flight ends with its connection's timeout; then the next one starts.
    let most = PROBE_INTERVAL_MAX + Duration::from_secs(1);
    assert!(recovered <= most, "{recovered:?} after the heal");
    let (_, grown) = service.end();
    report(1, "RSS growth", megabytes(grown));
    report(1, "callers", felt);
    report(1, "from heal to first delivery", format!("{recovered:.1?}, at most {most:?}"));
}

#[test]
fn a_refused_outage_costs_one_small_probe_per_interval_and_less_cpu_than_delivering() {
    let _alone = alone();
    let ids = Ids::up_to(1_000_000);
    let endpoint = Endpoint::start(ids.when(|_| Act::Status(200))).unwrap();
    let service = Service::start(endpoint.url(), &ids, |builder| builder);
    let lasting = Duration::from_secs(3);
    let over = |load: Load| {
        let (cpu, before) = (sender_cpu(), service.client.stats());
        let_pass(lasting);
        let (cpu, after) = (sender_cpu() - cpu, service.client.stats());
        (load.end(), cpu.as_secs_f64() / lasting.as_secs_f64(), after.posts - before.posts)
    };
    let (healthy, healthy_cpu, _) = over(service.load());
    endpoint.refuse();
    let load = service.load();
    until("the outage", || service.client.stats().endpoint == EndpointState::Out);
    let (felt, cpu, attempts) = over(load);
    let per_minute = attempts as f64 * 60.0 / lasting.as_secs_f64();
    // Intervals grow from 200 ms to 1 s, with jitter: about eight attempts in the first three seconds.
    assert!(attempts <= 20, "{attempts} attempts in {lasting:?}");
    let (_, grown) = service.end();
    report(3, "attempts/min", format!("{per_minute:.0} while intervals grow to 1 s"));
    report(
        3,
        "CPU of the sender",
        format!("{:.1} % of a core, {:.1} % delivering", cpu * 100.0, healthy_cpu * 100.0),
    );
    report(3, "callers", format!("{felt}; healthy: {healthy}"));
    report(3, "RSS growth", megabytes(grown));
}

#[test]
fn a_tarpit_holds_neither_memory_nor_callers_nor_the_shutdown() {
    let _alone = alone();
    let ids = Ids::up_to(1_000_000);
    let endpoint = Endpoint::start(ids.when(|_| Act::Hang)).unwrap();
    // The queue is always full of events that wait for requests without an answer.
    let service =
        Service::start(endpoint.url(), &ids, |builder| builder.post_timeout(Duration::from_secs(60)));
    let load = service.load();
    let_pass(Duration::from_secs(2));
    let began = Instant::now();
    let stats = service.client.shutdown_blocking(Duration::from_secs(2));
    let took = began.elapsed();
    let felt = load.end();
    assert!(took <= Duration::from_millis(2200), "{took:?}");
    assert_eq!(stats.pending, 0, "{stats}");
    let (_, grown) = service.end();
    report(4, "shutdown(2 s)", format!("{took:.2?}"));
    report(4, "callers", felt);
    report(4, "RSS growth", megabytes(grown));
}

#[test]
fn an_endpoint_that_flaps_gets_most_of_its_uptime_and_no_storm() {
    let _alone = alone();
    let ids = Ids::up_to(1_000_000);
    let endpoint = Endpoint::start(ids.when(|_| Act::Status(200))).unwrap();
    // With four rounds, one run in fourteen gets less than the share below because of jitter. Thousands of rounds are tested by
    // `outage::tests::an_endpoint_that_flaps_every_second_gets_seven_tenths_of_its_up_time_and_more`.
    let service = Service::start(endpoint.url(), &ids, |builder| builder.jitter_seed(2));
    let load = service.load();
    // How much a healthy second delivers on this machine now.
    let delivered = || service.client.stats().delivered;
    let before = delivered();
    let_pass(Duration::from_secs(1));
    let healthy = delivered() - before;
    let before = service.client.stats();
    let rounds = 4;
    for _ in 0..rounds {
        endpoint.refuse();
        let_pass(Duration::from_secs(1));
        endpoint.accept().unwrap();
        let_pass(Duration::from_secs(1));
    }
    let felt = load.end();
    let after = service.client.stats();
    let share = (after.delivered - before.delivered) as f64 / (healthy * rounds) as f64;
    let posts = after.posts_failed - before.posts_failed;
    assert!(share >= 0.6, "{share:.2} of the up-time: {after}");
    assert!(posts <= 20 * rounds, "{after}");
    service.end();
    report(8, "delivered share of the up-time", format!("{:.0} %", share * 100.0));
    report(8, "failed posts", format!("{} a minute, at 60 transitions a minute", posts * 60 / (2 * rounds)));
    report(8, "callers", felt);
}

#[test]
fn an_endpoint_that_is_slow_within_timeouts_slows_deliveries_and_not_callers() {
    let _alone = alone();
    let ids = Ids::up_to(1_000_000);
    let endpoint = Endpoint::start(ids.when(|_| {
        // Slowness is the fault under test: two requests at a time, 500 events each, make 10,000 a second.
        let_pass(Duration::from_millis(100));
        Act::Status(200)
    }))
    .unwrap();
    let service = Service::start(endpoint.url(), &ids, |builder| builder);
    let load = service.load();
    let_pass(Duration::from_secs(3));
    let felt = load.end();
    let (stats, grown) = service.end();
    assert!(stats.delivered > 0 && stats.spilled > 0, "{stats}");
    assert_eq!(stats.endpoint, EndpointState::Healthy, "slow is not out: {stats}");
    report(9, "callers", felt);
    report(9, "RSS growth", megabytes(grown));
}
