//! Wall-clock time as log lines show it: RFC 3339 in UTC, with milliseconds.
//!
//! The wall clock dates events for people and for a later replay; no timer uses it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, by the wall clock, in whole milliseconds, so that what is written reads back equal.
pub(crate) fn now() -> SystemTime {
    whole(crate::clock::wall())
}

/// The time in whole milliseconds, so that what is written reads back equal.
pub(crate) fn whole(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis(time))
}

fn millis(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// Shown as `2026-11-26T12:19:45.123Z`. A time outside the years 1970 to 9999 is shown as the nearest one inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub SystemTime);

const MS_PER_DAY: u64 = 86_400_000;
/// The last millisecond of the year 9999.
const MS_MAX: u64 = 253_402_300_799_999;

impl Rfc3339 {
    /// The length of the text.
    pub(crate) const BYTES: usize = b"0000-00-00T00:00:00.000Z".len();

    /// The text, in ASCII.
    pub(crate) fn text(self) -> [u8; Rfc3339::BYTES] {
        let millis = millis(self.0).min(MS_MAX);
        let (year, month, day) = date(millis / MS_PER_DAY);
        let rest = millis % MS_PER_DAY;
        // Written into one text, so that a formatter gets one string instead of fourteen.
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, digits: usize, mut number: u64| {
            for place in (at..at + digits).rev() {
                text[place] = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, rest / 3_600_000);
        put(14, 2, rest / 60_000 % 60);
        put(17, 2, rest / 1000 % 60);
        put(20, 3, rest % 1000);
        text
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

/// Year, month and day from the days since 1970 (Howard Hinnant's `civil_from_days`, for non-negative days).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months count from March.
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

/// Reads what [`Rfc3339`] writes, and nothing else.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let pattern = b"dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern)
            .all(|(byte, &is)| if is == b'd' { byte.is_ascii_digit() } else { byte == is });
    if !fits {
        return None;
    }
    let number = |at: usize, digits: usize| text[at..at + digits].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second, milli) = (number(11, 2)?, number(14, 2)?, number(17, 2)?, number(20, 3)?);
    let sound = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + milli))
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn times_are_written_in_the_usual_form() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (1_795_695_585_123, "2026-11-26T12:19:45.123Z"),
            (MS_MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Rfc3339(at(millis)).to_string(), text);
            assert_eq!(parse(text), Some(at(millis)));
        }
        assert_eq!(Rfc3339(at(MS_MAX + 1)).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Rfc3339(UNIX_EPOCH - Duration::from_secs(9)).to_string(), "1970-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn every_moment_reads_back_and_no_text_panics(millis in 0..=MS_MAX, text in "[0-9TZ:.-]{0,26}") {
            prop_assert_eq!(parse(&Rfc3339(at(millis)).to_string()), Some(at(millis)));
            let _ = parse(&text);
        }

        #[test]
        fn the_date_matches_another_implementation(seconds in 0..253_402_300_799_u64) {
            let ours = Rfc3339(at(seconds * 1000)).to_string();
            // `Sun, 06 Nov 1994 08:49:37 GMT`
            let theirs = httpdate::fmt_http_date(at(seconds * 1000));
            prop_assert_eq!(&ours[8..10], &theirs[5..7]);
            prop_assert_eq!(&ours[0..4], &theirs[12..16]);
            prop_assert_eq!(&ours[11..19], &theirs[17..25]);
        }
    }
}
