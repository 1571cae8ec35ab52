//! `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{…}}}]}`: the
//! items in the order of the request, each under the action name that the server chose.

use crate::format::Fate;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use std::fmt;

/// The fate of each event. If the reply is cut or invalid, the fates that it reported up to there.
pub(super) fn fates(body: &[u8]) -> Result<Vec<Fate>, Vec<Fate>> {
    let mut fates = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = AnswerVisitor(&mut fates).deserialize(&mut json).and_then(|()| json.end());
    match read {
        Ok(()) => Ok(fates),
        Err(_) => Err(fates),
    }
}

struct AnswerVisitor<'a>(&'a mut Vec<Fate>);

impl<'de> DeserializeSeed<'de> for AnswerVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnswerVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with items")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = 0;
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" && found == 0 {
                found += 1;
                map.next_value_seed(ItemsVisitor(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct ItemsVisitor<'a>(&'a mut Vec<Fate>);

impl<'de> DeserializeSeed<'de> for ItemsVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(Item(fate)) = items.next_element()? {
            self.0.push(fate);
        }
        Ok(())
    }
}

struct Item(Fate);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Item, D::Error> {
        struct ItemVisitor;

        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one action")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let (_, outcome) =
                    map.next_entry::<IgnoredAny, ItemOutcome>()?.ok_or_else(|| Error::custom("none"))?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Item(outcome.fate()))
            }
        }

        json.deserialize_map(ItemVisitor)
    }
}

/// `{"status":400,"error":{"type":"…","reason":"…"}}`
#[derive(Default)]
struct ItemOutcome {
    status: u64,
    error: Value,
}

impl ItemOutcome {
    fn fate(self) -> Fate {
        let words = || format!("{}{}", self.status, words(&self.error));
        match self.status {
            200..=299 if self.error.is_null() => Fate::Delivered,
            // Created by an earlier request that was not answered.
            409 => Fate::Delivered,
            429 | 500..=599 => Fate::Unavailable(words()),
            300..=499 => Fate::Refused(words()),
            _ => Fate::Unknown(words()),
        }
    }
}

/// An old server's error is a string.
fn words(error: &Value) -> String {
    let member = |name: &str| error.get(name).and_then(Value::as_str);
    let cause = error.get("caused_by").and_then(|cause| cause.get("reason")).and_then(Value::as_str);
    let text = match (error.as_str(), member("type"), member("reason")) {
        (Some(text), ..) => text.to_owned(),
        (_, Some(kind), Some(reason)) => format!("{kind}: {reason}"),
        (_, kind, reason) => kind.or(reason).unwrap_or_default().to_owned(),
    };
    match (text.as_str(), cause) {
        ("", _) => String::new(),
        (text, Some(cause)) => format!(" {text}: {cause}"),
        (text, None) => format!(" {text}"),
    }
}

impl<'de> Deserialize<'de> for ItemOutcome {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<ItemOutcome, D::Error> {
        struct OutcomeVisitor;

        impl<'de> Visitor<'de> for OutcomeVisitor {
            type Value = ItemOutcome;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a status")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ItemOutcome, A::Error> {
                let mut outcome = ItemOutcome::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "status" => outcome.status = map.next_value()?,
                        "error" => outcome.error = map.next_value()?,
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(outcome)
            }
        }

        json.deserialize_map(OutcomeVisitor)
    }
}
