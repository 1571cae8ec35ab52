//! What the table and the log hold, compared with what was emitted.

use super::*;

/// What one of the two places holds.
#[derive(Default)]
pub struct Found {
    pub times: BTreeMap<u64, u32>,
    /// Ids whose content differs from what was emitted.
    pub altered: Vec<u64>,
}

impl Found {
    /// Records an event, from the table's JSON or the log's.
    pub fn add(&mut self, event: &[u8], packages: &[Package]) -> Result<u64, Failure> {
        let row: Row<Package> = serde_json::from_slice(event)?;
        *self.times.entry(row.id).or_default() += 1;
        if row.package != *nth_event(packages, row.id).package {
            self.altered.push(row.id);
        }
        Ok(row.id)
    }

    pub fn twice(&self) -> Vec<u64> {
        self.times.iter().filter(|&(_, &times)| times > 1).map(|(&id, _)| id).collect()
    }
}

/// The log, and what it says about the table.
#[derive(Default)]
pub struct Log {
    pub found: Found,
    /// Ids that the log says are certainly not in the table.
    pub certain: BTreeSet<u64>,
    pub by_reason: BTreeMap<Reason, Spilled>,
}

#[derive(Default)]
pub struct Spilled {
    pub events: u64,
    pub maybe_delivered: u64,
}

pub fn read_log(path: &Path, packages: &[Package]) -> Result<Log, Failure> {
    let lines = BufReader::new(File::open(path)?).lines().collect::<Result<Vec<_>, _>>()?;
    let mut log = Log::default();
    for event in join(lines.iter().filter_map(|line| read_line(line))) {
        let id = log.found.add(event.event.as_bytes(), packages)?;
        let spilled = log.by_reason.entry(event.reason).or_default();
        spilled.events += 1;
        match event.maybe_delivered {
            MaybeDelivered::Yes => spilled.maybe_delivered += 1,
            MaybeDelivered::No => drop(log.certain.insert(id)),
        }
    }
    Ok(log)
}

/// The sets of ids that matter; the last six should be empty.
pub struct Comparison {
    pub in_both: usize,
    /// In both, without the log's `maybe_delivered`.
    pub unmarked: Vec<u64>,
    /// Emitted, and in neither.
    pub missing: Vec<u64>,
    /// Found, but never emitted.
    pub unknown: Vec<u64>,
    pub altered: Vec<u64>,
    pub twice_in_table: Vec<u64>,
    pub twice_in_log: Vec<u64>,
}

impl Comparison {
    /// Ids are numbers from 0, so the ids emitted are those below `emitted`.
    pub fn of(emitted: u64, table: &Found, log: &Log) -> Comparison {
        let (rows, records) = (&table.times, &log.found.times);
        Comparison {
            in_both: records.keys().filter(|id| rows.contains_key(id)).count(),
            unmarked: log.certain.iter().copied().filter(|id| rows.contains_key(id)).collect(),
            missing: (0..emitted).filter(|id| !rows.contains_key(id) && !records.contains_key(id)).collect(),
            unknown: rows.keys().chain(records.keys()).copied().filter(|&id| id >= emitted).collect(),
            altered: [&table.altered[..], &log.found.altered].concat(),
            twice_in_table: table.twice(),
            twice_in_log: log.found.twice(),
        }
    }

    pub fn wrong(&self) -> Vec<String> {
        [
            (&self.missing, "were emitted and are neither in the table nor in the log"),
            (&self.unmarked, "are in the table and in the log without maybe_delivered"),
            (&self.unknown, "were found and never emitted"),
            (&self.altered, "were not found as they were emitted"),
            (&self.twice_in_table, "are in the table twice"),
            (&self.twice_in_log, "are in the log twice"),
        ]
        .into_iter()
        .filter(|(ids, _)| !ids.is_empty())
        .map(|(ids, what)| {
            format!("{} events {what}, the first of them {:?}", ids.len(), &ids[..ids.len().min(5)])
        })
        .collect()
    }
}

/// Checks the client's own books against the log and the law.
pub fn wrong_books(stats: &Stats, in_log: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if (stats.lost, stats.pending) != (0, 0) {
        wrong.push(format!("{} events are lost and {} pending", stats.lost, stats.pending));
    }
    if stats.spilled != in_log {
        wrong.push(format!("{} events count as spilled, but {in_log} are in the log", stats.spilled));
    }
    wrong
}

/// A run without any fault, or without any delivery, proves nothing.
pub fn wrong_course(recovered: Recovered, course: &Course, outages: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if recovered == Recovered::No {
        wrong.push(format!("the server was still unhealthy {RECOVERY_MAX:?} after the end of the run"));
    }
    if load(&course.outages_began) < outages {
        wrong.push(format!("there were {} outages, not {outages}", load(&course.outages_began)));
    }
    if load(&course.delivered_before) == 0 {
        wrong.push("no event was delivered before the first outage".to_owned());
    }
    if load(&course.outages_began) > 0 && load(&course.delivered_since) == 0 {
        wrong.push("no event was delivered after the last outage".to_owned());
    }
    wrong
}

pub fn report(stats: &Stats, table: &Found, log: &Log, comparison: &Comparison, course: &Course) {
    let line = |what: &str, events: u64| println!("{what:<36}{events:>9}");
    let many = |what: &str, events: usize| line(what, events as u64);
    line("emitted", stats.emitted);
    many("in the table", table.times.len());
    many("in the log", log.found.times.len());
    for (reason, spilled) in &log.by_reason {
        println!(
            "  {:<34}{:>9}, maybe_delivered {}",
            reason.as_str(),
            spilled.events,
            spilled.maybe_delivered
        );
    }
    many("in both", comparison.in_both);
    many("in both, not marked", comparison.unmarked.len());
    many("in neither", comparison.missing.len());
    many("in the table twice", comparison.twice_in_table.len());
    line("lost", stats.lost);
    line("outages", load(&course.outages_began));
    line("delivered before the first outage", load(&course.delivered_before));
    line("delivered after the last outage", load(&course.delivered_since));
}
