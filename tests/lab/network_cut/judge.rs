//! Checks the law, with ids compared as sets, and that the fault was a stall and nothing else.

use super::Failure;
use super::conductor::Sample;
use super::ids::Ids;
use overspill::spill::Records;
use overspill::{MaybeDelivered, Reason};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

#[derive(Deserialize)]
struct Identified {
    id: u64,
}

/// Reads both sides' own records, prints the law and fails if it does not hold. Returns how many events each reason spilled.
pub fn law(name: &str, out: &Path, last: &Sample) -> Result<BTreeMap<&'static str, u64>, Failure> {
    let at_endpoint: Ids =
        serde_json::from_reader(BufReader::new(std::fs::File::open(out.join("endpoint.json"))?))?;
    let log = BufReader::new(std::fs::File::open(out.join("service.log"))?);
    let (mut in_log, mut reasons, mut in_both, mut unmarked) =
        (Ids::default(), BTreeMap::new(), 0_u64, 0_u64);
    for event in Records::new(log).joined() {
        let event = event?;
        let Identified { id } = serde_json::from_str(&event.event)?;
        in_log.insert(id);
        *reasons.entry(event.reason.as_str()).or_default() += 1;
        if at_endpoint.contains(id) {
            in_both += 1;
            unmarked += u64::from(event.maybe_delivered == MaybeDelivered::No);
        }
    }
    let nowhere = (0..last.emitted).filter(|&id| !at_endpoint.contains(id) && !in_log.contains(id)).count();
    println!("{name}: the law: {}", last.books);
    println!(
        "{name}: ids: {} emitted; {} at the endpoint, {} in the log {reasons:?}, {in_both} in both, {unmarked} of those \
         not marked maybe_delivered; in neither: {nowhere}",
        last.emitted, at_endpoint.count, in_log.count
    );
    let twice = at_endpoint.again + in_log.again;
    if nowhere as u64 + unmarked + twice + last.lost + last.pending > 0 || last.spilled != in_log.count {
        return Err(
            format!("the law is broken ({twice} more than once at the endpoint or in the log)").into()
        );
    }
    Ok(reasons)
}

/// Checks that packets vanished and nothing was refused: no exchange broke off, the endpoint sent no TCP reset, nothing was
/// unreachable.
pub fn was_a_stall(reasons: &BTreeMap<&'static str, u64>, told: Told) -> Result<(), Failure> {
    if reasons.contains_key(Reason::Broken.as_str()) || told != Told::default() {
        return Err(format!("it was not a stall: {reasons:?}, {told:?}").into());
    }
    Ok(())
}

/// What the kernel counts if the cut is visible to either side.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    resets: u64,
    unreachable: u64,
}

impl Told {
    /// Reads the counters of the two processes' network namespaces.
    pub fn to(endpoint: u32, service: u32) -> Result<Told, Failure> {
        Ok(Told {
            resets: counter(endpoint, "Tcp:", "OutRsts")?,
            unreachable: counter(service, "Icmp:", "InDestUnreachs")?,
        })
    }
}

/// /proc/PID/net/snmp has two lines for each protocol: the names, and the values.
fn counter(pid: u32, protocol: &str, name: &str) -> Result<u64, Failure> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/snmp"))?;
    let mut lines = text.lines().filter(|line| line.starts_with(protocol));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let at = names.split(' ').position(|word| word == name).ok_or("the kernel lacks this counter")?;
    Ok(values.split(' ').nth(at).ok_or("a name without a value")?.parse()?)
}
