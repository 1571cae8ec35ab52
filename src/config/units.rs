//! Sizes and times as people write and read them.

use std::fmt;
use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A number of bytes, shown in the largest unit that leaves no fraction: `8 MiB`, `1000 B`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as u64;
        let (factor, unit) = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")]
            .into_iter()
            .find(|(factor, _)| bytes >= *factor && bytes % factor == 0)
            .unwrap_or((1, "B"));
        write!(f, "{} {unit}", bytes / factor)
    }
}

/// `65536`, `64 KiB`, `64Ki`, `1.5 MB`: whole bytes, units in upper or lower case.
pub(super) fn parse_bytes(text: &str) -> Option<usize> {
    let (number, unit) = split_unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "ki" => KIB,
        "mib" | "mi" => MIB,
        "gib" | "gi" => GIB,
        _ => return None,
    };
    usize::try_from(times(number, factor)?).ok()
}

/// `200 ms`, `1.5s`, `2m`, `1h`: a number and a unit, to the nanosecond.
pub(super) fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let nanoseconds = match unit.to_ascii_lowercase().as_str() {
        "us" | "\u{b5}s" => 1_000,
        "ms" => 1_000_000,
        "s" | "sec" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    times(number, nanoseconds).map(Duration::from_nanos)
}

/// The number, and the unit after it with or without a blank.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (!number.is_empty()).then(|| (number, unit.trim_start()))
}

/// `number`, a decimal without a sign, times `factor`; `None` if the result is not a whole number or is too large.
fn times(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.ends_with('.') || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(fraction.len() as u32);
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let parts = fraction.checked_mul(factor)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    (parts % scale == 0).then(|| whole.checked_add(parts / scale)).flatten()
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_anything_else_is_not_guessed() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("65536", Some(65_536)),
            ("10B", Some(10)),
            ("64KiB", Some(65_536)),
            ("64 kib", Some(65_536)),
            ("64Ki", Some(65_536)),
            ("8 MiB", Some(8 << 20)),
            ("1.5 MiB", Some(3 << 19)),
            ("2 MB", Some(2_000_000)),
            ("1 GiB", Some(1 << 30)),
            ("1.5", None),
            ("1.", None),
            (".5 MiB", None),
            ("1.2.3 MiB", None),
            ("8M", None),
            ("8 MiB please", None),
            ("-1", None),
            ("1e6", None),
            ("", None),
            ("MiB", None),
            ("99999999999999999999", None),
            ("18446744073709551615 GiB", None),
        ] {
            assert_eq!(parse_bytes(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them_and_need_a_unit() {
        for (text, time) in [
            ("200ms", Some(Duration::from_millis(200))),
            ("200 MS", Some(Duration::from_millis(200))),
            ("1.5s", Some(Duration::from_millis(1_500))),
            ("10 s", Some(Duration::from_secs(10))),
            ("2m", Some(Duration::from_secs(120))),
            ("2 min", Some(Duration::from_secs(120))),
            ("1h", Some(Duration::from_secs(3_600))),
            ("50us", Some(Duration::from_micros(50))),
            ("10", None),
            ("s", None),
            ("1m30s", None),
            ("-1s", None),
            ("18446744073709551615 h", None),
        ] {
            assert_eq!(parse_time(text), time, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_unit_without_a_fraction() {
        for (bytes, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1000, "1000 B"),
            (1024, "1 KiB"),
            (1536, "1536 B"),
            (8 << 20, "8 MiB"),
            (4 << 30, "4 GiB"),
            ((4 << 30) + 1, "4294967297 B"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
