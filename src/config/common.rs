//! The settings for what all events have in common: common fields, the time, the name.
//!
//! Values become JSON when they are set; `build` reports what is wrong with them.

use super::env::resource;
use super::{BuildError, Builder};
use crate::clock::Stamp;
use crate::common::{Common, CommonField, Names};
use crate::encode::{Encoded, Encoder};
use crate::event::Event;
use crate::format::{Layout, Placement};
use crate::limits::{COMMON_FIELDS_BYTES_MAX, NAME_FIELD, SPILL_EVENT_BYTES_LEAST};
use crate::spill::{CommonInLog, event_room};
use serde::Serialize;

/// A common field as it was given.
#[derive(Debug, Clone)]
pub(crate) struct GivenField {
    pub(super) name: String,
    /// Its JSON, or what is wrong with the value.
    json: Result<String, String>,
}

impl GivenField {
    fn new(name: String, value: &(impl Serialize + ?Sized)) -> GivenField {
        GivenField { json: json_of(value), name }
    }

    /// As it will appear in events.
    fn field(&self) -> Result<CommonField, String> {
        if self.name.is_empty() {
            return Err("have one without a name".to_owned());
        }
        let wrong = |why: &String| format!("have {:?}, whose value cannot be written: {why}", self.name);
        let json = self.json.as_ref().map_err(wrong)?;
        let key = json_of(&self.name).map_err(|why| wrong(&why))?;
        Ok(CommonField { name: self.name.clone(), key, json: json.clone() })
    }
}

/// Printable JSON on one line, like that of events.
fn json_of(value: &(impl Serialize + ?Sized)) -> Result<String, String> {
    let encoder = Encoder::new(COMMON_FIELDS_BYTES_MAX);
    let mut event = Event::vacant(Stamp(0));
    match encoder.encode(value, &mut event) {
        Encoded::Whole => Ok(String::from_utf8_lossy(event.text()).into_owned()),
        Encoded::Oversized | Encoded::TooLong => Err("it is too long".to_owned()),
        Encoded::Failed(why) => Err(why),
    }
}

impl Builder {
    /// Adds a field that every event has: which service, which version, where. It replaces an earlier field of the same name. The value
    /// becomes JSON at once.
    ///
    /// A format that has a place for such fields writes them there, once per request. JSON array, NDJSON and every frame put them into each
    /// event, before its own members: `{"service.name":"orders","order":7}`. The sender adds them, so `emit` does not pay for them. An
    /// event that is not an object then goes under `"value"`. If an event has a field of the same name, most readers take the last one,
    /// which is the event's own.
    ///
    /// They count toward `event_bytes_max` and `batch_bytes_max`, and take at most
    /// [`COMMON_FIELDS_BYTES_MAX`](crate::limits::COMMON_FIELDS_BYTES_MAX) together. A spilled event has them in its JSON, as the request
    /// would, or next to it in its record (`spill_common`). `spill_redact` applies to them too.
    ///
    /// ```
    /// let builder = overspill::Client::builder("http://127.0.0.1:9/")
    ///     .service_name("orders")
    ///     .common_field("region", "eu-west-1")
    ///     .common_field("shard", 7);
    /// # builder.build().unwrap().shutdown_blocking(std::time::Duration::ZERO);
    /// ```
    pub fn common_field(mut self, name: impl Into<String>, value: impl Serialize) -> Builder {
        let given = GivenField::new(name.into(), &value);
        match self.common_fields.iter_mut().find(|earlier| earlier.name == given.name) {
            Some(earlier) => *earlier = given,
            None => self.common_fields.push(given),
        }
        self
    }

    /// The [common field](Builder::common_field) `service.name`. The names are OpenTelemetry's.
    pub fn service_name(self, name: impl AsRef<str>) -> Builder {
        self.common_field("service.name", name.as_ref())
    }

    /// The [common field](Builder::common_field) `service.version`.
    pub fn service_version(self, version: impl AsRef<str>) -> Builder {
        self.common_field("service.version", version.as_ref())
    }

    /// The [common field](Builder::common_field) `service.instance.id`: distinguishes this process from others of the service.
    pub fn service_instance_id(self, id: impl AsRef<str>) -> Builder {
        self.common_field("service.instance.id", id.as_ref())
    }

    /// The [common field](Builder::common_field) `deployment.environment.name`: `production`, `staging`.
    pub fn deployment_environment_name(self, name: impl AsRef<str>) -> Builder {
        self.common_field("deployment.environment.name", name.as_ref())
    }

    /// The [common field](Builder::common_field) `host.name`.
    pub fn host_name(self, name: impl AsRef<str>) -> Builder {
        self.common_field("host.name", name.as_ref())
    }

