//! When an endpoint wants the next request: the meaning of a `Retry-After`. A pure function.

use crate::limits::RETRY_AFTER_MAX;
use crate::transport::Reply;
use std::time::{Duration, SystemTime};

/// From here on a number is a point in time, in seconds since 1970, and not a wait: nobody asks for thirty years.
const MOMENTS_FROM: u64 = 1_000_000_000;
/// From here on milliseconds, then microseconds, then nanoseconds: in seconds these would be years beyond 30,000.
const MILLIS_FROM: u64 = 1_000_000_000_000;
const MICROS_FROM: u64 = 1_000_000_000_000_000;
const NANOS_FROM: u64 = 1_000_000_000_000_000_000;

/// Compared with the answer's own date: if its clock is wrong, it is wrong in both. `wall` is for an answer without a date.
pub(crate) fn of(reply: &Reply, wall: SystemTime) -> Duration {
    let Some(text) = reply.retry_after.as_deref() else { return Duration::ZERO };
    let date = reply.date.as_deref().and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    retry_after(text, date.unwrap_or(wall))
}

/// Seconds, a point in time or an HTTP date, within [0, [`RETRY_AFTER_MAX`]]; zero if it cannot be read.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Duration {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return httpdate::parse_http_date(text).map_or(Duration::ZERO, |moment| until(moment, now));
    }
    // More digits than fit into a number mean a number above the maximum.
    let Ok(number) = text.parse::<u64>() else { return RETRY_AFTER_MAX };
    let since_1970 = match number {
        NANOS_FROM.. => Duration::from_nanos(number),
        MICROS_FROM.. => Duration::from_micros(number),
        MILLIS_FROM.. => Duration::from_millis(number),
        MOMENTS_FROM.. => Duration::from_secs(number),
        _ => return Duration::from_secs(number).min(RETRY_AFTER_MAX),
    };
    SystemTime::UNIX_EPOCH.checked_add(since_1970).map_or(RETRY_AFTER_MAX, |moment| until(moment, now))
}

fn until(moment: SystemTime, now: SystemTime) -> Duration {
    moment.duration_since(now).map_or(Duration::ZERO, |delay| delay.min(RETRY_AFTER_MAX))
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn retry_after_is_honoured_within_its_bounds() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_784_111_777 - 30);
        for (text, seconds) in [
            ("0", 0),
            ("30", 30),
            (" 7 ", 7),
            ("601", 600),
            ("999999999", 600),
            ("1000000000000000000000000000000", 600),
            ("-5", 0),
            ("", 0),
            ("soon", 0),
            ("1.5", 0),
            ("Wed, 15 Jul 2026 10:36:17 GMT", 30),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 600),
            ("1784111777", 30),
            ("1784111777000", 30),
            ("1784111777000000", 30),
            ("1784111777000000000", 30),
            ("1784111000", 0),
            ("1784119999", 600),
            ("18446744073709551615", 600),
        ] {
            assert_eq!(retry_after(text, wall).as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn a_moment_is_read_against_the_answers_own_date_whatever_our_clock_says() {
        let reply = |date: Option<&str>, retry_after: &str| Reply {
            date: date.map(str::to_owned),
            retry_after: Some(retry_after.to_owned()),
            ..Reply::of_status(429)
        };
        let date = Some("Tue, 01 Jan 2030 10:00:00 GMT");
        for wall in
            [0, 1_784_111_777, 4_000_000_000].map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at))
        {
            for text in ["Tue, 01 Jan 2030 10:00:02 GMT", "1893492002", "1893492002000", "2"] {
                assert_eq!(of(&reply(date, text), wall).as_secs(), 2, "{text}");
            }
        }
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_492_000);
        assert_eq!(
            of(&reply(Some("yesterday"), "1893492002"), wall).as_secs(),
            2,
            "a date that cannot be read"
        );
    }

    /// What an endpoint may write after `retry-after:`, and worse.
    fn any_retry_after() -> impl Strategy<Value = String> {
        let signs = proptest::sample::select(vec!["", "-", "+", " ", "0", "0x", "١"]);
        prop_oneof![
            "[0-9]{1,40}",
            (any::<u64>(), signs).prop_map(|(seconds, sign)| format!("{sign}{seconds}")),
            (1..10_240_usize, "[0-9]").prop_map(|(digits, digit)| digit.repeat(digits)),
            // The dates that HTTP can express: up to the year 9999.
            (0..253_402_300_800_u64).prop_map(|seconds| {
                httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            }),
            "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
            "\\PC{0,80}",
            proptest::collection::vec(any::<char>(), 0..80).prop_map(|chars| chars.into_iter().collect()),
        ]
    }

    fn any_wall() -> impl Strategy<Value = SystemTime> {
        (0..253_402_300_800_u64).prop_map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    proptest! {
        #[test]
        fn no_retry_after_panics_or_exceeds_its_bound(text in any_retry_after(), wall in any_wall()) {
            prop_assert!(retry_after(&text, wall) <= RETRY_AFTER_MAX);
        }

        #[test]
        fn seconds_and_dates_are_honoured_exactly_within_the_bound(seconds in 0..2_000_u64, wall in any_wall()) {
            let expected = Duration::from_secs(seconds).min(RETRY_AFTER_MAX);
            prop_assert_eq!(retry_after(&seconds.to_string(), wall), expected);
            let date = wall + Duration::from_secs(seconds);
            // Years beyond 9999 cannot be written.
            if date < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800) {
                prop_assert_eq!(retry_after(&httpdate::fmt_http_date(date), wall), expected);
            }
            let past = SystemTime::UNIX_EPOCH.max(wall - Duration::from_secs(seconds.min(1)));
            prop_assert_eq!(retry_after(&httpdate::fmt_http_date(past), wall), Duration::ZERO);
        }
    }
}
