//! Row 16: the endpoint's name. Its address changes under steady traffic, and the client follows. Its name server falls silent: callers
//! notice nothing, and threads do not pile up.

use super::conductor::{Player, Said, last, until};
use super::figures::report;
use super::judge::law;
use super::network::{ENDPOINT, ENDPOINT_TOO, Network, PORT};
use super::{Arguments, CONNECT_TIMEOUT, Failure, POST_TIMEOUT, PROBE_INTERVAL};
use overspill::limits::CONNECTION_AGE;
use std::path::Path;
use std::time::{Duration, Instant};

/// Steady but low: the connection never idles, and the other scenario has most of the machine.
const RATE: &str = "400";
/// How long the system's resolver waits for an answer, as configured below; long compared with the connect timeout.
const SILENCE: Duration = Duration::from_secs(5);
const RESOLV: &str = "nameserver 192.0.2.1\noptions timeout:5 attempts:1";
const HANGING: Duration = Duration::from_secs(12);

fn hosts(address: &str) -> String {
    format!("{address} endpoint.test")
}

pub fn play(arguments: &Arguments, ip: &Path) -> Result<(), Failure> {
    let out = arguments.out.join("names");
    std::fs::create_dir_all(&out)?;
    let network = Network::lay(ip, "names")?;
    network.say_names(&hosts(ENDPOINT), RESOLV)?;
    let mut endpoint = Player::start(network.at_endpoint()?, "endpoint", &out)?;
    let mut command = network.at_service()?;
    command.args(["--rate", RATE, "--url", &format!("http://endpoint.test:{PORT}/v1/events")]);
    let mut service = Player::start(command, "service", &out)?;
    let arrived = |endpoint: &Player, at: &str| {
        endpoint.since(None, |said| matches!(said, Said::Arrived { address } if address == at))
    };
    until("delivery by name", Duration::from_secs(5), || arrived(&endpoint, ENDPOINT))?;
    last(Duration::from_secs(2), || {})?;

    println!("names: the name now has another address; the old one still answers");
    network.say_names(&hosts(ENDPOINT_TOO), RESOLV)?;
    let limit = CONNECTION_AGE + POST_TIMEOUT;
    let (_, switched) = until("the change of address", limit, || arrived(&endpoint, ENDPOINT_TOO))?;
    report(
        16,
        "time to follow a change of address, s, of the connections' age",
        format_args!("{:.1} of {}", switched.as_secs_f64(), CONNECTION_AGE.as_secs()),
    );
    if service.since(None, |said| matches!(said, Said::Failed)).is_some() {
        return Err("a post failed while both addresses worked".into());
    }

    // A look-up uses a thread briefly; this count is taken between two of them.
    let threads_before = service.last().threads;
    println!("names: the wire is cut, and with it the name server ({threads_before} threads)");
    network.say_names("", RESOLV)?;
    service.tell("cut")?;
    network.cut()?;
    let cut_at = Instant::now();
    last(HANGING, || {})?;
    let samples = service.samples();
    let threads = samples.iter().filter(|(at, _)| *at > cut_at).map(|(_, sample)| sample.threads);
    let more = threads.clone().max().unwrap_or(0).saturating_sub(threads_before);
    let hung = threads.filter(|&threads| threads > threads_before).count();
    report(16, "threads more while the resolver hangs", more);
    if hung < 20 {
        return Err(format!("the resolver did not hang: {hung} samples with a look-up under way").into());
    }

    network.say_names(&hosts(ENDPOINT), RESOLV)?;
    network.heal()?;
    let healed_at = Instant::now();
    service.tell("healed")?;
    let limit = SILENCE + CONNECT_TIMEOUT + PROBE_INTERVAL + Duration::from_secs(5);
    let healed = || service.since(Some(healed_at), |said| matches!(said, Said::Delivered));
    let (_, recovery) = until("delivery once the name is known again", limit, healed)?;
    report(16, "heal to first delivered batch, ms, resolver timeout of 5 s included", recovery.as_millis());
    service.stop()?;
    endpoint.stop()?;
    report(16, "emit p99.9 while the resolver hangs, us", service.last().emit_nanos[1][1] / 1000);
    law("names", &out, &service.last())?;
    if more > 1 {
        return Err(format!("{more} threads more than before").into());
    }
    Ok(())
}
