//! Decides which events are sent.

use super::Arguments;
use overspill::MaybeDelivered;
use overspill::spill::Joined;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `user.country=DE`
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    path: Vec<String>,
    value: String,
}

pub(crate) fn condition_of(text: &str) -> Result<Condition, String> {
    let (path, value) = text.split_once('=').ok_or("give a field, = and its value, like user.country=DE")?;
    if path.is_empty() {
        return Err("the field has no name".to_owned());
    }
    Ok(Condition { path: path.split('.').map(str::to_owned).collect(), value: value.to_owned() })
}

impl Condition {
    fn holds(&self, json: &Value) -> bool {
        // A name may contain dots.
        let whole = json.get(self.path.join("."));
        let nested = self.path.iter().try_fold(json, |json, name| match json {
            Value::Array(elements) => elements.get(name.parse::<usize>().ok()?),
            json => json.get(name),
        });
        [whole, nested].into_iter().flatten().any(|value| match value {
            Value::String(text) => *text == self.value,
            value => format!("{value}") == self.value,
        })
    }
}

/// All conditions on an event.
pub(crate) struct Filter<'a>(&'a Arguments);

impl<'a> Filter<'a> {
    pub(crate) fn new(arguments: &'a Arguments) -> Filter<'a> {
        Filter(arguments)
    }

    pub(crate) fn admits(&self, event: &Joined) -> bool {
        let Filter(asked) = self;
        let at = event.emitted_at;
        (asked.reasons.is_empty() || asked.reasons.contains(&event.reason))
            && asked.since.is_none_or(|since| at >= since)
            && asked.until.is_none_or(|until| at < until)
            && !(asked.skip_maybe_delivered && event.maybe_delivered == MaybeDelivered::Yes)
            && self.conditions_hold(event)
    }

    fn conditions_hold(&self, event: &Joined) -> bool {
        if self.0.conditions.is_empty() {
            return true;
        }
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let (own, common) = (parsed(&event.event), event.common.as_deref().map(parsed).unwrap_or_default());
        let name = |condition: &Condition| {
            condition.path == ["event", "name"] && event.name.as_deref() == Some(&condition.value)
        };
        self.0.conditions.iter().all(|asked| asked.holds(&own) || asked.holds(&common) || name(asked))
    }
}

/// `2026-11-26`, `2026-11-26T12:00`, `2026-11-26T12:00:00.5Z`: UTC.
pub(crate) fn moment(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.strip_suffix('Z').unwrap_or(time).splitn(3, ':');
    let hour: u64 = time.next()?.parse().ok()?;
    let minute: u64 = time.next()?.parse().ok()?;
    let second: f64 = time.next().unwrap_or("0").parse().ok()?;
    let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || hour > 23 || minute > 59 || !(0.0..60.0).contains(&second) {
        return None;
    }
    // Howard Hinnant's `days_from_civil`.
    let (year, shifted) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year_of_era) = (year / 400, year % 400);
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + (153 * shifted + 2) / 5
        + day
        - 719_469;
    let seconds = u64::try_from(days).ok()? * 86_400 + hour * 3_600 + minute * 60;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?.checked_add(Duration::from_secs_f64(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use overspill::spill::Rfc3339;
    use serde_json::json;

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, is) in [
            ("2026-11-26", "2026-11-26T00:00:00.000Z"),
            ("2024-02-29T12:30", "2024-02-29T12:30:00.000Z"),
            ("2026-11-26 12:19:45.123Z", "2026-11-26T12:19:45.123Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(moment(text).map(|moment| Rfc3339(moment).to_string()).as_deref(), Some(is), "{text}");
        }
        for wrong in ["", "2h", "2026", "2026-13-01", "2026-11-26T25:00", "2026-11-26T12:00:61", "x-y-z"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_condition_finds_its_member_at_any_depth() {
        let json = json!({ "a": { "b": [1, { "c": "x" }] }, "d.e": true, "n": null });
        for (text, holds) in [
            ("a.b.1.c=x", true),
            ("a.b.0=1", true),
            ("d.e=true", true),
            ("n=null", true),
            ("a.b.1.c=y", false),
            ("q=x", false),
        ] {
            assert_eq!(condition_of(text).map(|condition| condition.holds(&json)), Ok(holds), "{text}");
        }
        assert!(condition_of("a").is_err() && condition_of("=x").is_err());
    }
}
