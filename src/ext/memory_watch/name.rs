//! The name of a snapshot: service, time, MB, pid.
//!
//! `checkout-20261124T021530.123Z-812MB-4711.pb.gz`. Names sort by time. MN1: a name is ours only
//! if it is exactly what we would have written for its parts, so that nothing else is ever deleted.

use super::text::FixedText;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A heap profile: gzipped pprof, with objects and bytes in use by call stack. `.pb.gz`
    Heap,
    /// A report as text: process, cgroup, allocator, the books of the clients. `.report.txt`
    Report,
    /// The short report, for when memory is nearly used up. `.short.txt`
    ShortReport,
}

crate::names::names!(Kind, "a kind", { Heap = "heap", Report = "report", ShortReport = "short_report", });

impl Kind {
    const fn ending(self) -> &'static str {
        match self {
            Kind::Heap => ".pb.gz",
            Kind::Report => ".report.txt",
            Kind::ShortReport => ".short.txt",
        }
    }
}

/// Prefix and suffix of a file's name while it is being written.
pub(super) const PARTIAL: (&str, &str) = (".", ".part");
/// More than the longest name.
pub(super) const NAME_BYTES: usize = 160;

/// Appends the name of a snapshot.
pub(super) fn write(out: &mut FixedText, service: &str, time: SystemTime, bytes: u64, pid: u32, kind: Kind) {
    let (time, mb, ending) = (Utc::of(time), bytes / super::limits::MB, kind.ending());
    out.push(format_args!("{service}-{time}-{mb}MB-{pid}{ending}"));
}

/// The kind of snapshot of `service` that this name belongs to, if any.
pub(super) fn kind_of(name: &str, service: &str) -> Option<Kind> {
    let rest = name.strip_prefix(service)?.strip_prefix('-')?;
    let (kind, rest) = Kind::ALL.iter().find_map(|&kind| Some((kind, rest.strip_suffix(kind.ending())?)))?;
    let mut parts = rest.split('-');
    let (time, mb, pid) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |digits: &str| {
        !digits.is_empty()
            && digits.len() <= 13
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits.len() == 1 || !digits.starts_with('0'))
    };
    let timely = time.len() == TIME_FORM.len()
        && time.bytes().zip(TIME_FORM.bytes()).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    (timely && mb.strip_suffix("MB").is_some_and(number) && number(pid) && parts.next().is_none())
        .then_some(kind)
}

/// The snapshot that a partial file of `service` would have become.
pub(super) fn whole_of<'a>(name: &'a str, service: &str) -> Option<&'a str> {
    let whole = name.strip_prefix(PARTIAL.0)?.strip_suffix(PARTIAL.1)?;
    kind_of(whole, service).map(|_| whole)
}

const TIME_FORM: &str = "00000000T000000.000Z";

/// A moment as `20261124T021530.123Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Utc(Duration);

impl Utc {
    /// A clock before 1970 counts as 1970, and one after 9999 as 9999: the form has four digits for the year.
    pub(super) fn of(time: SystemTime) -> Utc {
        const LAST: Duration = Duration::from_secs(253_402_300_799);
        Utc(time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let millis = self.0.subsec_millis();
        write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millis:03}Z")
    }
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar. Years
/// begin in March here, so that the leap day is the last; 146,097 days are 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // from 0000-03-01
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_knows_leap_years_and_the_ends_of_centuries() {
        // The texts are from `date -u -d @N`.
        let known = [
            (0, "19700101T000000.000Z"),
            (951_782_399, "20000228T235959.000Z"),
            (951_782_400, "20000229T000000.000Z"),
            (951_868_800, "20000301T000000.000Z"),
            (4_107_542_400, "21000301T000000.000Z"),
            (4_107_456_000, "21000228T000000.000Z"),
            (1_795_486_530, "20261124T021530.000Z"),
            (253_402_300_799, "99991231T235959.000Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(Utc(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn a_name_is_recognised_by_its_own_service_alone() {
        let at = UNIX_EPOCH + Duration::from_millis(1_795_486_530_123);
        for &kind in Kind::ALL {
            let mut name = FixedText::with_capacity(NAME_BYTES);
            write(&mut name, "shop-checkout", at, 812_345_678, 4711, kind);
            assert_eq!(kind_of(name.as_str(), "shop-checkout"), Some(kind), "{}", name.as_str());
            assert_eq!(kind_of(name.as_str(), "shop"), None);
            assert_eq!(kind_of(name.as_str(), "shop-checkout-2"), None);
            let partial = format!("{}{}{}", PARTIAL.0, name.as_str(), PARTIAL.1);
            assert_eq!(whole_of(&partial, "shop-checkout"), Some(name.as_str()));
            assert_eq!(kind_of(&partial, "shop-checkout"), None);
        }
    }

    #[test]
    fn a_name_that_we_would_not_have_written_is_not_ours() {
        let not_ours = [
            "a-20261124T021530.123Z-812MB-4711",
            "a-20261124T021530.123Z-812MB-4711.pb.gz.bak",
            "a-20261124T021530.123Z-0812MB-4711.pb.gz",
            "a-20261124T021530.123Z-MB-4711.pb.gz",
            "a-20261124T021530.123Z-812MB--4711.pb.gz",
            "a-20261124T021530.123Z-812MB-+4711.pb.gz",
            "a-20261124T021530Z-812MB-4711.pb.gz",
            "a-2026112xT021530.123Z-812MB-4711.pb.gz",
            "ab-20261124T021530.123Z-812MB-4711.pb.gz",
            "a.pb.gz",
            "core.4711",
            "",
        ];
        for name in not_ours {
            assert_eq!(kind_of(name, "a"), None, "{name}");
        }
        assert_eq!(kind_of("a-20261124T021530.123Z-0MB-1.short.txt", "a"), Some(Kind::ShortReport));
    }
}
