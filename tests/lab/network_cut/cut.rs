//! Rows 1 and 2: the cut under load. Established connections stall, new connections get no answer; callers carry on, memory stays bounded,
//! and delivery resumes when the wire is healed.

use super::conductor::{Player, Said, last, until};
use super::figures::report;
use super::judge::{Told, law, was_a_stall};
use super::network::{ENDPOINT, Network, PORT};
use super::{Arguments, CONNECT_TIMEOUT, Failure, POST_TIMEOUT, PROBE_INTERVAL};
use std::path::Path;
use std::time::{Duration, Instant};

const HEALTHY: Duration = Duration::from_secs(6);
const CUT: Duration = Duration::from_secs(15);
const HEALED: Duration = Duration::from_secs(5);
/// What a busy machine and an unfinished batch may add to the post timeout.
const NOTICE_SLACK: Duration = Duration::from_millis(250);
/// The limit from the healing to the first delivery.
const RECOVERY: Duration = PROBE_INTERVAL.saturating_add(Duration::from_secs(1));
/// Allowed above the bound: for the log, the recorded latencies and the allocator.
const RSS_SLACK: u64 = 8 << 20;

pub fn play(arguments: &Arguments, ip: &Path) -> Result<(), Failure> {
    let out = arguments.out.join("cut");
    std::fs::create_dir_all(&out)?;
    let network = Network::lay(ip, "cut")?;
    let mut endpoint = Player::start(network.at_endpoint()?, "endpoint", &out)?;
    let mut command = network.at_service()?;
    command.args([
        "--rate",
        &arguments.rate.to_string(),
        "--url",
        &format!("http://{ENDPOINT}:{PORT}/v1/events"),
    ]);
    let mut service = Player::start(command, "service", &out)?;
    let began = Instant::now();
    let line = |service: &Player, phase: &str| {
        let now = service.last();
        println!(
            "cut {:5.1} s  {phase:7} {:8}  emitted {:7}  delivered {:7}  spilled {:7}  lost {}  pending {:5}  RSS {:5.1} MB",
            began.elapsed().as_secs_f64(),
            now.endpoint,
            now.emitted,
            now.delivered,
            now.spilled,
            now.lost,
            now.pending,
            now.rss_bytes as f64 / 1e6
        );
    };
    println!(
        "cut: {} events/s of 300 B from 4 threads; connect timeout {CONNECT_TIMEOUT:?}, post timeout {POST_TIMEOUT:?}, probes at \
         most {PROBE_INTERVAL:?} apart",
        arguments.rate
    );
    last(HEALTHY, || line(&service, "healthy"))?;
    if service.last().delivered == 0 || service.since(None, |said| matches!(said, Said::Failed)).is_some() {
        return Err("nothing was delivered, or something failed, before the cut".into());
    }

    service.tell("cut")?;
    network.cut()?;
    let cut_at = Instant::now();
    last(CUT, || line(&service, "cut"))?;
    // Read now: later there are harmless resets of connections that one side has given up.
    let told = Told::to(endpoint.pid(), service.pid())?;
    let noticed =
        service.since(Some(cut_at), |said| matches!(said, Said::Failed)).ok_or("the cut was not noticed")?;
    let timed_out = service.since(Some(cut_at), |said| matches!(said, Said::TimedOut));
    let timed_out = timed_out.ok_or("no request was on an established connection")?;
    let delivered = service.since(Some(noticed), |said| matches!(said, Said::Delivered));
    if delivered.is_some() {
        return Err("something was delivered during the cut".into());
    }
    let during = service.samples();

    network.heal()?;
    let healed_at = Instant::now();
    service.tell("healed")?;
    let limit = PROBE_INTERVAL + Duration::from_secs(10);
    let healed = || service.since(Some(healed_at), |said| matches!(said, Said::Delivered));
    let (back_at, _) = until("delivery after the healing", limit, healed)?;
    last(HEALED, || line(&service, "healed"))?;
    service.stop()?;
    endpoint.stop()?;

    let sample = service.last();
    let rss_before =
        during.iter().rev().find(|(at, _)| *at < cut_at).map_or(0, |(_, sample)| sample.rss_bytes);
    let rss_most = during.iter().map(|(_, sample)| sample.rss_bytes).max().unwrap_or(0);
    let (growth, most) = (rss_most.saturating_sub(rss_before), sample.memory_bound + RSS_SLACK);
    let (notice, stalled, recovery) = (noticed - cut_at, timed_out - cut_at, back_at - healed_at);
    let of = |time: Duration, most: Duration| format!("{} of {}", time.as_millis(), most.as_millis());
    report(1, "RSS growth, bytes, of memory_bound + 8 MiB", format_args!("{growth} of {most}"));
    report(1, "emit p99.9 while cut, us", sample.emit_nanos[1][1] / 1000);
    report(1, "emit p99.9 before and after, us", sample.emit_nanos[0][1] / 1000);
    report(1, "heal to first delivered batch, ms, of probe interval + 1 s", of(recovery, RECOVERY));
    report(1, "cut to first failed connect, ms, of connect and post timeout", of(notice, POST_TIMEOUT));
    report(
        2,
        "time to notice on the established connection, ms, of the post timeout",
        of(stalled, POST_TIMEOUT),
    );
    let reasons = law("cut", &out, &sample)?;
    was_a_stall(&reasons, told)?;
    println!(
        "cut: it was a stall: the endpoint sent no reset, nothing was unreachable, no exchange broke off"
    );
    if growth > most {
        return Err("memory grew beyond its bound".into());
    }
    if notice.max(stalled) > POST_TIMEOUT + NOTICE_SLACK {
        return Err(format!("the cut was noticed only after {notice:?}, {stalled:?}").into());
    }
    if recovery > RECOVERY {
        return Err(format!("delivery resumed only after {recovery:?}").into());
    }
    Ok(())
}
