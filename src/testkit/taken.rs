//! What an endpoint took, for comparison with the log.

use super::act::Act;
use super::endpoint::Received;
use super::lock;
use serde::de::IgnoredAny;
use std::sync::{Arc, Mutex};

/// The events that an endpoint took, each as its exact JSON text, for tests. Clones share one list, which grows with every event.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<Mutex<Vec<String>>>);

impl Taken {
    /// A script for [`Endpoint::start`](super::Endpoint::start) that keeps the events of each request whose answer [takes](Act::takes)
    /// them.
    pub fn when(
        &self,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> impl Fn(&Received) -> Act + Send + Sync + 'static {
        let taken = self.clone();
        move |request| {
            let act = script(request);
            if act.takes() {
                taken.keep(&request.body);
            }
            act
        }
    }

    /// Keeps the events of a body: a JSON array, or one event per line.
    ///
    /// # Panics
    /// If it is neither. A plain body in one of overspill's own formats is always one of them.
    pub fn keep(&self, body: &[u8]) {
        lock(&self.0).extend(events_of(body));
    }

    /// The events so far, in the order of arrival.
    pub fn events(&self) -> Vec<String> {
        lock(&self.0).clone()
    }

    /// The number of events so far.
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Whether there are no events so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The events of a body, a JSON array or NDJSON, each as its exact text.
///
/// # Panics
/// If the body is neither.
pub fn events_of(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).unwrap_or_else(|error| panic!("a body that is not text: {error}"));
    // An event may itself be an array: one line that is an array is a JSON array of events.
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(inside) => values(inside, Some(',')),
        None => values(text, None),
    }
}

/// JSON values in sequence, with or without a character between them.
fn values(mut text: &str, between: Option<char>) -> Vec<String> {
    let mut values = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return values;
        }
        let mut parser = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        match parser.next() {
            Some(Ok(IgnoredAny)) => {}
            other => panic!("neither a JSON array nor NDJSON, {other:?}: {text:.200}"),
        }
        let (value, rest) = text.split_at(parser.byte_offset());
        values.push(value.trim_end().to_owned());
        text = between.and_then(|between| rest.trim_start().strip_prefix(between)).unwrap_or(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::events_of;

    #[test]
    fn the_events_of_an_array_and_of_lines_are_their_exact_texts() {
        assert_eq!(
            events_of(br#"[{"a":[1,2],"b":"],["},7,"x"]"#),
            [r#"{"a":[1,2],"b":"],["}"#, "7", r#""x""#]
        );
        assert_eq!(events_of(b"{\"a\":1}\n[2]\n3\n"), [r#"{"a":1}"#, "[2]", "3"]);
        assert_eq!(events_of(b"[]"), Vec::<String>::new());
    }
}