    /// Adds [common fields](Builder::common_field) from the variables that OpenTelemetry reads: `OTEL_RESOURCE_ATTRIBUTES`
    /// (`key=value,key=value`, percent-encoded) and `OTEL_SERVICE_NAME`, whose value wins for `service.name`. An empty variable counts as
    /// unset. On an error none of them is used, and [`build`](Builder::build) returns the error, as with [`with_env`](Builder::with_env).
    pub fn common_fields_from_otel_env(self) -> Builder {
        self.with_resource(|name| std::env::var_os(name))
    }

    pub(super) fn with_resource(mut self, variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Builder {
        match resource::attributes(variable) {
            Ok(attributes) => {
                attributes.into_iter().fold(self, |builder, (name, value)| builder.common_field(name, value))
            }
            Err(wrong) => {
                self.wrong_variables.push(wrong);
                self
            }
        }
    }

    /// Writes the time of `emit` into each event, as a member with this name: `"timestamp":"2026-11-26T12:19:45.123Z"`, next to the [common
    /// fields](Builder::common_field). A format that has its own place for the time writes it there in any case. On Linux it is exact to
    /// the kernel's tick, 1 to 10 ms.
    pub fn time_field(mut self, name: impl Into<String>) -> Builder {
        self.time_field = Some(name.into());
        self
    }

    /// The member that holds an event's [name](crate::Client::emit_named) if the format has no separate place for it. Default
    /// [`NAME_FIELD`].
    pub fn name_field(mut self, name: impl Into<String>) -> Builder {
        self.name_field = name.into();
        self
    }

    pub(super) fn checked_common(&self) -> Result<Common, BuildError> {
        let placement = self.format.placement();
        if placement.is_beside() && matches!(self.format.layout(), Layout::Framed(_)) {
            return Err(BuildError::invalid(
                "format",
                "has a frame, but wants common fields once per request, which a frame has no place for",
                "return Placement::InEachEvent from Format::placement, or Layout::Encoded from Format::layout",
            ));
        }
        let fields =
            self.common_fields.iter().map(GivenField::field).collect::<Result<Vec<_>, _>>().map_err(
                |problem| {
                    BuildError::invalid(
                        "common fields",
                        problem,
                        "give each a name and a value that is short JSON",
                    )
                },
            )?;
        let own = [("time_field", self.time_name()), ("name_field", Some(self.name_field.as_str()))];
        let names = self.common_fields.iter().map(|given| given.name.as_str());
        for (setting, name) in own.into_iter().filter_map(|(setting, name)| Some((setting, name?))) {
            let problem = match name {
                "" => "is empty",
                name if json_of(name).is_err() => "is too long",
                name if names.clone().any(|other| other == name) => "is a common field too",
                name if setting == "name_field" && self.time_name() == Some(name) => "is the time_field too",
                _ => continue,
            };
            return Err(BuildError::invalid(setting, problem, "choose another name"));
        }
        let common = self.common_of(placement, fields);
        let bytes = common.fields().json().len();
        if bytes > COMMON_FIELDS_BYTES_MAX {
            return Err(BuildError::invalid(
                "common fields",
                format!("take {bytes} bytes together"),
                format!("give fewer or shorter ones: at most {COMMON_FIELDS_BYTES_MAX} bytes of JSON"),
            ));
        }
        Ok(common)
    }

    /// The member for an event's time: as set, or as the format's endpoint expects it.
    pub(super) fn time_name(&self) -> Option<&str> {
        self.time_field.as_deref().or(self.format.demands().time_field)
    }

    fn common_of(&self, placement: Placement, fields: Vec<CommonField>) -> Common {
        let key = |name: &str| json_of(name).unwrap_or_default();
        let time_key = self.time_name().map(key);
        let names = Names::for_queue(self.queue_events_max);
        Common::new(placement, fields, time_key.as_deref(), &key(&self.name_field), names)
    }

    /// Checks that a line has room for the event next to the common fields.
    pub(super) fn checked_common_in_log(&self, common: &Common) -> Result<Option<CommonInLog>, BuildError> {
        let in_log = CommonInLog::new(common, &self.spill_redact).map_err(|_| {
            BuildError::invalid(
                "spill_redact",
                "cannot be applied to the common fields",
                "make Redact::rewrite return one JSON value, also for the object of common fields",
            )
        })?;
        let room = event_room(self.spill_line_bytes_max, in_log.as_ref());
        if in_log.is_some() && room < SPILL_EVENT_BYTES_LEAST {
            return Err(BuildError::invalid(
                "spill_line_bytes_max",
                format!("leaves {room} bytes for the event next to the common fields"),
                format!("raise it by {} or more, or set fewer common fields", SPILL_EVENT_BYTES_LEAST - room),
            ));
        }
        Ok(in_log)
    }

    /// For a client that must be built whatever happens: drops fields that cannot be written, or all of them, instead of failing.
    pub(super) fn with_sound_common(mut self) -> Builder {
        self.common_fields.retain(|given| given.field().is_ok());
        let checked = self.checked_common().and_then(|common| self.checked_common_in_log(&common));
        if checked.is_err() {
            self.common_fields.clear();
            self.time_field = None;
            NAME_FIELD.clone_into(&mut self.name_field);
        }
        self
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::format::{Body, Events, Format, Frame, JsonArray, Overhead};
    use crate::limits::{BATCH_BYTES, EVENT_BYTES, SPILL_LINE_BYTES_LEAST};
    use crate::spill::Redact;
    use std::collections::BTreeMap;

    fn new() -> Builder {
        Builder::new("http://localhost/")
    }

    fn refused(builder: Builder) -> String {
        builder.config().unwrap_err().to_string()
    }

    /// Has its own place for what events have in common; with a frame, if one is given.
    struct Placing(Option<Frame>);

    impl Format for Placing {
        fn content_type(&self) -> &'static str {
            "application/json"
        }

        fn encode(&self, _: Events<'_>, _: &mut Body) {}

        fn overhead(&self) -> Overhead {
            Overhead { per_batch: 100, per_event: 0 }
        }

        fn layout(&self) -> Layout {
            self.0.map_or(Layout::Encoded, Layout::Framed)
        }

        fn placement(&self) -> Placement {
            Placement::OncePerRequest
        }
    }

    #[test]
    fn a_common_field_replaces_an_earlier_one_and_keeps_its_position() {
        let config = new()
            .service_name("old")
            .common_field("n", [1, 2])
            .service_name("orders \u{202e}")
            .host_name("a")
            .service_version("1")
            .service_instance_id("i")
            .deployment_environment_name("test")
            .config()
            .unwrap();
        assert_eq!(
            config.common.fields().json(),
            r#"{"service.name":"orders \u202e","n":[1,2],"host.name":"a","service.version":"1","service.instance.id":"i","deployment.environment.name":"test"}"#
        );
        assert_eq!(config.common.fields().get("n"), Some("[1,2]"));
    }

    #[test]
    fn what_is_wrong_with_a_common_field_is_an_error_that_says_what_to_do() {
        let failing = BTreeMap::from([(vec![1], 2)]);
        for (builder, words) in [
            (new().common_field("", 1), "common fields have one without a name: give each"),
            (new().common_field("x", failing), "common fields have \"x\", whose value cannot be written"),
            (new().common_field("x", "y".repeat(3000)), "it is too long"),
            (new().common_field("x".repeat(5000), 1), "it is too long"),
            (
                new().common_field("x", "y".repeat(1500)).common_field("y", "y".repeat(1500)),
                "at most 2048 bytes",
            ),
            (new().time_field(""), "time_field is empty: choose another name"),
            (new().name_field(""), "name_field is empty"),
            (new().name_field("n".repeat(5000)), "name_field is too long"),
            (new().time_field("at").common_field("at", 1), "time_field is a common field too"),
            (new().name_field("at").common_field("at", 1), "name_field is a common field too"),
            (new().name_field("at").time_field("at"), "name_field is the time_field too"),
            (new().format(Placing(JsonArray.layout().frame().into())), "format has a frame"),
        ] {
            let error = refused(builder);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn what_is_added_counts_towards_what_an_event_and_a_batch_may_be() {
        let config = new().config().unwrap();
        assert_eq!((config.event_bytes_max, config.text_bytes_max), (EVENT_BYTES, EVENT_BYTES));
        // `"service.name":"orders",` and `"at":"2026-11-26T12:19:45.123Z",`, and `{"value":}` for an event that is not an object.
        let both = || new().service_name("orders").time_field("at");
        assert_eq!(both().config().unwrap().text_bytes_max, EVENT_BYTES - 24 - 32 - 10);
        assert_eq!(both().event_bytes_max(67).config().unwrap().text_bytes_max, 1);
        let error = refused(both().event_bytes_max(66));
        assert!(
            error.contains("event_bytes_max is 66 B, and the fields that every event has take 66 B"),
            "{error}"
        );
        assert!(refused(both().batch_bytes_max(60)).contains("raise it (and batch_bytes_max"));
        // Next to the events: once per request.
        let beside = || both().format(Placing(None));
        let config = beside().config().unwrap();
        assert_eq!(config.text_bytes_max, EVENT_BYTES);
        let fields = r#"{"service.name":"orders"}"#.len();
        assert_eq!(config.overhead, Overhead { per_batch: 100 + fields, per_event: 0 });
        assert!(beside().batch_bytes_max(100 + fields).config().is_err());
        assert_eq!(beside().batch_bytes_max(101 + fields).config().unwrap().event_bytes_max, 1);
        assert!(refused(beside().event_bytes_max(BATCH_BYTES - 100)).contains("raise batch_bytes_max"));
    }

    #[test]
    fn a_line_without_room_for_the_event_next_to_the_common_fields_is_an_error() {
        let beside = |bytes: usize| {
            let line = new().format(Placing(None)).spill_line_bytes_max(SPILL_LINE_BYTES_LEAST);
            line.common_field("x", "y".repeat(bytes))
        };
        assert!(beside(700).config().is_ok());
        let error = refused(beside(1_000));
        assert!(error.starts_with("spill_line_bytes_max leaves") && error.contains("raise it by"), "{error}");
        // In the events, as part of them.
        assert!(
            new()
                .spill_line_bytes_max(SPILL_LINE_BYTES_LEAST)
                .common_field("x", "y".repeat(1_900))
                .config()
                .is_ok()
        );
    }

    #[test]
    fn redaction_that_fails_on_the_common_fields_is_an_error_of_build() {
        let redact = || Redact::new().rewrite(|_| Some("no JSON".to_owned()));
        let beside = new().format(Placing(None)).service_name("orders").spill_redact(redact());
        assert!(refused(beside).contains("cannot be applied to the common fields"));
        assert!(new().service_name("orders").spill_redact(redact()).config().is_ok());
    }

    #[test]
    fn the_environment_gives_common_fields_and_one_that_is_wrong_is_named_without_its_value() {
        let given = |name: &str, value: &str| {
            let variables = [(name.to_owned(), value.to_owned())].into_iter().collect();
            new().service_name("old").with_variables(variables)
        };
        let builder =
            given("COMMON_FIELDS", r#"{"service.name": "orders", "N": {"b": 1}, "n": null}"#).unwrap();
        let config = builder.config().unwrap();
        assert_eq!(config.common.fields().json(), r#"{"service.name":"orders","N":{"b":1},"n":null}"#);
        for odd in ["secret", "[]", r#"{"a":"secret","a":2}"#, "{}x"] {
            let error = given("COMMON_FIELDS", odd).err().unwrap().to_string();
            assert!(error.starts_with("OVERSPILL_COMMON_FIELDS takes a JSON object"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(given("TIME_FIELD", "at").unwrap().time_field.as_deref(), Some("at"));
        assert_eq!(given("NAME_FIELD", "type").unwrap().name_field, "type");
    }

    #[test]
    fn a_wrong_resource_is_reported_by_build() {
        let resource = |value: &'static str| {
            new().with_resource(move |name| (name == "OTEL_RESOURCE_ATTRIBUTES").then(|| value.into()))
        };
        let config = resource("service.name=orders,host.name=a%20b").config().unwrap();
        assert_eq!(config.common.fields().json(), r#"{"service.name":"orders","host.name":"a b"}"#);
        assert!(refused(resource("service.name")).starts_with("OTEL_RESOURCE_ATTRIBUTES takes"));
    }

    #[test]
    fn a_client_for_the_log_alone_keeps_what_is_sound_and_is_always_valid() {
        let kept = |builder: Builder| {
            let alone = builder.for_the_log_alone();
            let config = alone.config().unwrap();
            (config.common.fields().json().to_owned(), alone.time_field, alone.name_field)
        };
        let sound = new().service_name("orders").time_field("at").name_field("type");
        assert_eq!(
            kept(sound),
            (r#"{"service.name":"orders"}"#.to_owned(), Some("at".to_owned()), "type".to_owned())
        );
        let odd = new().common_field("", 1).common_field("a", 1).time_field("at");
        assert_eq!(kept(odd), (r#"{"a":1}"#.to_owned(), Some("at".to_owned()), NAME_FIELD.to_owned()));
        let nothing = || ("{}".to_owned(), None, NAME_FIELD.to_owned());
        let line = || new().format(Placing(None)).spill_line_bytes_max(SPILL_LINE_BYTES_LEAST);
        for unsound in [
            new().common_field("a", 1).time_field("a"),
            new().common_field(NAME_FIELD, 1),
            new().time_field("x".repeat(3_000)),
            line().common_field("x", "\u{301}".repeat(300)),
            line().common_field("x", 1).spill_redact(Redact::new().remove("no pointer")),
            line().common_field("x", 1).spill_redact(Redact::new().rewrite(|_| Some(String::new()))),
        ] {
            assert_eq!(kept(unsound), nothing());
        }
    }
}
