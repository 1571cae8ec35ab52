//! Reads notices back, to find outages and what a log has lost.

use super::SpilledNotice;
use super::line::is_named;
use super::object::Object;
use crate::spill::line::NOTICE_TARGET;
use std::time::{Duration, SystemTime};

/// A message next to a client's id; if the object names a target, it must be ours.
pub(super) fn from_object(object: &Object<'_>) -> Option<SpilledNotice> {
    let (_, client) = object.fields.iter().chain(&object.in_folder).find(|(name, _)| is_client(name))?;
    if object.target.as_ref().is_some_and(|target| target != NOTICE_TARGET) {
        return None;
    }
    Some(SpilledNotice {
        client: client.text().trim_matches('"').to_owned(),
        text: object.message.as_ref()?.clone().into_owned(),
        written_at: object.time.as_ref().and_then(|time| moment(time)),
    })
}

pub(super) fn is_client(name: &str) -> bool {
    is_named(name, "spill_client")
}

/// A time as formatters write it, in UTC or with an offset: `2026-11-26T12:19:45.123456Z`.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(19)?;
    let date = date.replacen(' ', "T", 1);
    let whole = super::super::time::parse(&format!("{date}.000Z"))?;
    let fraction = rest.strip_prefix(['.', ',']).unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let nanos = format!("{:0<9}", &fraction[..digits.min(9)]).parse().ok()?;
    let zone = if rest.len() > fraction.len() { &fraction[digits..] } else { rest };
    let moment = whole + Duration::from_nanos(nanos);
    match zone {
        "" | "Z" | "+00:00" | "+0000" => Some(moment),
        _ => {
            let minutes = |text: &str| {
                let text = text.replace(':', "");
                let (hours, minutes) = text.split_at_checked(2)?;
                Some(60 * hours.parse::<u64>().ok()? + minutes.parse::<u64>().ok()?)
            };
            let offset = |minutes: u64| Duration::from_secs(60 * minutes.min(24 * 60));
            match zone.split_at_checked(1)? {
                ("+", east) => moment.checked_sub(offset(minutes(east)?)),
                ("-", west) => moment.checked_add(offset(minutes(west)?)),
                _ => None,
            }
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::spill::Rfc3339;

    #[test]
    fn times_are_read_as_formatters_write_them() {
        let is = |text: &str| moment(text).map(|moment| Rfc3339(moment).to_string());
        let expected = Some("2026-11-26T12:19:45.123Z".to_owned());
        for text in [
            "2026-11-26T12:19:45.123Z",
            "2026-11-26T12:19:45.123456789Z",
            "2026-11-26 12:19:45,123",
            "2026-11-26T13:19:45.123+01:00",
            "2026-11-26T07:49:45.123-0430",
        ] {
            assert_eq!(is(text), expected, "{text}");
        }
        assert_eq!(is("2026-11-26T12:19:45Z").as_deref(), Some("2026-11-26T12:19:45.000Z"));
        for wrong in
            ["", "2026-11-26", "2026-11-26T12:19:45.1x", "2026-99-26T12:19:45Z", "世界世界世界世界世界"]
        {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
