//! Checks whether the settings are within their limits, except for what depends on the system.

use super::error::StartError;
use super::limits::{
    COOL_DOWN, FOLDER_BYTES_MAX, INTERVAL, INTERVAL_MIN, RETAINED_FILES_MIN, SERVICE_CHARS_MAX,
    SNAPSHOTS_PER_HOUR_LIMIT, TIME_MAX,
};
use super::settings::{Builder, invalid};
use std::time::Duration;

impl Builder {
    /// The settings that do not depend on the system.
    pub(super) fn check(&self) -> Result<(), StartError> {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let service = self.service.as_bytes();
        if !(1..=SERVICE_CHARS_MAX).contains(&service.len())
            || !service.iter().all(|&byte| named(byte))
            || !service[0].is_ascii_alphanumeric()
        {
            return Err(invalid(
                "service",
                format!("is {:?}", self.service),
                "choose 1 to 64 letters, digits, '-', '_' or '.', beginning with a letter or digit",
            ));
        }
        self.check_folder()?;
        within("interval", self.interval.unwrap_or(INTERVAL), INTERVAL_MIN, "choose 10 ms to a day")?;
        within("cool_down", self.cool_down.unwrap_or(COOL_DOWN), Duration::ZERO, "choose at most a day")?;
        within("rearm_after", self.rearm_after, Duration::ZERO, "choose at most a day")?;
        if !(1..=SNAPSHOTS_PER_HOUR_LIMIT).contains(&self.snapshots_per_hour_max) {
            let problem = format!("is {}", self.snapshots_per_hour_max);
            return Err(invalid("snapshots_per_hour_max", problem, "choose 1 to 3600"));
        }
        if self.retained_files_max < RETAINED_FILES_MIN {
            let problem = format!("is {}", self.retained_files_max);
            return Err(invalid("retained_files_max", problem, "choose 3 or more, to have some to compare"));
        }
        match self.signal {
            Some(signal) if !(SIGNALS.contains(&signal) || (34..=64).contains(&signal)) => Err(invalid(
                "snapshot_on_signal",
                format!("is {signal}"),
                "choose SIGHUP, SIGUSR1, SIGUSR2 or a real-time signal from 34 to 64: others have a meaning already",
            )),
            _ => Ok(()),
        }
    }

    fn check_folder(&self) -> Result<(), StartError> {
        let printable = |folder: &str| folder.chars().all(|c| c == ' ' || c.escape_debug().len() == 1);
        let fits = self.folder.to_str().is_some_and(|folder| {
            (1..=FOLDER_BYTES_MAX).contains(&folder.len()) && (printable(folder) || cfg!(windows))
        });
        if fits {
            return Ok(());
        }
        let problem = format!("is {:?}", self.folder);
        Err(invalid("folder", problem, "choose a path of 1 to 240 bytes of printable text"))
    }

    /// The absolute path of the folder: a process that changes its
    /// working directory later keeps writing to the same folder.
    pub(super) fn make_absolute(&mut self) -> Result<(), StartError> {
        self.folder = std::path::absolute(&self.folder).map_err(|error| {
            invalid(
                "folder",
                format!("is {:?}, and its beginning is unknown: {error}", self.folder),
                "name it from the root on",
            )
        })?;
        self.check_folder()
    }
}

#[cfg(target_os = "linux")]
pub(super) use signal_hook::consts::SIGUSR2;
#[cfg(target_os = "linux")]
use signal_hook::consts::{SIGHUP, SIGUSR1};
// Nothing is started on other systems.
#[cfg(not(target_os = "linux"))]
pub(super) const SIGUSR2: i32 = 12;
#[cfg(target_os = "linux")]
const SIGNALS: [i32; 3] = [SIGHUP, SIGUSR1, SIGUSR2];
#[cfg(not(target_os = "linux"))]
const SIGNALS: [i32; 1] = [SIGUSR2];

fn within(name: &'static str, time: Duration, min: Duration, remedy: &'static str) -> Result<(), StartError> {
    if (min..=TIME_MAX).contains(&time) { Ok(()) } else { Err(invalid(name, format!("is {time:?}"), remedy)) }
}
