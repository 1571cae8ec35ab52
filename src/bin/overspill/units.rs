//! Formats and parses numbers, times and sizes for people.

use overspill::spill::Rfc3339;
use std::time::{Duration, SystemTime};

/// `200ms`, `1.5 s`, `10m`, `2h`, `1d`; for clap's `value_parser`.
pub(crate) fn time_of(text: &str) -> Result<Duration, String> {
    let what = "give a number and a unit, like 200ms, 10s, 5m, 2h";
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" => 0.001,
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(what.to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| what.to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| what.to_owned())
}

/// `0.4 s`, `12.3 s`, `4 min 5 s`, `2 h 3 min`, `3 d 4 h`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// The same for a time in whole seconds: `8 s`.
pub(crate) fn whole_span(time: Duration) -> String {
    if time.as_secs() < 60 { format!("{} s", time.as_secs()) } else { span(time) }
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (digit, left) in digits.chars().zip((0..digits.len()).rev()) {
        text.push(digit);
        if left > 0 && left % 3 == 0 {
            text.push(',');
        }
    }
    text
}

/// `1 event`, `2 events`, with the number grouped.
pub(crate) fn count(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `812 B`, `12.3 kB`, `4.0 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `12.3 %` of nothing is a dash.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// `2026-11-26 21:51:19`, UTC.
pub(crate) fn moment(time: SystemTime) -> String {
    let text = Rfc3339(time).to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}
