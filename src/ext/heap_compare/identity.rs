//! Which process a profile belongs to, and when it was taken: this makes profiles comparable, and orders them.
//!
//! The memory watch writes two comments into each profile: an identity, which no other process has, and how long
//! the process had been running, by a clock that cannot be set. A pid is no identity: in containers every service
//! is number 1. Profiles from other tools have the wall clock, the program's path and build, and its load address.

use super::error::{CompareError, ProfileError, Warning};
use super::frame::printable;
use super::joint::ProfileFacts;
use super::parts::ProfileParts;
use std::time::{Duration, SystemTime};

/// The comments; each profile of the memory watch has one of each.
const PROCESS: &str = "overspill.process=";
const UPTIME: &str = "overspill.uptime_ns=";

#[derive(Debug, Clone)]
pub(super) struct ProfileIdentity {
    pub(super) taken: SystemTime,
    says_when: bool,
    says_period: bool,
    pub(super) program: String,
    build_id: String,
    /// Where the program was loaded; 0 if the profile does not say.
    loaded_at: u64,
    process: Option<String>,
    uptime: Option<Duration>,
}

impl ProfileIdentity {
    pub(super) fn of(
        parts: &ProfileParts,
        taken: SystemTime,
        says_when: bool,
        says_period: bool,
    ) -> Result<ProfileIdentity, ProfileError> {
        let mut identity = ProfileIdentity {
            taken,
            says_when,
            says_period,
            program: String::new(),
            build_id: String::new(),
            loaded_at: 0,
            process: None,
            uptime: None,
        };
        // By convention the first mapping is the program.
        if let Some(mapping) = parts.mappings.first() {
            identity.program = printable(&parts.texts.get(mapping.file)?);
            identity.build_id = printable(&parts.texts.get(mapping.build_id)?);
            identity.loaded_at = mapping.begins.saturating_sub(mapping.offset);
        }
        for comment in &parts.comments {
            let comment = parts.texts.get(*comment)?;
            if let Some(process) = comment.strip_prefix(PROCESS) {
                identity.process = Some(printable(process.trim()));
            } else if let Some(uptime) = comment.strip_prefix(UPTIME) {
                identity.uptime = uptime.trim().parse().ok().map(Duration::from_nanos);
            }
        }
        Ok(identity)
    }

    fn named(&self) -> String {
        let name = if self.program.is_empty() { "an unnamed program" } else { &self.program };
        if self.build_id.is_empty() { name.to_owned() } else { format!("{name} (build {})", self.build_id) }
    }

    /// Whether it is the same program: by the build ids if both have one, otherwise by the paths.
    fn is_of_the_program_of(&self, other: &ProfileIdentity) -> bool {
        let known = !self.build_id.is_empty() && !other.build_id.is_empty();
        if known { self.build_id == other.build_id } else { self.program == other.program }
    }
}

/// Whether profiles of two processes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processes {
    One,
    Any,
}

/// Rejects what must not be compared, and warns about what may be unintended.
pub(super) fn check(profiles: &[ProfileFacts], processes: Processes) -> Result<Vec<Warning>, CompareError> {
    let mut warnings = Vec::new();
    let first = &profiles[0].identity;
    let of_known = profiles.iter().find_map(|profile| profile.identity.process.as_ref());
    for (profile, number) in profiles.iter().zip(1..) {
        let other = &profile.identity;
        if !other.is_of_the_program_of(first) {
            match processes {
                Processes::One => {
                    let (first, other) = (first.named(), other.named());
                    return Err(CompareError::OtherProgram { profile: number, first, other });
                }
                Processes::Any => warnings.push(Warning::OtherProgram { profile: number }),
            }
        } else if other.program != first.program {
            let (first, other) = (first.program.clone(), other.program.clone());
            warnings.push(Warning::OtherPath { profile: number, first, other });
        }
        if let (Some(process), Some(known)) = (&other.process, of_known) {
            if process != known {
                match processes {
                    Processes::One => {
                        let (first, other) = (known.clone(), process.clone());
                        return Err(CompareError::TwoProcesses { profile: number, first, other });
                    }
                    Processes::Any => warnings.push(Warning::TwoProcesses { profile: number }),
                }
            }
        } else if other.loaded_at != first.loaded_at {
            warnings.push(Warning::OtherAddress { profile: number });
        }
        if !other.says_when {
            warnings.push(Warning::TimeGiven { profile: number });
        }
        if !other.says_period {
            warnings.push(Warning::PeriodGuessed { profile: number });
        } else if profile.period_bytes != profiles[0].period_bytes && first.says_period {
            warnings.push(Warning::OtherPeriod { profile: number });
        }
    }
    let unknown: Vec<usize> =
        (1..=profiles.len()).filter(|number| profiles[number - 1].identity.process.is_none()).collect();
    if unknown.len() == profiles.len() {
        warnings.push(Warning::ProcessUnknown);
    } else if !unknown.is_empty() {
        warnings.push(Warning::ProcessUnknownOf(unknown));
    }
    Ok(warnings)
}

/// When each was taken, counted from the first: by the process's own clock if all have it, else by the wall clock.
///
/// # Errors
/// If they are not in order of time.
pub(super) fn moments(profiles: &[ProfileFacts]) -> Result<Vec<Duration>, CompareError> {
    let first = &profiles[0].identity;
    let one_process = profiles.iter().all(|profile| profile.identity.process == first.process);
    let uptimes: Option<Vec<Duration>> = profiles.iter().map(|profile| profile.identity.uptime).collect();
    let times: Vec<Duration> = uptimes.filter(|_| one_process).unwrap_or_else(|| {
        let since = |profile: &ProfileFacts| {
            profile.identity.taken.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
        };
        profiles.iter().map(since).collect()
    });
    let mut by_time: Vec<usize> = (1..=profiles.len()).collect();
    by_time.sort_by_key(|number| times[number - 1]);
    if let Some(pair) = by_time.windows(2).find(|pair| times[pair[0] - 1] == times[pair[1] - 1]) {
        return Err(CompareError::SameMoment { first: pair[0], second: pair[1] });
    }
    match times.windows(2).position(|pair| pair[1] < pair[0]) {
        Some(late) => Err(CompareError::NotInOrder { profile: late + 2, by_time }),
        None => Ok(times.iter().map(|time| *time - times[0]).collect()),
    }
}
